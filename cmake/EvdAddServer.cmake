# evd_add_server(NAME my-server [MODULES api.orders ...] [LAYOUTS 8] [MAIN library])
#
# Part of the installed package: <build>/bin/my-server is an evd-server whose static table holds
# these modules, each of an evd_add_module() before; all of them when MODULES is left out. Its
# dynamic backend finds the same modules in <build>/modules.
#
# LAYOUTS: also <build>/layouts/my-server-1 to -8, the same object files linked in other orders, which the
# key "layouts" of a study's design asks for. MAIN: a static library whose main() takes the place of
# the server's, for another program over the same table.
include("${CMAKE_CURRENT_LIST_DIR}/EvdLinkLayouts.cmake")
function(evd_add_server)
  cmake_parse_arguments(arg "" "NAME;LAYOUTS;MAIN" "MODULES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "evd_add_server: it takes NAME and, if not all, MODULES, and LAYOUTS and MAIN; '${arg_UNPARSED_ARGUMENTS}' is none")
  endif()
  if(DEFINED arg_LAYOUTS AND NOT arg_LAYOUTS MATCHES "^([1-9]|[12][0-9]|30)$")
    message(FATAL_ERROR "evd_add_server(${arg_NAME}): LAYOUTS is '${arg_LAYOUTS}', not a number from 1 to 30")
  endif()
  if(NOT arg_MAIN)
    set(arg_MAIN "${EVD_LIBRARY_DIR}/libevd_server_main.a")
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
  set(table ${arg_NAME}_table)
  add_library(${table} OBJECT "${EVD_PACKAGE_DIR}/builtins.c")
  target_include_directories(${table} PRIVATE "${folder}" "${EVD_INCLUDE_DIR}/evdispatch")
  target_compile_definitions(${table} PRIVATE _GNU_SOURCE)
  target_link_libraries(${table} PRIVATE evdispatch::module_api)
  set(archives "")
  foreach(library IN ITEMS server_core dispatch wire message)
    list(APPEND archives "${EVD_LIBRARY_DIR}/libevd_${library}.a")
  endforeach()
  set(libraries ${arg_MAIN} ${archives} evdispatch::module_api "${EVD_EV_LIBRARY}" "${EVD_HTTP_PARSER_LIBRARY}"
    ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS} m)
  add_executable(${arg_NAME} $<TARGET_OBJECTS:${table}> ${objects})
  target_link_libraries(${arg_NAME} PRIVATE ${libraries})
  target_link_options(${arg_NAME} PRIVATE ${EVD_BUILT_WITH})
  set_target_properties(${arg_NAME} PROPERTIES LINKER_LANGUAGE C
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  add_dependencies(${arg_NAME} ${shared})
  if(NOT arg_LAYOUTS)
    return()
  endif()

  set(work "${CMAKE_CURRENT_BINARY_DIR}/layouts/${arg_NAME}")
  set(script "${EVD_PACKAGE_DIR}/archive_objects.cmake")
  file(GENERATE OUTPUT "${work}.modules" CONTENT "$<JOIN:${objects},\n>\n")
  string(REPLACE ";" "|" joined "${archives}")
  add_custom_command(OUTPUT "${work}.objects"
    COMMAND ${CMAKE_COMMAND} "-DAR=${CMAKE_AR}" "-DARCHIVES=${joined}" "-DOBJECTS=${work}.modules"
      "-DFOLDER=${work}" "-DOUT=${work}.objects" -P "${script}"
    DEPENDS ${archives} "${work}.modules" "${script}" VERBATIM)
  evd_link_layouts(NAME ${arg_NAME} TARGET ${arg_NAME} COUNT ${arg_LAYOUTS} ROOT "${CMAKE_BINARY_DIR}"
    LIST "${work}.objects" SOURCES $<TARGET_OBJECTS:${table}> LIBRARIES ${libraries} OPTIONS ${EVD_BUILT_WITH}
    DEPENDS ${objects})
endfunction()
