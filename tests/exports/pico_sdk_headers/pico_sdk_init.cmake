# As much of the SDK's CMake as an export uses, for the host, with fake_sdk.c behind it. What the functions were
# told lies in told.txt of the build folder.
set(PICO_SDK_VERSION_STRING "${FAKE_SDK_VERSION}")
set(PICO_RP2040 1)
set(fake_sdk "${CMAKE_CURRENT_LIST_DIR}")
file(WRITE "${CMAKE_BINARY_DIR}/told.txt" "")

macro(pico_sdk_init)
    add_library(pico_stdlib INTERFACE)
    target_include_directories(pico_stdlib INTERFACE "${fake_sdk}")
    target_sources(pico_stdlib INTERFACE "${fake_sdk}/fake_sdk.c")
    target_compile_definitions(pico_stdlib INTERFACE main=firmware_main PICO_BOARD="${PICO_BOARD}" PICO_RP2040=1)
    target_link_options(pico_stdlib INTERFACE "-Wl,--defsym=__StackTop=__StackBottom+64")
    add_library(pico_unique_id INTERFACE)
    if(NOT FAKE_WITHOUT_TINYUSB)
        add_library(tinyusb_device INTERFACE)
    endif()
endmacro()

foreach(name IN ITEMS pico_enable_stdio_usb pico_enable_stdio_uart pico_set_program_name
        pico_set_program_description pico_set_program_version pico_add_extra_outputs)
    function(${name} target)
        if(NOT TARGET "${target}")
            message(FATAL_ERROR "${CMAKE_CURRENT_FUNCTION}: no target ${target}")
        endif()
        file(APPEND "${CMAKE_BINARY_DIR}/told.txt" "${CMAKE_CURRENT_FUNCTION} ${ARGN}\n")
    endfunction()
endforeach()
