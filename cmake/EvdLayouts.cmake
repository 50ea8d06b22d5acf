# evd_add_layouts(COUNT)
#
# The target evd_server_layouts: <build>/layouts/evd-server-1 to -COUNT, each evd-server with its
# object files linked in an order of its own, which the number decides. Studies run another one in
# each block (loadgen/study_layout.h says why); nothing else needs them, so `all` leaves them out.
function(evd_add_layouts count)
  set(folder "${PROJECT_BINARY_DIR}/layouts")
  set(list "${CMAKE_CURRENT_BINARY_DIR}/layouts/objects.txt")
  set(shuffle "${PROJECT_SOURCE_DIR}/cmake/shuffle_objects.cmake")
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
  add_custom_target(evd_server_layouts)
  foreach(layout RANGE 1 ${count})
    set(order "${CMAKE_CURRENT_BINARY_DIR}/layouts/order-${layout}.rsp")
    add_custom_command(OUTPUT "${order}"
      COMMAND ${CMAKE_COMMAND} "-DLIST=${list}" "-DROOT=${PROJECT_BINARY_DIR}" "-DSEED=${layout}" "-DOUT=${order}"
        -P "${shuffle}"
      DEPENDS "${list}" "${shuffle}" VERBATIM)
    add_custom_target(evd_server_order_${layout} DEPENDS "${order}")
    set(name evd_server_layout_${layout})
    add_executable(${name} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:evd_server_main>)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME "evd-server-${layout}"
      RUNTIME_OUTPUT_DIRECTORY "${folder}" LINK_DEPENDS "${order}")
    # What the list names comes first, in its order; of the libraries behind it nothing is missing.
    target_link_options(${name} PRIVATE "@${order}")
    target_link_libraries(${name} PRIVATE evd_flags evd_server_core evd_builtins)
    add_dependencies(${name} evd_server_order_${layout} evd_all_modules)
    add_dependencies(evd_server_layouts ${name})
  endforeach()
endfunction()
