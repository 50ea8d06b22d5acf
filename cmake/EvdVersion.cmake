# evd_version.h is rewritten on each build when the commit changed, so a report never names a stale one.
set(EVD_VERSION_DIR "${PROJECT_BINARY_DIR}/generated/version")
string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
string(STRIP "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${type}}" flags)
string(REGEX REPLACE "[\"\\\\;]" "'" flags "${flags}") # it becomes a string in C
set(EVD_VERSION_COMMAND ${CMAKE_COMMAND}
  -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUT=${EVD_VERSION_DIR}/evd_version.h
  -DVERSION=${PROJECT_VERSION} -DBUILD_TYPE=${CMAKE_BUILD_TYPE} -DSANITIZE=${EVD_SANITIZE}
  "-DFLAGS=${flags}" "-DCOMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
  -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake)
execute_process(COMMAND ${EVD_VERSION_COMMAND} COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(evd_version_header COMMAND ${EVD_VERSION_COMMAND}
  BYPRODUCTS ${EVD_VERSION_DIR}/evd_version.h VERBATIM)
add_library(evd_version INTERFACE)
target_include_directories(evd_version INTERFACE "${EVD_VERSION_DIR}")
add_dependencies(evd_version evd_version_header)
