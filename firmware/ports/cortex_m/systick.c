#include <stdint.h>

#include "cortex_m.h"

#define RELOAD 0xFFFFFFu

static volatile uint32_t wraps;

void nonn_systick(void);

void nonn_systick(void) {
    wraps++;
}

void cortex_m_systick_start(void) {
    SYST_RVR = RELOAD;
    SYST_CVR = 0;
    SYST_CSR = 7u; /* processor clock, interrupt, on */
}

uint64_t cortex_m_ticks(void) {
    for (;;) {
        const uint32_t before = wraps;
        const uint32_t count = (0u - SYST_CVR) & RELOAD; /* it wraps when it reaches 0 */
        /* A wrap between the two reads, or one whose interrupt has not run yet: read again. */
        if ((SCB_ICSR & SCB_ICSR_PENDSTSET) == 0 && before == wraps) {
            return ((uint64_t)before << 24) + count;
        }
    }
}
