/* dispatch/json.c once more, without vectors, under other names. */
#define EVD_JSON_SCALAR
#define evd_json_scan_end    scalar_json_scan_end
#define evd_json_scan_error  scalar_json_scan_error
#define evd_json_scan_init   scalar_json_scan_init
#define evd_json_scan_member scalar_json_scan_member
#define evd_json_scan_object scalar_json_scan_object
#define evd_json_scan_value  scalar_json_scan_value
#define evd_json_type_text   scalar_json_type_text
#define evd_json_validate    scalar_json_validate
#include "dispatch/json.c" /* NOLINT */
