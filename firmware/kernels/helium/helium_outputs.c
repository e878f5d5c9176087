#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "helium_code.h"
#include "helium_outputs.h"

/* r0 are the sums, r2 the constants, lr the quads to come, q4 the addresses, moved on by each
 * store. */
#define BEGIN                   \
    "ldrd r0, r2, [r1, #8]\n"   \
    "dls lr, r2\n"              \
    "ldrd r2, r3, [r1, #32]\n"  \
    "ldrd r4, r12, [r1, #40]\n" \
    "vldrw.u32 q4, [r1, #48]\n"

NONN_NAKED void nonn_helium_scale_quads(void) {
    __asm volatile(BEGIN
                   "vdup.32 q5, r4\n"
                   "2:\n"
                   "ldm r2!, {r4-r11}\n"
                   "vldrw.u32 q0, [r0], #16\n"
                   "vmlas.s32 q0, q5, r4\n"
                   "vldrw.u32 q1, [r0], #16\n"
                   "vmlas.s32 q1, q5, r6\n"
                   "vldrw.u32 q2, [r0], #16\n"
                   "vmlas.s32 q2, q5, r8\n"
                   "vldrw.u32 q3, [r0], #16\n"
                   "vmlas.s32 q3, q5, r10\n"
                   "vqrdmulh.s32 q0, q0, r5\n"
                   "vqrdmulh.s32 q2, q2, r9\n"
                   "vqrshrnb.s32 q0, q0, #14\n"
                   "vqrdmulh.s32 q1, q1, r7\n"
                   "vqrshrnt.s32 q0, q2, #14\n"
                   "vqrdmulh.s32 q3, q3, r11\n"
                   "vqrshrnb.s32 q1, q1, #14\n"
                   "vqrshrnt.s32 q1, q3, #14\n"
                   "vqmovnb.s16 q0, q0\n"
                   "vqmovnt.s16 q0, q1\n"
                   "vstrw.32 q0, [q4, #4]!\n"
                   "le lr, 2b\n" NONN_HELIUM_NEXT);
}

#define QUADS(LIMITS)             \
    "2:\n"                        \
    "ldm r2!, {r4-r9}\n"          \
    "vldrw.u32 q0, [r0], #16\n"   \
    "vadd.i32 q0, q0, r4\n"       \
    "vldrw.u32 q1, [r0], #16\n"   \
    "vqrdmulh.s32 q0, q0, r5\n"   \
    "vadd.i32 q1, q1, r7\n"       \
    "vqdmlah.s32 q0, q0, r6\n"    \
    "vqrdmulh.s32 q1, q1, r8\n"   \
    "vrshl.s32 q0, r6\n"          \
    "vqdmlah.s32 q1, q1, r9\n"    \
    "vqmovnb.s32 q0, q0\n"        \
    "vrshl.s32 q1, r9\n"          \
    "vqmovnb.s32 q1, q1\n"        \
    "ldm r2!, {r4-r9}\n"          \
    "vldrw.u32 q2, [r0], #16\n"   \
    "vadd.i32 q2, q2, r4\n"       \
    "vldrw.u32 q3, [r0], #16\n"   \
    "vqrdmulh.s32 q2, q2, r5\n"   \
    "vadd.i32 q3, q3, r7\n"       \
    "vqdmlah.s32 q2, q2, r6\n"    \
    "vqrdmulh.s32 q3, q3, r8\n"   \
    "vrshl.s32 q2, r6\n"          \
    "vqdmlah.s32 q3, q3, r9\n"    \
    "vqmovnt.s32 q0, q2\n"        \
    "vrshl.s32 q3, r9\n"          \
    "vqmovnt.s32 q1, q3\n"        \
    "vqadd.s16 q0, q0, r10\n"     \
    "vqadd.s16 q1, q1, r10\n"     \
    "vqmovnb.s16 q0, q0\n"        \
    "vqmovnt.s16 q0, q1\n" LIMITS \
    "vstrw.32 q0, [q4, #4]!\n"    \
    "le lr, 2b\n" NONN_HELIUM_NEXT

NONN_NAKED void nonn_helium_requantize_quads(void) {
    __asm volatile(BEGIN
                   "ldrsb r5, [r1, #72]\n"
                   "ldrsb r6, [r1, #73]\n"
                   "ldrsh r10, [r1, #74]\n"
                   "vdup.8 q5, r5\n"
                   "vdup.8 q6, r6\n" QUADS("vmax.s8 q0, q0, q5\n"
                                           "vmin.s8 q0, q0, q6\n"));
}

NONN_NAKED void nonn_helium_requantize_quads_unlimited(void) {
    __asm volatile(BEGIN "ldrsh r10, [r1, #74]\n" QUADS(""));
}

#endif
