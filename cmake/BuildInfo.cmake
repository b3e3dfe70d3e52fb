# orbitmill::build_info: a target whose users can #include "orbitmill/build_info.hpp".
#
# The commit changes between two builds without any CMake file changing, so it is asked for at each
# build, by cmake/WriteBuildInfo.cmake. The header is touched only when its text changes, and only
# src/app/version.cpp includes it: a commit costs one compilation.
set(build_info_stage ${PROJECT_BINARY_DIR}/generated/build_info.stage)
set(build_info_header ${PROJECT_BINARY_DIR}/generated/orbitmill/build_info.hpp)

string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type_upper)
get_target_property(build_flags orbitmill_settings INTERFACE_COMPILE_OPTIONS)
# Warnings do not change the binary.
list(FILTER build_flags EXCLUDE REGEX "^-W")
string(JOIN " " build_flags
  ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type_upper}} ${build_flags})

# Configured twice: now for everything but the commit, which puts itself back, and at each build.
set(ORBITMILL_COMMIT "@ORBITMILL_COMMIT@")
configure_file(${PROJECT_SOURCE_DIR}/cmake/build_info.hpp.in ${build_info_stage} @ONLY)

find_package(Git QUIET)
add_custom_target(orbitmill_write_build_info
  COMMAND ${CMAKE_COMMAND}
    -D "GIT=${GIT_EXECUTABLE}" -D "SOURCE=${PROJECT_SOURCE_DIR}"
    -D "STAGE=${build_info_stage}" -D "HEADER=${build_info_header}"
    -P ${PROJECT_SOURCE_DIR}/cmake/WriteBuildInfo.cmake
  BYPRODUCTS ${build_info_header}
  COMMENT "Asking git for the commit"
  VERBATIM)

add_library(orbitmill_build_info INTERFACE)
add_library(orbitmill::build_info ALIAS orbitmill_build_info)
target_include_directories(orbitmill_build_info INTERFACE ${PROJECT_BINARY_DIR}/generated)
add_dependencies(orbitmill_build_info orbitmill_write_build_info)
