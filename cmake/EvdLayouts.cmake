# evd_add_layouts(COUNT)
#
# The target evd_server_layouts: <build>/layouts/evd-server-1 to -COUNT, evd-server in other layouts
# (EvdLinkLayouts.cmake). Nothing but studies needs them, so `all` leaves them out.
include(EvdLinkLayouts)
function(evd_add_layouts count)
  set(list "${CMAKE_CURRENT_BINARY_DIR}/layouts/objects.txt")
  set(objects "")
  foreach(library IN ITEMS evd_server_core evd_dispatch evd_wire evd_message evd_builtins)
    list(APPEND objects "$<JOIN:$<TARGET_OBJECTS:${library}>,\n>")
  endforeach()
  # Objects that a library was given are none of its own.
  get_property(modules GLOBAL PROPERTY EVD_MODULE_IDENTS)
  foreach(module IN LISTS modules)
    list(APPEND objects "$<JOIN:$<TARGET_OBJECTS:evd_module_${module}>,\n>")
  endforeach()
  list(JOIN objects "\n" text)
  file(GENERATE OUTPUT "${list}" CONTENT "${text}\n")
  evd_link_layouts(NAME evd-server TARGET evd_server COUNT ${count} ROOT "${PROJECT_BINARY_DIR}" LIST "${list}"
    SOURCES $<TARGET_OBJECTS:evd_server_main> LIBRARIES evd_flags evd_server_core evd_builtins EXCLUDE_FROM_ALL)
  add_custom_target(evd_server_layouts)
  foreach(layout RANGE 1 ${count})
    add_dependencies(evd_server_layout_${layout} evd_all_modules)
    add_dependencies(evd_server_layouts evd_server_layout_${layout})
  endforeach()
endfunction()
