# Finds TensorFlow Lite Micro: an upstream source tree in which its own makefile has built the library.
#
#   TFLM_ROOT      the tree (or the environment's TFLM_ROOT)
#   TFLM_KERNELS   cmsis_nn or reference; cmsis_nn where that has been built, unless given
#
# The board says what it needs: NONN_TFLM_TARGET and NONN_TFLM_ARCH are TARGET and TARGET_ARCH of the makefile, the
# latter a list whose first built one is taken. Defines the target TFLM::tflm and sets TFLM_KERNELS and TFLM_ARCH.
set(TFLM_ROOT "$ENV{TFLM_ROOT}" CACHE PATH "Source tree of TensorFlow Lite Micro with its built library")
set(TFLM_KERNELS "" CACHE STRING "cmsis_nn or reference")

set(tflm_make "tensorflow/lite/micro/tools/make")
set(tflm_documentation "https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/cortex_m_generic/README.md")
if(NOT TFLM_ROOT)
    message(FATAL_ERROR "TFLM_ROOT is not set: give a source tree of TensorFlow Lite Micro, -DTFLM_ROOT=DIR; see ${tflm_documentation}")
endif()
if(NOT EXISTS "${TFLM_ROOT}/tensorflow/lite/micro/micro_interpreter.h")
    message(FATAL_ERROR "TFLM_ROOT=${TFLM_ROOT}: no TensorFlow Lite Micro there (tensorflow/lite/micro/micro_interpreter.h is missing)")
endif()
if(NOT TFLM_KERNELS MATCHES "^(cmsis_nn|reference|)$")
    message(FATAL_ERROR "TFLM_KERNELS=${TFLM_KERNELS}: cmsis_nn or reference")
endif()

if(NOT NONN_TFLM_ARCH) # the host: known only behind project()
    set(NONN_TFLM_ARCH "${CMAKE_HOST_SYSTEM_PROCESSOR}")
endif()

# gen/TARGET_ARCH_BUILDTYPE[_KERNELS]_TOOLCHAIN/lib
function(tflm_find_library kernels result)
    set(infix "")
    if(kernels STREQUAL "cmsis_nn")
        set(infix "_cmsis_nn")
    endif()
    foreach(arch IN LISTS NONN_TFLM_ARCH)
        foreach(build IN ITEMS release default release_with_logs)
            set(library "${TFLM_ROOT}/gen/${NONN_TFLM_TARGET}_${arch}_${build}${infix}_gcc/lib/libtensorflow-microlite.a")
            if(EXISTS "${library}")
                set(${result} "${library}" PARENT_SCOPE)
                set(${result}_BUILD "${build}" PARENT_SCOPE)
                set(TFLM_ARCH "${arch}" PARENT_SCOPE)
                return()
            endif()
        endforeach()
    endforeach()
    set(${result} "" PARENT_SCOPE)
endfunction()

if(TFLM_KERNELS)
    tflm_find_library("${TFLM_KERNELS}" TFLM_LIBRARY)
else()
    set(TFLM_KERNELS cmsis_nn)
    tflm_find_library(cmsis_nn TFLM_LIBRARY)
    if(NOT TFLM_LIBRARY)
        set(TFLM_KERNELS reference)
        tflm_find_library(reference TFLM_LIBRARY)
    endif()
endif()
if(NOT TFLM_LIBRARY)
    set(optimized "")
    if(TFLM_KERNELS STREQUAL "cmsis_nn")
        set(optimized " OPTIMIZED_KERNEL_DIR=cmsis_nn")
    endif()
    list(JOIN NONN_TFLM_ARCH " or " names)
    list(GET NONN_TFLM_ARCH 0 arch)
    message(FATAL_ERROR "TFLM_ROOT=${TFLM_ROOT}: no library for ${names} with ${TFLM_KERNELS} kernels; in that folder, run: make -f ${tflm_make}/Makefile TARGET=${NONN_TFLM_TARGET} TARGET_ARCH=${arch}${optimized} microlite")
endif()

# The headers of flatbuffers check their own version against the schema's at compile time.
foreach(header IN ITEMS flatbuffers/include/flatbuffers/flatbuffers.h gemmlowp/fixedpoint/fixedpoint.h ruy/ruy/profiler/instrumentation.h)
    if(NOT EXISTS "${TFLM_ROOT}/${tflm_make}/downloads/${header}")
        message(FATAL_ERROR "TFLM_ROOT=${TFLM_ROOT}: ${tflm_make}/downloads/${header} is missing; run make -f ${tflm_make}/Makefile third_party_downloads there")
    endif()
endforeach()

add_library(TFLM::tflm STATIC IMPORTED)
set_target_properties(TFLM::tflm PROPERTIES IMPORTED_LOCATION "${TFLM_LIBRARY}")
target_include_directories(TFLM::tflm SYSTEM INTERFACE
    "${TFLM_ROOT}"
    "${TFLM_ROOT}/${tflm_make}/downloads/flatbuffers/include"
    "${TFLM_ROOT}/${tflm_make}/downloads/gemmlowp"
    "${TFLM_ROOT}/${tflm_make}/downloads/ruy")
# What the library itself was compiled with and its headers ask for.
target_compile_definitions(TFLM::tflm INTERFACE TF_LITE_STATIC_MEMORY "NONN_TFLM_KERNELS=${TFLM_KERNELS}")
if(NOT TFLM_LIBRARY_BUILD STREQUAL "release_with_logs" AND NOT TFLM_LIBRARY_BUILD STREQUAL "default")
    target_compile_definitions(TFLM::tflm INTERFACE TF_LITE_STRIP_ERROR_STRINGS)
endif()
if(TFLM_KERNELS STREQUAL "cmsis_nn")
    target_compile_definitions(TFLM::tflm INTERFACE CMSIS_NN)
endif()
