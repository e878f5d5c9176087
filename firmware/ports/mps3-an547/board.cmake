# The hard ABI, since GCC offers Helium (MVE) only with it.
set(NONN_CPU_FLAGS -mthumb -mcpu=cortex-m55 -mfloat-abi=hard)
set(NONN_MEMORY mps3-an547/memory.ld)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex_m/board.cmake)
