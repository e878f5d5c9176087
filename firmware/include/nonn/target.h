/* Which kernels this compilation is for: exactly one of the three macros is 1, the others are 0.
 *
 * The compiler's own macros decide, so that any build system that knows its core gets the fastest
 * kernels: Helium on Cortex-M55 and M85, the DSP extension on Cortex-M4, M7 and M33, plain C
 * elsewhere. Defining NONN_PORTABLE takes plain C everywhere. The generated code of a model comes
 * once for each, and all but one compile to nothing.
 */
#ifndef NONN_TARGET_H
#define NONN_TARGET_H

#if defined(NONN_PORTABLE)
#define NONN_TARGET_HELIUM 0
#define NONN_TARGET_DSP 0
#define NONN_TARGET_PORTABLE 1
#elif defined(__ARM_FEATURE_MVE)
#define NONN_TARGET_HELIUM 1
#define NONN_TARGET_DSP 0
#define NONN_TARGET_PORTABLE 0
#elif defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define NONN_TARGET_HELIUM 0
#define NONN_TARGET_DSP 1
#define NONN_TARGET_PORTABLE 0
#else
#define NONN_TARGET_HELIUM 0
#define NONN_TARGET_DSP 0
#define NONN_TARGET_PORTABLE 1
#endif

#endif
