# The modules of the scenario github-webhooks: one for each webhook named in the table, with one
# function for each action. Written at configure time, from names alone.
set(table "${PROJECT_SOURCE_DIR}/loadgen/scenarios/github-webhooks.tsv")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${table}" webhook.c.in)
file(STRINGS "${table}" rows REGEX "^api\\.")

set(webhooks "")
foreach(row IN LISTS rows)
  if(NOT row MATCHES "^api\\.([a-z0-9_]+)\\.([a-z0-9_-]+)\t[0-9]+$")
    message(FATAL_ERROR "${table}: '${row}' is not api.<webhook>.<action><TAB><bytes>")
  endif()
  set(webhook ${CMAKE_MATCH_1})
  set(action ${CMAKE_MATCH_2})
  list(APPEND webhooks ${webhook})
  list(APPEND actions_of_${webhook} ${action})
endforeach()
list(REMOVE_DUPLICATES webhooks)

foreach(webhook IN LISTS webhooks)
  list(REMOVE_DUPLICATES actions_of_${webhook})
  set(EVD_WEBHOOK ${webhook})
  set(EVD_HANDLERS "")
  set(EVD_ENTRIES "")
  foreach(action IN LISTS actions_of_${webhook})
    string(REPLACE "-" "_" handler "on_${action}")
    string(APPEND EVD_HANDLERS "
static int ${handler}(void *state, struct evd_call *call)
{
    (void)state;
    return summarise(call);
}
")
    string(APPEND EVD_ENTRIES "    {\"${action}\", ${handler}},\n")
  endforeach()
  set(source "${PROJECT_BINARY_DIR}/generated/webhooks/${webhook}.c")
  configure_file(webhook.c.in "${source}" @ONLY)
  evd_add_module(NAME api.${webhook} IDENT webhook_${webhook} SOURCES "${source}")
endforeach()
