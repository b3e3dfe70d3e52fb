# Warnings and sanitizers, carried by one interface target that every target of ours links.
add_library(orbitmill_settings INTERFACE)
add_library(orbitmill::settings ALIAS orbitmill_settings)

target_compile_options(orbitmill_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wduplicated-cond
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
