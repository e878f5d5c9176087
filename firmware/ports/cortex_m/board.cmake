# What every Cortex-M board shares; the board's own file sets NONN_CPU_FLAGS and NONN_MEMORY first.
set(NONN_TFLM_TARGET cortex_m_generic)
set(NONN_TOOLCHAIN cortex_m/toolchain.cmake)
set(NONN_PORT_SOURCES cortex_m/main.c cortex_m/startup.c cortex_m/abort.c cortex_m/small_libc.c cortex_m/systick.c cortex_m/cmsdk_uart.c)
set(NONN_PORT_INCLUDES cortex_m ${NONN_BOARD})
set(NONN_SECTIONS cortex_m/sections.ld)
