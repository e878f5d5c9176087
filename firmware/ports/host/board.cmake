# The machine that builds: no toolchain file, no linker script.
set(NONN_PORT_SOURCES host/main.c)
