#include "nonn/device.h"

void nonn_device_run(const nonn_port *port) {
    static nonn_device device;
    nonn_device_init(&device, &nonn_model, port);
#ifndef NONN_WITHOUT_MLPERF
    nonn_device_greet(&device);
#endif
    for (;;) {
        nonn_device_poll(&device);
    }
}
