#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "helium_outputs.h"

/* r0 are the sums, r1 the constants, r2 the quads of a tile, r3 the tiles to come, q4 the addresses
 * and r12 from one tile's last quad to the next tile's first. Each store moves the addresses on. */

__attribute__((naked)) const int32_t *nonn_helium_scale_quads(const nonn_helium_outputs *outputs,
                                                              uint32x4_t addresses) {
    (void)outputs;
    (void)addresses;
    __asm volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d11}\n"
        "vmov q4, q0\n"
        "ldr r4, [r0, #16]\n"
        "ldm r0, {r0, r1, r2, r3}\n"
        "ldrh r12, [r4]\n"
        "ldr r4, [r4, #8]\n"
        "add r12, r12, r12, lsl #1\n"
        "vdup.32 q5, r4\n"
        "1:\n"
        "dls lr, r2\n"
        "2:\n"
        "ldm r1!, {r4-r11}\n"
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
        "le lr, 2b\n"
        "subs r3, r3, #1\n"
        "beq 3f\n"
        "vadd.i32 q4, q4, r12\n" /* behind the tile's other pixels */
        "sub r1, r1, r2, lsl #5\n"
        "b 1b\n"
        "3:\n"
        "mov r0, r1\n"
        "vpop {d8-d11}\n"
        "pop {r4-r11, pc}\n");
}

__attribute__((naked)) const int32_t *nonn_helium_requantize_quads(
    const nonn_helium_outputs *outputs, uint32x4_t addresses) {
    (void)outputs;
    (void)addresses;
    __asm volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d13}\n"
        "vmov q4, q0\n"
        "ldr r4, [r0, #16]\n"
        "ldm r0, {r0, r1, r2, r3}\n"
        "ldrh r12, [r4]\n"
        "ldrsb r5, [r4, #6]\n"
        "ldrsb r6, [r4, #7]\n"
        "ldrsh r10, [r4, #4]\n"
        "add r12, r12, r12, lsl #1\n"
        "vdup.8 q5, r5\n"
        "vdup.8 q6, r6\n"
        "1:\n"
        "dls lr, r2\n"
        "2:\n"
        "ldm r1!, {r4-r9}\n"
        "vldrw.u32 q0, [r0], #16\n"
        "vadd.i32 q0, q0, r4\n"
        "vldrw.u32 q1, [r0], #16\n"
        "vqrdmulh.s32 q0, q0, r5\n"
        "vadd.i32 q1, q1, r7\n"
        "vqdmlah.s32 q0, q0, r6\n"
        "vqrdmulh.s32 q1, q1, r8\n"
        "vrshl.s32 q0, r6\n"
        "vqdmlah.s32 q1, q1, r9\n"
        "vqmovnb.s32 q0, q0\n"
        "vrshl.s32 q1, r9\n"
        "vqmovnb.s32 q1, q1\n"
        "ldm r1!, {r4-r9}\n"
        "vldrw.u32 q2, [r0], #16\n"
        "vadd.i32 q2, q2, r4\n"
        "vldrw.u32 q3, [r0], #16\n"
        "vqrdmulh.s32 q2, q2, r5\n"
        "vadd.i32 q3, q3, r7\n"
        "vqdmlah.s32 q2, q2, r6\n"
        "vqrdmulh.s32 q3, q3, r8\n"
        "vrshl.s32 q2, r6\n"
        "vqdmlah.s32 q3, q3, r9\n"
        "vqmovnt.s32 q0, q2\n"
        "vrshl.s32 q3, r9\n"
        "vqmovnt.s32 q1, q3\n"
        "vqadd.s16 q0, q0, r10\n"
        "vqadd.s16 q1, q1, r10\n"
        "vqmovnb.s16 q0, q0\n"
        "vqmovnt.s16 q0, q1\n"
        "vmax.s8 q0, q0, q5\n"
        "vmin.s8 q0, q0, q6\n"
        "vstrw.32 q0, [q4, #4]!\n"
        "le lr, 2b\n"
        "subs r3, r3, #1\n"
        "beq 3f\n"
        "vadd.i32 q4, q4, r12\n" /* behind the tile's other pixels */
        "sub r1, r1, r2, lsl #5\n"
        "sub r1, r1, r2, lsl #4\n"
        "b 1b\n"
        "3:\n"
        "mov r0, r1\n"
        "vpop {d8-d13}\n"
        "pop {r4-r11, pc}\n");
}

_Static_assert(offsetof(nonn_helium_filters, channels) == 0 &&
                   offsetof(nonn_helium_filters, output_offset) == 4 &&
                   offsetof(nonn_helium_filters, activation_min) == 6 &&
                   offsetof(nonn_helium_filters, activation_max) == 7 &&
                   offsetof(nonn_helium_filters, scale) == 8,
               "as the two read them");

#endif
