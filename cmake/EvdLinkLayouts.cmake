# evd_link_layouts(NAME evd-server TARGET evd_server COUNT 30 ROOT build LIST objects.txt SOURCES file...
#   LIBRARIES library... [OPTIONS option...] [DEPENDS file...] [EXCLUDE_FROM_ALL])
#
# The targets <TARGET>_layout_1 to -COUNT: <ROOT>/layouts/<NAME>-1 to -COUNT, each linked of SOURCES and of
# the object files that LIST names, a line each, in an order of its own, which the number decides.
# LIBRARIES are behind them: of what LIST has, nothing is missing there. DEPENDS are what LIST names
# where no library says so. Studies run another one in each block (loadgen/study_layout.h says why).
#
# The same file serves this tree and the installed package.
function(evd_link_layouts)
  cmake_parse_arguments(arg "EXCLUDE_FROM_ALL" "NAME;TARGET;COUNT;ROOT;LIST" "SOURCES;LIBRARIES;OPTIONS;DEPENDS" ${ARGN})
  set(shuffle "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/shuffle_objects.cmake")
  # Once, before all orders: targets of a Makefile would each make it, at the same time.
  add_custom_target(${arg_TARGET}_layout_objects DEPENDS "${arg_LIST}")
  foreach(layout RANGE 1 ${arg_COUNT})
    set(order "${CMAKE_CURRENT_BINARY_DIR}/layouts/${arg_NAME}-${layout}.rsp")
    add_custom_command(OUTPUT "${order}"
      COMMAND ${CMAKE_COMMAND} "-DLIST=${arg_LIST}" "-DROOT=${arg_ROOT}" "-DSEED=${layout}" "-DOUT=${order}" -P "${shuffle}"
      DEPENDS "${arg_LIST}" "${shuffle}" VERBATIM)
    set(name ${arg_TARGET}_layout_${layout})
    add_custom_target(${name}_order DEPENDS "${order}")
    add_dependencies(${name}_order ${arg_TARGET}_layout_objects)
    add_executable(${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME "${arg_NAME}-${layout}"
      RUNTIME_OUTPUT_DIRECTORY "${arg_ROOT}/layouts" LINK_DEPENDS "${order};${arg_DEPENDS}"
      EXCLUDE_FROM_ALL ${arg_EXCLUDE_FROM_ALL})
    target_link_options(${name} PRIVATE "@${order}" ${arg_OPTIONS})
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
    add_dependencies(${name} ${name}_order)
  endforeach()
endfunction()
