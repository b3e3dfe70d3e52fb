# Run at build time (cmake -P): writes HEADER from STAGE with the commit of SOURCE.
cmake_minimum_required(VERSION 3.25)
set(ORBITMILL_COMMIT unknown)

function(ask_git result)
  # Optional locks off: a build must not get in the way of a git command of the user.
  execute_process(COMMAND ${CMAKE_COMMAND} -E env GIT_OPTIONAL_LOCKS=0 ${GIT} -C ${SOURCE} ${ARGN}
    OUTPUT_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    set(output failed)
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

if(GIT)
  # A tarball unpacked inside some other checkout must not report that one's commit.
  ask_git(top rev-parse --show-toplevel)
  file(REAL_PATH ${SOURCE} source)
  if(top STREQUAL source)
    ask_git(commit rev-parse --short=12 HEAD)
    ask_git(changes status --porcelain --untracked-files=no)
    if(NOT commit STREQUAL "failed")
      set(ORBITMILL_COMMIT ${commit})
      if(changes)
        string(APPEND ORBITMILL_COMMIT -dirty)
      endif()
    endif()
  endif()
endif()
# configure_file leaves the file alone when nothing changes.
configure_file(${STAGE} ${HEADER} @ONLY)
