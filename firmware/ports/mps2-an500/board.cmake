# No float on the device: the soft ABI keeps the FPU off and exception frames small.
set(NONN_CPU_FLAGS -mthumb -mcpu=cortex-m7 -mfloat-abi=soft)
set(NONN_MEMORY mps2-an386/memory.ld) # the same memories
set(NONN_TFLM_ARCH cortex-m7)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex_m/board.cmake)
