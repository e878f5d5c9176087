# No float on the device: the soft ABI keeps the FPU off and exception frames small.
set(NONN_CPU_FLAGS -mthumb -mcpu=cortex-m4 -mfloat-abi=soft)
set(NONN_MEMORY mps2-an386/memory.ld)
# An interpreter computes in float when it starts; with the FPU that takes 2 KB less flash.
set(NONN_TFLM_ARCH cortex-m4+fp cortex-m4)
set(NONN_CPU_FLAGS_FP -mthumb -mcpu=cortex-m4 -mfpu=auto -mfloat-abi=hard)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex_m/board.cmake)
