/* The port's clock and its ring on the host: each line of the input sets HAL_GetTick() and CYCCNT
 * and is answered by ticks(), or is "ring N": N bytes arrive and are read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nonn_stm32.h"

DWT_Type registers_of_dwt;
CoreDebug_Type registers_of_debug;
uint32_t SystemCoreClock = 168000000u;

static uint32_t milliseconds;

uint32_t HAL_GetTick(void) {
    return milliseconds;
}

static void pass_through_ring(const nonn_port *port, size_t size) {
    static uint8_t sent[4096], got[4096];
    static uint8_t next;
    for (size_t i = 0; i < size; i++) {
        sent[i] = next++;
    }
    nonn_stm32_received(sent, size);
    size_t read = 0;
    for (size_t n = 1; n > 0; read += n) {
        n = port->read(got + read, 100);
    }
    printf("%zu %s\n", read, memcmp(sent, got, read) == 0 ? "same" : "other");
}

int main(void) {
    const nonn_port port = nonn_stm32_port("host");
    char line[100];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t size = 0;
        if (sscanf(line, "ring %zu", &size) == 1 && size <= 4096) {
            pass_through_ring(&port, size);
        } else if (sscanf(line, "%" SCNu32 " %" SCNu32, &milliseconds,
                          (uint32_t *)&registers_of_dwt.CYCCNT) == 2) {
            printf("%" PRIu64 "\n", port.ticks());
        }
    }
    return 0;
}
