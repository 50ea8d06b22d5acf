# evd_add_module(NAME api.hello [IDENT hello] SOURCES hello.c)
#
# One module, compiled once, for every backend:
#   - <build>/modules/api/hello.so, which the dynamic backend finds by its name;
#   - an object for the static table of a server, which static and instance use.
# IDENT is the name given to EVD_MODULE(); the last segment of NAME when left out.
#
# The same file serves this tree and the installed package. EVD_MODULES_DIR is where the shared
# objects go; EVD_MODULES_INSTALL_DIR, where it is set, where they are installed; EVD_MODULE_FLAGS, where it is set, the
# target with the flags to compile by.
function(evd_add_module)
  cmake_parse_arguments(arg "" "NAME;IDENT" "SOURCES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "evd_add_module: '${arg_UNPARSED_ARGUMENTS}' is not one of NAME, IDENT, SOURCES")
  endif()
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

  set(libraries evdispatch::module_api)
  list(APPEND libraries ${EVD_MODULE_FLAGS})
  set(objects "evd_module_${arg_IDENT}")
  add_library(${objects} OBJECT ${arg_SOURCES})
  target_link_libraries(${objects} PRIVATE ${libraries})
  set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)

  string(REPLACE "." "/" path "${arg_NAME}")
  get_filename_component(folder "${path}" DIRECTORY)
  get_filename_component(file "${path}" NAME)
  add_library(${objects}_so MODULE $<TARGET_OBJECTS:${objects}>)
  set_target_properties(${objects}_so PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME "${file}"
    LIBRARY_OUTPUT_DIRECTORY "${EVD_MODULES_DIR}/${folder}" LINKER_LANGUAGE C)
  # Only cJSON may be left for the loader to find; the server's symbols are not there to be used.
  target_link_libraries(${objects}_so PRIVATE ${libraries})
  if(NOT EVD_SANITIZE)
    target_link_options(${objects}_so PRIVATE -Wl,--no-undefined -Wl,--as-needed)
  endif()
  if(EVD_MODULES_INSTALL_DIR)
    install(TARGETS ${objects}_so LIBRARY DESTINATION "${EVD_MODULES_INSTALL_DIR}/${folder}")
  endif()

  set_property(GLOBAL APPEND PROPERTY EVD_MODULE_NAMES "${arg_NAME}")
  set_property(GLOBAL APPEND PROPERTY EVD_MODULE_IDENTS "${arg_IDENT}")
endfunction()
