# cmake -DAR=ar "-DARCHIVES=a.a|b.a" -DOBJECTS=objects.txt -DFOLDER=DIR -DOUT=list.txt -P archive_objects.cmake
#
# Takes the members of static libraries out of them, below FOLDER, and writes what they are, behind the
# lines of OBJECTS, to OUT. The name of a member must be its alone in its library.
string(REPLACE "|" ";" archives "${ARCHIVES}")
file(REMOVE_RECURSE "${FOLDER}")
file(READ "${OBJECTS}" text)
foreach(archive IN LISTS archives)
  get_filename_component(name "${archive}" NAME_WE)
  file(MAKE_DIRECTORY "${FOLDER}/${name}")
  execute_process(COMMAND "${AR}" t "${archive}" OUTPUT_VARIABLE members COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${AR}" x "${archive}" WORKING_DIRECTORY "${FOLDER}/${name}" COMMAND_ERROR_IS_FATAL ANY)
  string(STRIP "${members}" members)
  string(REPLACE "\n" ";" members "${members}")
  set(unique ${members})
  list(REMOVE_DUPLICATES unique)
  if(NOT unique STREQUAL members)
    message(FATAL_ERROR "${archive} has two members of the same name")
  endif()
  foreach(member IN LISTS members)
    string(APPEND text "${FOLDER}/${name}/${member}\n")
  endforeach()
endforeach()
file(WRITE "${OUT}" "${text}")
