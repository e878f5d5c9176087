/* What TinyUSB is built for: one CDC serial port, as a device. The SDK says which chip and that
 * there is no operating system. */
#ifndef TUSB_CONFIG_H
#define TUSB_CONFIG_H

#define CFG_TUSB_RHPORT0_MODE OPT_MODE_DEVICE

#define CFG_TUD_CDC 1
/* A full-speed packet has 64 bytes. Several fit, so that neither side waits for each of them. */
#define CFG_TUD_CDC_RX_BUFSIZE 256
#define CFG_TUD_CDC_TX_BUFSIZE 256
#define CFG_TUD_CDC_EP_BUFSIZE 64

#endif
