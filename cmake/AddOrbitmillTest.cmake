# How a test is declared. Paths are relative to the CMakeLists.txt that declares it.
#
#   orbitmill_add_test(NAME field_test SOURCES register/field_test.cpp
#                      [RANKS 1 2 3 4] [LABEL quick|standard|long] [TIMEOUT seconds]
#                      [LIBRARIES target...])
#     A GoogleTest executable linked with orbitmill::core. Without RANKS one ctest test of that
#     name, run directly. With RANKS the executable gets the main() of
#     support/mpi_gtest_main.cpp and becomes one ctest test a rank count: field_test.np3.
#
#   orbitmill_add_script_test(NAME cli_show COMMAND ${PROJECT_SOURCE_DIR}/tests/cli/show.sh args...
#                      [LABEL quick|standard|long] [TIMEOUT seconds] [ENVIRONMENT "A=b"...])
#     A shell or Python test; exit status 0 is success, 77 skipped (only for what this machine
#     cannot have, such as namespaces, and with the reason printed). It finds in its environment
#       ORBITMILL_BIN         the orbitmill executable
#       ORBITMILL_SOURCE_DIR  the root of the source tree
#       PYTHON                a Python 3 that imports h5py
#       MPIRUN                mpirun; the variables below make it work as root and oversubscribed
#     and starts in an empty folder of its own, so that tests never meet each other's files.
#
# Labels are time classes: quick up to 5 s, standard up to a minute, long above that. More labels may
# follow: LABEL "standard;cluster" for tests over several nodes, "standard;slurm" for those under
# Slurm.

# mpi_yield_when_idle: ranks that share a core and spin while waiting are 40 times slower without.
# Binding none: two tests running at once would otherwise be bound to the same first cores.
set(ORBITMILL_TEST_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_hwloc_base_binding_policy=none
  OMPI_MCA_rmaps_base_oversubscribe=1)
set(ORBITMILL_TEST_TIME_FACTOR 1)
if(ORBITMILL_SANITIZE)
  # The preloaded library is loaded before AddressSanitizer's own, which is harmless (it defines
  # dlclose and nothing else) and must be said. intercept_tls_get_addr: the leak checker of GCC 12
  # crashes ("Tracer caught signal 11") on the thread-local storage of plugins of threads that end.
  list(APPEND ORBITMILL_TEST_ENVIRONMENT
    LD_PRELOAD=$<TARGET_FILE:orbitmill_keep_plugins>
    ASAN_OPTIONS=verify_asan_link_order=0:intercept_tls_get_addr=0
    LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0
    UBSAN_OPTIONS=print_stacktrace=1)
  set(ORBITMILL_TEST_TIME_FACTOR 4)
endif()
if(ORBITMILL_SANITIZE_THREADS)
  list(APPEND ORBITMILL_TEST_ENVIRONMENT
    TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp:halt_on_error=1)
  set(ORBITMILL_TEST_TIME_FACTOR 10)
endif()
if(ORBITMILL_COVERAGE)
  set(ORBITMILL_TEST_TIME_FACTOR 4)
endif()

function(_orbitmill_set_test_properties name label timeout processors)
  set(classes quick standard long)
  list(GET label 0 class)
  if(NOT class IN_LIST classes)
    message(FATAL_ERROR "test ${name}: LABEL \"${class}\" is none of: ${classes}")
  endif()
  math(EXPR timeout "${timeout} * ${ORBITMILL_TEST_TIME_FACTOR}")
  set_tests_properties(${name} PROPERTIES
    LABELS "${label}" TIMEOUT ${timeout} PROCESSORS ${processors}
    ENVIRONMENT "${ORBITMILL_TEST_ENVIRONMENT};${ARGN}")
endfunction()

function(orbitmill_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;TIMEOUT" "SOURCES;RANKS;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "orbitmill_add_test(${ARGN}): see cmake/AddOrbitmillTest.cmake")
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL quick)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()

  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${arg_NAME} PRIVATE
    ORBITMILL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  target_link_libraries(${arg_NAME} PRIVATE orbitmill::core ${arg_LIBRARIES})
  if(NOT arg_RANKS)
    target_link_libraries(${arg_NAME} PRIVATE GTest::gtest_main)
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
    _orbitmill_set_test_properties(${arg_NAME} "${arg_LABEL}" ${arg_TIMEOUT} 1)
    return()
  endif()
  target_link_libraries(${arg_NAME} PRIVATE orbitmill_mpi_gtest_main)
  foreach(ranks IN LISTS arg_RANKS)
    set(test ${arg_NAME}.np${ranks})
    add_test(NAME ${test}
      COMMAND ${MPIEXEC_EXECUTABLE} -n ${ranks} --oversubscribe $<TARGET_FILE:${arg_NAME}>)
    # At most 2: a test that claims more processors than ctest -j has runs alone, after the others.
    if(ranks GREATER 2)
      set(processors 2)
    else()
      set(processors ${ranks})
    endif()
    _orbitmill_set_test_properties(${test} "${arg_LABEL}" ${arg_TIMEOUT} ${processors})
  endforeach()
endfunction()

function(orbitmill_add_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;TIMEOUT" "COMMAND;ENVIRONMENT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_COMMAND)
    message(FATAL_ERROR "orbitmill_add_script_test(${ARGN}): see cmake/AddOrbitmillTest.cmake")
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL quick)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set(scratch ${PROJECT_BINARY_DIR}/tests/scratch/${arg_NAME})
  add_test(NAME ${arg_NAME}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/support/in_scratch.sh ${scratch} ${arg_COMMAND})
  _orbitmill_set_test_properties(${arg_NAME} "${arg_LABEL}" ${arg_TIMEOUT} 2
    ORBITMILL_BIN=$<TARGET_FILE:orbitmill>
    ORBITMILL_SOURCE_DIR=${PROJECT_SOURCE_DIR}
    PYTHON=${ORBITMILL_PYTHON}
    MPIRUN=${MPIEXEC_EXECUTABLE}
    ${arg_ENVIRONMENT})
  set_tests_properties(${arg_NAME} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
