/* As much of TinyUSB as the port uses, with TinyUSB's own names and signatures; descriptors are
 * those of USB 2.0 (9.6) and of the class CDC (1.2, 5.2.3). */
#ifndef TUSB_H
#define TUSB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPT_MODE_DEVICE 1
#include "tusb_config.h"

#if CFG_TUSB_RHPORT0_MODE != OPT_MODE_DEVICE || CFG_TUD_CDC != 1 || \
    CFG_TUD_CDC_EP_BUFSIZE != 64 || CFG_TUD_CDC_RX_BUFSIZE < 64 || CFG_TUD_CDC_TX_BUFSIZE < 64
#error "tusb_config.h"
#endif

#define CFG_TUD_ENDPOINT0_SIZE 64
#define TU_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { TUSB_DESC_DEVICE = 1, TUSB_DESC_STRING = 3 };
enum { TUSB_CLASS_MISC = 0xEF, MISC_SUBCLASS_COMMON = 2, MISC_PROTOCOL_IAD = 1 };

typedef struct __attribute__((packed)) {
    uint8_t bLength, bDescriptorType;
    uint16_t bcdUSB;
    uint8_t bDeviceClass, bDeviceSubClass, bDeviceProtocol, bMaxPacketSize0;
    uint16_t idVendor, idProduct, bcdDevice;
    uint8_t iManufacturer, iProduct, iSerialNumber, bNumConfigurations;
} tusb_desc_device_t;

#define TU_U16(value) (uint8_t)((value)&0xff), (uint8_t)((value) >> 8)
#define TUD_CONFIG_DESC_LEN 9
#define TUD_CONFIG_DESCRIPTOR(number, interfaces, string, bytes, attributes, milliamperes) \
    9, 2, TU_U16(bytes), interfaces, number, string, 0x80 | (attributes), (milliamperes) / 2
#define TUD_CDC_DESC_LEN 66
#define TUD_CDC_DESCRIPTOR(first, string, in, in_bytes, out_data, in_data, bytes)               \
    8, 11, first, 2, 2, 2, 0, 0,                   /* association of two interfaces */          \
        9, 4, first, 0, 1, 2, 2, 0, string,        /* control */                                \
        5, 0x24, 0, TU_U16(0x0120),                /* header */                                 \
        5, 0x24, 1, 0, (uint8_t)((first) + 1),     /* call management */                        \
        4, 0x24, 2, 6,                             /* line coding, control line state, break */ \
        5, 0x24, 6, first, (uint8_t)((first) + 1), /* union */                                  \
        7, 5, in, 3, TU_U16(in_bytes), 16,         /* notifications */                          \
        9, 4, (uint8_t)((first) + 1), 0, 2, 10, 0, 0, 0, /* data */                             \
        7, 5, out_data, 2, TU_U16(bytes), 0, 7, 5, in_data, 2, TU_U16(bytes), 0

typedef struct __attribute__((packed)) {
    uint32_t bit_rate;
    uint8_t stop_bits, parity, data_bits;
} cdc_line_coding_t;

bool tusb_init(void);
void tud_task(void);
bool tud_ready(void);
uint32_t tud_cdc_read(void *buffer, uint32_t bufsize);
uint32_t tud_cdc_write(const void *buffer, uint32_t bufsize);
uint32_t tud_cdc_write_flush(void);
uint32_t tud_cdc_write_available(void);
bool tud_cdc_n_write_clear(uint8_t itf);

/* The program's. */
void tud_event_hook_cb(uint8_t rhport, uint32_t eventid, bool in_isr);
void tud_cdc_line_state_cb(uint8_t itf, bool dtr, bool rts);
void tud_cdc_line_coding_cb(uint8_t itf, const cdc_line_coding_t *coding);
const uint8_t *tud_descriptor_device_cb(void);
const uint8_t *tud_descriptor_configuration_cb(uint8_t index);
const uint16_t *tud_descriptor_string_cb(uint8_t index, uint16_t langid);
#endif
