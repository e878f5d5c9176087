/* As much of Arduino's core as the library and its sketch use: ArduinoCore-API's names and
 * signatures. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus

class Print {
   public:
    virtual ~Print() {
    }
    virtual size_t write(uint8_t byte) = 0;
    virtual size_t write(const uint8_t *data, size_t size) = 0;
    virtual int availableForWrite() {
        return 0;
    }
    virtual void flush() {
    }
};

class Stream : public Print {
   public:
    virtual int available() = 0;
    virtual int read() = 0;
    virtual int peek() = 0;
};

class HardwareSerial : public Stream {
   public:
    void begin(unsigned long baud);
    size_t write(uint8_t byte) override;
    size_t write(const uint8_t *data, size_t size) override;
    int availableForWrite() override;
    void flush() override;
    int available() override;
    int read() override;
    int peek() override;
};

extern HardwareSerial Serial;

extern "C" {
#endif

unsigned long millis(void);
unsigned long micros(void);
void yield(void);
void setup(void);
void loop(void);

#ifdef __cplusplus
}
#endif

#endif
