#include <zephyr/kernel.h>

#include "nonn_zephyr.h"

int main(void) {
    return nonn_zephyr_serve();
}
