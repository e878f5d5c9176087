/* A devicetree with one UART, which is the console; `make` with -DFAKE_NONN_UART chooses another.
 */
#ifndef FAKE_ZEPHYR_DEVICETREE_H
#define FAKE_ZEPHYR_DEVICETREE_H

#define DT_HAS_CHOSEN(name) DT_HAS_##name
#define DT_HAS_zephyr_console 1
#define DT_CHOSEN(name) DT_CHOSEN_##name
#define DT_CHOSEN_zephyr_console fake_console
#define DT_CHOSEN_nonn_uart fake_nonn_uart
#define DEVICE_DT_GET(node) DEVICE_OF(node)
#define DEVICE_OF(node) (&node)

#if defined(FAKE_NONN_UART)
#define DT_HAS_nonn_uart 1
#else
#define DT_HAS_nonn_uart 0
#endif

extern const struct device fake_console;
extern const struct device fake_nonn_uart;

#endif
