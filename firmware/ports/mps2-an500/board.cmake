# No float on the device: the soft ABI keeps the FPU off and exception frames small.
set(NONN_CPU_FLAGS -mthumb -mcpu=cortex-m7 -mfloat-abi=soft)
set(NONN_MEMORY mps2-an386/memory.ld) # the same memories
set(NONN_TFLM_ARCH cortex-m7+fp cortex-m7)
set(NONN_CPU_FLAGS_FP -mthumb -mcpu=cortex-m7 -mfpu=auto -mfloat-abi=hard)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex_m/board.cmake)
