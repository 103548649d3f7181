# SPDX-License-Identifier: Apache-2.0
# What every target of the project is compiled with: target cairn_settings. Linked PRIVATE, so that
# nothing of it reaches the programs that use the library.

set(CAIRN_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=: 'address,undefined', 'thread'")
option(CAIRN_COVERAGE "Instrument for gcov" OFF)
option(CAIRN_WERROR "Warnings are errors" ON)
option(CAIRN_FUZZ "Build the fuzz targets with libFuzzer: clang only" OFF)

if(CAIRN_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
		message(FATAL_ERROR "CAIRN_FUZZ needs clang: -DCMAKE_C_COMPILER=clang")
	endif()
	set(CAIRN_SANITIZE "fuzzer-no-link,address,undefined")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	message(STATUS "No build type given: Release")
	set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(cairn_settings INTERFACE)

# -std=c17 hides everything that is not ISO C: it is asked for here, once.
target_compile_definitions(cairn_settings INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)

# Callbacks may be written in C++: an exception that crosses us by mistake must find its way.
target_compile_options(cairn_settings INTERFACE -fexceptions)

target_compile_options(cairn_settings INTERFACE
	-Wall -Wextra -Wpedantic
	-Wshadow -Wconversion -Wsign-conversion
	-Wcast-align -Wcast-qual -Wpointer-arith -Wwrite-strings
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wundef -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
	$<$<C_COMPILER_ID:GNU>:-Wcast-align=strict>)

# Instrumented code has branches that nobody wrote: null checks there prove nothing.
if(NOT CAIRN_SANITIZE)
	target_compile_options(cairn_settings INTERFACE -Wnull-dereference)
endif()

if(CAIRN_WERROR)
	target_compile_options(cairn_settings INTERFACE -Werror)
endif()

if(CAIRN_SANITIZE)
	target_compile_options(cairn_settings INTERFACE
		-fsanitize=${CAIRN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(cairn_settings INTERFACE -fsanitize=${CAIRN_SANITIZE})
else()
	target_link_options(cairn_settings INTERFACE LINKER:-z,defs)
endif()

if(CAIRN_COVERAGE)
	target_compile_options(cairn_settings INTERFACE --coverage)
	target_link_options(cairn_settings INTERFACE --coverage)
endif()
