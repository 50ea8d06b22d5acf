# evd_add_module(NAME api.hello [IDENT hello] SOURCES hello.c)
#
# One module, compiled once, for every backend:
#   - <build>/modules/api/hello.so, which the dynamic backend finds by its name;
#   - an entry in the static table of evd-server, which static and instance use.
# IDENT is the name given to EVD_MODULE(); the last segment of NAME when left out.
function(evd_add_module)
  cmake_parse_arguments(arg "" "NAME;IDENT" "SOURCES" ${ARGN})
  if(NOT arg_NAME MATCHES "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$")
    message(FATAL_ERROR "evd_add_module: NAME '${arg_NAME}' must be segments of [A-Za-z0-9_-] joined by dots")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "evd_add_module(${arg_NAME}): SOURCES is missing")
  endif()
  if(NOT arg_IDENT)
    string(REGEX REPLACE "^.*\\." "" arg_IDENT "${arg_NAME}")
    string(REPLACE "-" "_" arg_IDENT "${arg_IDENT}")
  endif()
  get_property(names GLOBAL PROPERTY EVD_MODULE_NAMES)
  get_property(idents GLOBAL PROPERTY EVD_MODULE_IDENTS)
  if("${arg_NAME}" IN_LIST names OR "${arg_IDENT}" IN_LIST idents)
    message(FATAL_ERROR "evd_add_module(${arg_NAME}): the name, or the identifier ${arg_IDENT}, is taken")
  endif()

  set(objects "evd_module_${arg_IDENT}")
  add_library(${objects} OBJECT ${arg_SOURCES})
  target_link_libraries(${objects} PRIVATE evd_flags evd_module_api)
  set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)

  string(REPLACE "." "/" path "${arg_NAME}")
  get_filename_component(folder "${path}" DIRECTORY)
  get_filename_component(file "${path}" NAME)
  add_library(${objects}_so MODULE $<TARGET_OBJECTS:${objects}>)
  set_target_properties(${objects}_so PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME "${file}"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/modules/${folder}" LINKER_LANGUAGE C)
  # Only cJSON may be left for the loader to find; the server's symbols are not there to be used.
  target_link_libraries(${objects}_so PRIVATE evd_flags evd_module_api)
  if(NOT EVD_SANITIZE)
    target_link_options(${objects}_so PRIVATE -Wl,--no-undefined -Wl,--as-needed)
  endif()

  set_property(GLOBAL APPEND PROPERTY EVD_MODULE_NAMES "${arg_NAME}")
  set_property(GLOBAL APPEND PROPERTY EVD_MODULE_IDENTS "${arg_IDENT}")
endfunction()

# What a module is compiled against: <evdispatch/module.h> and cJSON, nothing else of this tree.
set(EVD_MODULE_INCLUDE "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${EVD_MODULE_INCLUDE}/evdispatch")
foreach(header module.h message.h status.h)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/dispatch/${header}"
    "${EVD_MODULE_INCLUDE}/evdispatch/${header}" SYMBOLIC)
endforeach()
add_library(evd_module_api INTERFACE)
target_include_directories(evd_module_api INTERFACE "${EVD_MODULE_INCLUDE}")
target_link_libraries(evd_module_api INTERFACE PkgConfig::CJSON)

# The static table, after the last evd_add_module(): the library evd_builtins.
function(evd_write_builtins folder)
  add_custom_target(evd_all_modules)
  get_property(names GLOBAL PROPERTY EVD_MODULE_NAMES)
  get_property(idents GLOBAL PROPERTY EVD_MODULE_IDENTS)
  set(text "/* Made by cmake/EvdModules.cmake: one line for each evd_add_module(). */\n")
  set(objects "")
  foreach(name ident IN ZIP_LISTS names idents)
    string(APPEND text "EVD_BUILTIN(\"${name}\", ${ident})\n")
    list(APPEND objects $<TARGET_OBJECTS:evd_module_${ident}>)
    add_dependencies(evd_all_modules evd_module_${ident}_so)
  endforeach()
  file(CONFIGURE OUTPUT "${folder}/builtins.def" CONTENT "${text}" @ONLY)
  add_library(evd_builtins STATIC "${PROJECT_SOURCE_DIR}/dispatch/builtins.c" ${objects})
  target_include_directories(evd_builtins PRIVATE "${folder}")
  target_link_libraries(evd_builtins PUBLIC evd_dispatch PRIVATE evd_flags PkgConfig::CJSON)
endfunction()
