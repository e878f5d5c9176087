#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "helium_code.h"
#include "helium_sums.h"

/* What is loaded once for all channels lies in q0 to q4; what is not named comes to q5 from r7, r9
 * and r11, pixels 0 to 2, or r5, pixel 3. At most four chunks leave that one no register: r12 leads
 * there and accumulates afterwards, so all of it is loaded first. The pairs of a quad take the
 * chunks forwards and backwards in turn, and each begins with what the one before it left in q5.
 * r1 are the weights, r3 the sums, r5 the quads to come. */
#define CHUNK_MACRO                                                  \
    ".macro nonn_tile_pixel mac, value, even, odd, from, at, last\n" \
    ".ifc \\value, 0\n"                                              \
    "vldrb.u8 q5, [\\from, #\\at]\n"                                 \
    "nonn_tile_pixel \\mac, q5, \\even, \\odd, , , \\last\n"         \
    ".else\n"                                                        \
    "\\mac \\even, \\value, q6\n"                                    \
    ".ifnb \\last\n"                                                 \
    "vldrw.u32 q7, [r1], #16\n"                                      \
    ".endif\n"                                                       \
    "\\mac \\odd, \\value, q7\n"                                     \
    ".endif\n"                                                       \
    ".endm\n"                                                        \
    ".macro nonn_tile_on at, p0, p1, p2, p3=0, mac=vmladava.s8\n"    \
    "vldrw.u32 q6, [r1], #16\n"                                      \
    "nonn_tile_pixel \\mac, \\p3, r6, lr, r5, \\at, 1\n"             \
    "nonn_tile_pixel \\mac, \\p0, r0, r8, r7, \\at\n"                \
    "nonn_tile_pixel \\mac, \\p1, r2, r10, r9, \\at\n"               \
    "nonn_tile_pixel \\mac, \\p2, r4, r12, r11, \\at\n"              \
    ".endm\n"                                                        \
    ".macro nonn_tile_back at, p0, p1, p2, p3=0, mac=vmladava.s8\n"  \
    "vldrw.u32 q6, [r1], #16\n"                                      \
    "nonn_tile_pixel \\mac, \\p3, r6, lr, r5, \\at, 1\n"             \
    "nonn_tile_pixel \\mac, \\p2, r4, r12, r11, \\at\n"              \
    "nonn_tile_pixel \\mac, \\p1, r2, r10, r9, \\at\n"               \
    "nonn_tile_pixel \\mac, \\p0, r0, r8, r7, \\at\n"                \
    ".endm\n"

#define PURGE                  \
    ".purgem nonn_tile_back\n" \
    ".purgem nonn_tile_on\n"   \
    ".purgem nonn_tile_pixel\n"

#define FIRST ", vmladav.s8\n"
#define ON "nonn_tile_on "
#define BACK "nonn_tile_back "
#define STORE "stm r3!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"

#define QUADS(PAIR, NEXT)        \
    "1:\n" PAIR STORE NEXT STORE \
    "subs r5, r5, #1\n"          \
    "bne 1b\n" NONN_HELIUM_PUT PURGE

NONN_NAKED void nonn_helium_sum_nothing(void) {
    __asm volatile(NONN_HELIUM_PUT);
}

NONN_NAKED void nonn_helium_sum_1(void) {
    __asm volatile(
        CHUNK_MACRO
        "vldrb.u8 q0, [r7]\n"
        "vldrb.u8 q1, [r9]\n"
        "vldrb.u8 q2, [r11]\n"
        "vldrb.u8 q3, [r12]\n" QUADS(ON "0, q0, q1, q2, q3" FIRST, ON "0, q0, q1, q2, q3" FIRST));
}

NONN_NAKED void nonn_helium_sum_2(void) {
    __asm volatile(
        CHUNK_MACRO
        "vldrb.u8 q0, [r12]\n"
        "vldrb.u8 q1, [r12, #16]\n"
        "vldrb.u8 q2, [r7]\n"
        "vldrb.u8 q3, [r7, #16]\n"
        "vldrb.u8 q4, [r9]\n"
        "vldrb.u8 q5, [r11]\n" QUADS(ON "0, q2, q4, q5, q0" FIRST ON "16, q3, 0, 0, q1\n",
                                     BACK "16, q3, 0, q5, q1" FIRST BACK "0, q2, q4, 0, q0\n"));
}

NONN_NAKED void nonn_helium_sum_3(void) {
    __asm volatile(CHUNK_MACRO
                   "vldrb.u8 q0, [r12]\n"
                   "vldrb.u8 q1, [r12, #16]\n"
                   "vldrb.u8 q2, [r12, #32]\n"
                   "vldrb.u8 q3, [r7]\n"
                   "vldrb.u8 q4, [r7, #16]\n"
                   "vldrb.u8 q5, [r9]\n" QUADS(ON "0, q3, q5, 0, q0" FIRST ON
                                                  "16, q4, 0, 0, q1\n" ON "32, 0, 0, 0, q2\n",
                                               BACK "32, 0, 0, q5, q2" FIRST BACK
                                                    "16, q4, 0, 0, q1\n" BACK "0, q3, 0, 0, q0\n"));
}

NONN_NAKED void nonn_helium_sum_4(void) {
    __asm volatile(
        CHUNK_MACRO
        "vldrb.u8 q0, [r12]\n"
        "vldrb.u8 q1, [r12, #16]\n"
        "vldrb.u8 q2, [r12, #32]\n"
        "vldrb.u8 q3, [r12, #48]\n"
        "vldrb.u8 q4, [r7]\n"
        "vldrb.u8 q5, [r9]\n" QUADS(ON "0, q4, q5, 0, q0" FIRST ON "16, 0, 0, 0, q1\n" ON
                                       "32, 0, 0, 0, q2\n" ON "48, 0, 0, 0, q3\n",
                                    BACK "48, 0, 0, q5, q3" FIRST BACK "32, 0, 0, 0, q2\n" BACK
                                         "16, 0, 0, 0, q1\n" BACK "0, q4, 0, 0, q0\n"));
}

/* On the stack: the end of the sums, since r5 is pixel 3. */
NONN_NAKED void nonn_helium_sum_8(void) {
    __asm volatile(CHUNK_MACRO
                   "add r5, r3, r5, lsl #6\n"
                   "push {r5}\n"
                   "mov r5, r12\n"
                   "vldrb.u8 q0, [r5]\n"
                   "vldrb.u8 q1, [r5, #16]\n"
                   "vldrb.u8 q2, [r5, #32]\n"
                   "vldrb.u8 q3, [r5, #112]\n"
                   "vldrb.u8 q4, [r7]\n"
                   "vldrb.u8 q5, [r9]\n"
                   "1:\n" ON "0, q4, q5, 0, q0" FIRST ON "16, 0, 0, 0, q1\n" ON
                   "32, 0, 0, 0, q2\n" ON "48, 0, 0, 0\n" ON "64, 0, 0, 0\n" ON "80, 0, 0, 0\n" ON
                   "96, 0, 0, 0\n" ON "112, 0, 0, 0, q3\n" STORE BACK "112, 0, 0, q5, q3" FIRST BACK
                   "96, 0, 0, 0\n" BACK "80, 0, 0, 0\n" BACK "64, 0, 0, 0\n" BACK
                   "48, 0, 0, 0\n" BACK "32, 0, 0, 0, q2\n" BACK "16, 0, 0, 0, q1\n" BACK
                   "0, q4, 0, 0, q0\n" STORE
                   "ldr r0, [sp]\n"
                   "cmp r3, r0\n"
                   "bne 1b\n"
                   "add sp, sp, #4\n" NONN_HELIUM_PUT PURGE);
}

/* r1 are the weights, r3 the sums, r5 the pairs to come, r7 the passes to come, r9 where to enter
 * the chain, r11 where it is in the panel. */
NONN_NAKED void nonn_helium_sum_panel(void) {
    __asm volatile(
        ".macro nonn_tile_step offset\n"
        "vldrw.u32 q4, [r1], #16\n"
        "vldrw.u32 q6, [r11, #\\offset]\n"
        "vmladava.s8 r0, q6, q4\n"
        "vldrw.u32 q5, [r1], #16\n"
        "vmladava.s8 r8, q6, q5\n"
        "vldrw.u32 q7, [r11, #\\offset + 16]\n"
        "vmladava.s8 r2, q7, q4\n"
        "vldrw.u32 q6, [r11, #\\offset + 32]\n"
        "vmladava.s8 r10, q7, q5\n"
        "vldrw.u32 q7, [r11, #\\offset + 48]\n"
        "vmladava.s8 r4, q6, q4\n"
        "vmladava.s8 r12, q6, q5\n"
        "vmladava.s8 r6, q7, q4\n"
        "vmladava.s8 lr, q7, q5\n"
        ".endm\n"
        "adr r2, 4f\n"
        "sub r9, r2, r9\n"
        "lsls r5, r5, #1\n"
        "vldrw.u32 q0, [r12]\n"
        "vldrw.u32 q1, [r12, #16]\n"
        "vldrw.u32 q2, [r12, #32]\n"
        "vldrw.u32 q3, [r12, #48]\n"
        "1:\n"
        "vldrw.u32 q4, [r1], #16\n"
        "vmladav.s8 r0, q0, q4\n"
        "vldrw.u32 q5, [r1], #16\n"
        "vmladav.s8 r2, q1, q4\n"
        "vmladav.s8 r4, q2, q4\n"
        "vmladav.s8 r6, q3, q4\n"
        "vmladav.s8 r8, q0, q5\n"
        "vmladav.s8 r10, q1, q5\n"
        "vmladav.s8 r12, q2, q5\n"
        "vmladav.s8 lr, q3, q5\n"
        "bx r9\n"
        ".balign 4\n" /* for adr; never run */
        "2:\n"
        "sub r11, r11, #512\n"
        "nonn_tile_step 448\n"
        "nonn_tile_step 384\n"
        "nonn_tile_step 320\n"
        "nonn_tile_step 256\n"
        "nonn_tile_step 192\n"
        "nonn_tile_step 128\n"
        "nonn_tile_step 64\n"
        "nonn_tile_step 0\n"
        "4:\n"
        "cbz r7, 3f\n"
        "subs r7, r7, #1\n"
        "bne 2b\n"
        "ldr r7, [sp, #64]\n"
        "ldr r11, [r7, #24]\n"
        "ldr r7, [r7, #16]\n"
        "3:\n" STORE
        "subs r5, r5, #1\n"
        "bne 1b\n" NONN_HELIUM_PUT ".purgem nonn_tile_step\n");
}

#endif
