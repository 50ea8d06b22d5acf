# evd_add_server(NAME my-server [MODULES api.orders ...])
#
# Part of the installed package: <build>/bin/my-server is an evd-server whose static table holds
# these modules, each of an evd_add_module() before; all of them when MODULES is left out. Its
# dynamic backend finds the same modules in <build>/modules.
function(evd_add_server)
  cmake_parse_arguments(arg "" "NAME" "MODULES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "evd_add_server: it takes NAME and, if not all, MODULES; '${arg_UNPARSED_ARGUMENTS}' is neither")
  endif()
  get_property(names GLOBAL PROPERTY EVD_MODULE_NAMES)
  get_property(idents GLOBAL PROPERTY EVD_MODULE_IDENTS)
  if(NOT arg_MODULES)
    set(arg_MODULES ${names})
  endif()
  if(NOT arg_MODULES)
    message(FATAL_ERROR "evd_add_server(${arg_NAME}): there is no module; evd_add_module() comes first")
  endif()

  set(text "/* Made by evd_add_server(): one line for each module. */\n")
  set(objects "")
  set(shared "")
  foreach(module IN LISTS arg_MODULES)
    list(FIND names "${module}" index)
    if(index EQUAL -1)
      message(FATAL_ERROR "evd_add_server(${arg_NAME}): no evd_add_module(NAME ${module}) before; there are: ${names}")
    endif()
    list(GET idents ${index} ident)
    string(APPEND text "EVD_BUILTIN(\"${module}\", ${ident})\n")
    list(APPEND objects $<TARGET_OBJECTS:evd_module_${ident}>)
    list(APPEND shared evd_module_${ident}_so)
  endforeach()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}-table")
  file(CONFIGURE OUTPUT "${folder}/builtins.def" CONTENT "${text}" @ONLY)

  # Found here, not with the package: who only builds modules needs none of them.
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
  find_package(ZLIB REQUIRED)
  find_library(EVD_EV_LIBRARY ev REQUIRED)
  find_library(EVD_HTTP_PARSER_LIBRARY http_parser REQUIRED)
  add_executable(${arg_NAME} "${EVD_PACKAGE_DIR}/builtins.c" ${objects})
  target_include_directories(${arg_NAME} PRIVATE "${folder}" "${EVD_INCLUDE_DIR}/evdispatch")
  target_compile_definitions(${arg_NAME} PRIVATE _GNU_SOURCE)
  target_link_libraries(${arg_NAME} PRIVATE "${EVD_LIBRARY_DIR}/libevd_server_main.a"
    "${EVD_LIBRARY_DIR}/libevd_server_core.a" "${EVD_LIBRARY_DIR}/libevd_dispatch.a"
    "${EVD_LIBRARY_DIR}/libevd_wire.a" "${EVD_LIBRARY_DIR}/libevd_message.a"
    evdispatch::module_api "${EVD_EV_LIBRARY}" "${EVD_HTTP_PARSER_LIBRARY}" ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS} m)
  target_link_options(${arg_NAME} PRIVATE ${EVD_BUILT_WITH})
  set_target_properties(${arg_NAME} PROPERTIES LINKER_LANGUAGE C
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  add_dependencies(${arg_NAME} ${shared})
endfunction()
