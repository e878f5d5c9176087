/* The device over a UART of Zephyr: the one that the devicetree's `/chosen` calls `nonn,uart`, or
 * else `zephyr,console`. The console, the shell and the log must be elsewhere or off. */
#ifndef NONN_ZEPHYR_H
#define NONN_ZEPHYR_H

/* Serves `nonn_model` in the calling thread, which needs as much stack as app/prj.conf gives it. It
 * does not return, unless the UART cannot be used: then with -ENODEV, or the driver's error. */
int nonn_zephyr_serve(void);

#endif
