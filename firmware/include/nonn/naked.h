/* Functions whose whole body is assembly; registers are as the procedure call standard has them.
 *
 * Compilers add no entry and no exit, and must not inline, clone or specialise them. Parameters
 * are read in their registers, which no compiler sees.
 */
#ifndef NONN_NAKED_H
#define NONN_NAKED_H

#if defined(__clang__)
#define NONN_NAKED __attribute__((naked, noinline))
#else
#define NONN_NAKED __attribute__((naked, noinline, noipa))
#endif

#define NONN_UNSEEN __attribute__((unused))

#endif
