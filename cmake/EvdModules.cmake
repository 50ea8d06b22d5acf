# The modules of this tree and of EVD_EXTRA_MODULES: where they go, what they are compiled against,
# and the table of those that are linked in.
set(EVD_MODULES_DIR "${PROJECT_BINARY_DIR}/modules")
set(EVD_MODULES_INSTALL_DIR modules)
set(EVD_MODULE_FLAGS evd_flags)
include(EvdAddModule)

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
add_library(evdispatch::module_api ALIAS evd_module_api)

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
