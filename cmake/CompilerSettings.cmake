# Warnings and sanitizers, carried by one interface target that every target of ours links.
add_library(orbitmill_settings INTERFACE)
add_library(orbitmill::settings ALIAS orbitmill_settings)

if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(gnu_warnings -Wduplicated-cond)
endif()
target_compile_options(orbitmill_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference ${gnu_warnings}
  # Vector types stay inside inlined kernel code; their calling convention is nobody's interface.
  -Wno-psabi)
if(ORBITMILL_WARNINGS_AS_ERRORS)
  target_compile_options(orbitmill_settings INTERFACE -Werror)
endif()
if(ORBITMILL_SANITIZE)
  # -fno-sanitize-recover: undefined behaviour ends the test instead of printing and going on.
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(orbitmill_settings INTERFACE ${sanitize})
  target_link_options(orbitmill_settings INTERFACE ${sanitize})
endif()
if(ORBITMILL_SANITIZE_THREADS)
  if(ORBITMILL_SANITIZE)
    message(FATAL_ERROR "ThreadSanitizer and AddressSanitizer exclude each other: \
ORBITMILL_SANITIZE_THREADS or ORBITMILL_SANITIZE, not both.")
  endif()
  target_compile_options(orbitmill_settings INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(orbitmill_settings INTERFACE -fsanitize=thread)
endif()
if(ORBITMILL_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "ORBITMILL_FUZZERS needs Clang, the compiler is ${CMAKE_CXX_COMPILER_ID}: \
use the preset fuzz.\nDebian: apt-get install clang libclang-rt-14-dev")
  endif()
  # The library counts its branches; main() comes with -fsanitize=fuzzer (tests/fuzz).
  target_compile_options(orbitmill_settings INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(orbitmill_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ORBITMILL_COVERAGE)
  # -fprofile-update=atomic: threads count at once.
  target_compile_options(orbitmill_settings INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(orbitmill_settings INTERFACE --coverage)
endif()
