#include "nonn/kernels/mean_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>

#define LANES 8
#define FEW 256 /* pixels whose sum fits 16 bits */

/* nonn_requantize (nonn/fixed_point.h) with the output's zero point and limits. */
static inline int32x4_t requantize(const nonn_mean_helium_params *params, int32x4_t sums) {
    const int32_t left = params->shift > 0 ? params->shift : 0;
    const int32_t right = params->shift > 0 ? 0 : params->shift;
    int32x4_t x = vshlq_r_s32(vaddq_n_s32(sums, params->sum_offset), left);
    x = vqrdmulhq_n_s32(x, params->multiplier);
    if (right < 0) { /* VRSHL rounds ties upwards: less one, a negative number's go downwards */
        x = vrshlq_n_s32(vqaddq_s32(x, vshrq_n_s32(x, 31)), right);
    }
    x = vaddq_n_s32(x, params->output_zero_point);
    return vminq_s32(vmaxq_s32(x, vdupq_n_s32(INT8_MIN)), vdupq_n_s32(INT8_MAX));
}

void nonn_mean_helium(const nonn_mean_helium_params *params, const int8_t *input, int8_t *output) {
    const int32_t channels = params->channels;
    for (int32_t c = 0; c < channels; c += LANES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)(channels - c));
        const int8_t *pixel = input + c;
        int32x4_t even = vdupq_n_s32(0), odd = even;
        for (int32_t left = params->pixels; left > 0; left -= FEW) {
            int16x8_t few = vdupq_n_s16(0);
            for (int32_t p = left < FEW ? left : FEW; p > 0; --p) {
                few = vaddq_s16(few, vldrbq_z_s16(pixel, lanes));
                pixel += channels;
            }
            even = vaddq_s32(even, vmovlbq_s16(few));
            odd = vaddq_s32(odd, vmovltq_s16(few));
        }
        even = requantize(params, even);
        odd = requantize(params, odd);
        vstrbq_p_s16(output + c, vmovntq_s32(vmovnbq_s32(vdupq_n_s16(0), even), odd), lanes);
    }
}

#endif
