# cmake -DLIST=objects.txt -DROOT=BUILD -DSEED=N -DOUT=order.rsp -P shuffle_objects.cmake
#
# The files of LIST, a line each, in an order that SEED and their names below ROOT alone decide: the
# same in each checkout. As a response file of the linker.
file(STRINGS "${LIST}" objects ENCODING UTF-8) # else it ends a line at each byte that is not ASCII
set(keyed "")
foreach(object IN LISTS objects)
  string(REPLACE "${ROOT}/" "" name "${object}")
  string(SHA256 key "${SEED} ${name}")
  list(APPEND keyed "${key} ${object}")
endforeach()
list(SORT keyed)
set(text "")
foreach(line IN LISTS keyed)
  string(SUBSTRING "${line}" 65 -1 object)
  string(APPEND text "\"${object}\"\n")
endforeach()
file(WRITE "${OUT}" "${text}")
