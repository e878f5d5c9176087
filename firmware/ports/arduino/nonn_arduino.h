/* The device on a Stream of Arduino: Serial of any board, USB or UART.
 *
 *     void setup() {
 *         Serial.begin(115200);
 *         Nonn.begin(Serial);
 *     }
 *     void loop() {
 *         Nonn.poll();
 *     }
 *
 * A sketch that only wants the model leaves Nonn alone and uses nonn_model of nonn/model.h.
 */
#ifndef NONN_ARDUINO_H
#define NONN_ARDUINO_H

#if defined(__AVR__)
#error "AVR keeps constants in RAM too: choose a board with a 32-bit processor"
#endif

#include <Arduino.h>

#include "nonn/device.h"

class NonnDevice {
   public:
    /* Starts the model and serves it on `stream`, which was begun and outlives the device. Nothing
     * else may write to it in the middle of a frame. */
    void begin(Stream &stream);

    /* Reads what is there and answers what it completes. It does not wait for bytes: loop() may do
     * other things as well, but should come back often, since serial ports hold little. */
    void poll();
};

extern NonnDevice Nonn;

#endif
