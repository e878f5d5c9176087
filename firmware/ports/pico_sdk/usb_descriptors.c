/* How the board presents itself: one CDC serial port whose serial number is the chip's own, so that
 * /dev/serial/by-id names the board and not the socket it is plugged into. Vendor and product are
 * those that the SDK gives to programs with a serial port. */
#include <stddef.h>
#include <stdint.h>

#include "pico/unique_id.h"
#include "tusb.h"

#define VENDOR 0x2E8Au /* Raspberry Pi */
#if PICO_RP2040
#define PRODUCT 0x000Au
#else
#define PRODUCT 0x0009u
#endif

enum { LANGUAGE, MANUFACTURER, NAME, SERIAL, STRINGS };
enum { CONTROL_INTERFACE, DATA_INTERFACE, INTERFACES };

#define NOTIFICATIONS_IN 0x81
#define DATA_OUT 0x02
#define DATA_IN 0x82
#define CONFIGURATION_BYTES (TUD_CONFIG_DESC_LEN + TUD_CDC_DESC_LEN)

static const tusb_desc_device_t device = {
    .bLength = sizeof(tusb_desc_device_t),
    .bDescriptorType = TUSB_DESC_DEVICE,
    .bcdUSB = 0x0200,
    /* Two interfaces belong together, which the association descriptor of the CDC macro says. */
    .bDeviceClass = TUSB_CLASS_MISC,
    .bDeviceSubClass = MISC_SUBCLASS_COMMON,
    .bDeviceProtocol = MISC_PROTOCOL_IAD,
    .bMaxPacketSize0 = CFG_TUD_ENDPOINT0_SIZE,
    .idVendor = VENDOR,
    .idProduct = PRODUCT,
    .bcdDevice = 0x0100,
    .iManufacturer = MANUFACTURER,
    .iProduct = NAME,
    .iSerialNumber = SERIAL,
    .bNumConfigurations = 1,
};

static const uint8_t configuration[] = {
    TUD_CONFIG_DESCRIPTOR(1, INTERFACES, 0, CONFIGURATION_BYTES, 0, 250), /* 250 mA */
    TUD_CDC_DESCRIPTOR(CONTROL_INTERFACE, 0, NOTIFICATIONS_IN, 8, DATA_OUT, DATA_IN, 64),
};

const uint8_t *tud_descriptor_device_cb(void) {
    return (const uint8_t *)&device;
}

const uint8_t *tud_descriptor_configuration_cb(uint8_t index) {
    (void)index;
    return configuration;
}

const uint16_t *tud_descriptor_string_cb(uint8_t index, uint16_t langid) {
    static uint16_t descriptor[1 + 31]; /* read after this function returns */
    static char serial[2 * PICO_UNIQUE_BOARD_ID_SIZE_BYTES + 1];
    const char *const strings[STRINGS] = {
        [MANUFACTURER] = "nonn-mcu", [NAME] = PICO_BOARD, [SERIAL] = serial};
    (void)langid;
    if (index >= STRINGS) {
        return NULL;
    }
    uint16_t n = 1;
    if (index == LANGUAGE) {
        descriptor[n++] = 0x0409; /* English */
    } else {
        pico_get_unique_board_id_string(serial, sizeof serial);
        for (const char *c = strings[index]; *c != '\0' && n < TU_ARRAY_SIZE(descriptor); c++) {
            descriptor[n++] = (uint8_t)*c;
        }
    }
    descriptor[0] = (uint16_t)(TUSB_DESC_STRING << 8 | 2 * n);
    return descriptor;
}
