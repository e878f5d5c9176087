/* Stands for the usbd_cdc_if.h that STM32CubeMX generates with ST's USB device middleware. */
#ifndef USBD_CDC_IF_H
#define USBD_CDC_IF_H

#include <stdint.h>

enum { USBD_OK = 0, USBD_BUSY = 1 };

uint8_t CDC_Transmit_FS(uint8_t *Buf, uint16_t Len);

#endif
