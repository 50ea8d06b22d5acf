# Compiler flags live in one interface target, so that no directory-wide state leaks between the rooms.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(CRYPTO REQUIRED libcrypto>=3.0)

find_path(EV_INCLUDE_DIR ev.h REQUIRED)
find_library(EV_LIBRARY ev REQUIRED)
add_library(evd_libev INTERFACE)
target_include_directories(evd_libev SYSTEM INTERFACE "${EV_INCLUDE_DIR}")
target_link_libraries(evd_libev INTERFACE "${EV_LIBRARY}")

find_path(HTTP_PARSER_INCLUDE_DIR http_parser.h REQUIRED)
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(evd_http_parser INTERFACE)
target_include_directories(evd_http_parser SYSTEM INTERFACE "${HTTP_PARSER_INCLUDE_DIR}")
target_link_libraries(evd_http_parser INTERFACE "${HTTP_PARSER_LIBRARY}")

# No vectors made of neighbouring members: to load two of 8 bytes that were just written as one of 16 takes the
# processor longer than the call they belong to.
# evd_foreign_flags: for somebody else's code, whose warnings are shown and stop nothing. evd_flags: for ours.
add_library(evd_foreign_flags INTERFACE)
target_compile_features(evd_foreign_flags INTERFACE c_std_11 cxx_std_17)
target_compile_definitions(evd_foreign_flags INTERFACE _GNU_SOURCE)
target_compile_options(evd_foreign_flags INTERFACE
  -Wall -Wextra -Wconversion -fno-strict-aliasing
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wvla>
  $<$<CONFIG:RelWithDebInfo>:-O2 -fno-plt -fno-tree-slp-vectorize>)

if(EVD_SANITIZE STREQUAL "address")
  set(EVD_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(EVD_SANITIZE STREQUAL "thread")
  set(EVD_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(EVD_SANITIZE STREQUAL "fuzzer")
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "EVD_SANITIZE=fuzzer needs clang, whose libFuzzer it is: -DCMAKE_C_COMPILER=clang")
  endif()
  set(EVD_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
elseif(EVD_SANITIZE STREQUAL "coverage")
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "EVD_SANITIZE=coverage needs clang: -DCMAKE_C_COMPILER=clang")
  endif()
  set(EVD_SANITIZE_FLAGS -fprofile-instr-generate -fcoverage-mapping)
elseif(NOT EVD_SANITIZE STREQUAL "")
  message(FATAL_ERROR
    "EVD_SANITIZE is '${EVD_SANITIZE}'; it may be address, thread, fuzzer, coverage or empty")
endif()
if(EVD_SANITIZE_FLAGS)
  target_compile_options(evd_foreign_flags INTERFACE ${EVD_SANITIZE_FLAGS})
  target_link_options(evd_foreign_flags INTERFACE ${EVD_SANITIZE_FLAGS})
endif()

add_library(evd_flags INTERFACE)
target_link_libraries(evd_flags INTERFACE evd_foreign_flags)
target_compile_options(evd_flags INTERFACE -Werror)
