# The machine that builds: no toolchain file, no linker script.
set(NONN_PORT_SOURCES host/main.c)
# TensorFlow Lite Micro's makefile names the host by what it runs on; FindTFLM.cmake asks for its processor.
set(NONN_TFLM_TARGET linux)
