# The hard ABI, since GCC offers Helium (MVE) only with it. GCC 12 vectorises the portable kernels for the
# worse: without that they take a tenth to a fifth fewer instructions, and a shorter stack.
set(NONN_CPU_FLAGS -mthumb -mcpu=cortex-m55 -mfloat-abi=hard -fno-tree-vectorize)
set(NONN_MEMORY mps3-an547/memory.ld)
set(NONN_TFLM_ARCH cortex-m55)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex_m/board.cmake)
