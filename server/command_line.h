/* The command line of evd-server. Its options: options.def. */
#ifndef EVD_COMMAND_LINE_H
#define EVD_COMMAND_LINE_H

#include "config.h"

enum evd_config_result {
    EVD_CONFIG_RUN,
    EVD_CONFIG_SHOWN, /* --help or --version was answered: exit 0 */
    EVD_CONFIG_USAGE, /* an error was printed: exit 2 */
};

/* Reads the command line; prints help, version and errors itself. Strings are borrowed from argv.
 */
enum evd_config_result evd_config_parse(int argc, char **argv,
                                        struct evd_server_config *ret_config);

/* Reads the files that the command line names. EVD_ERR_SYSTEM, EVD_ERR_USAGE (a file that is too
 * large), EVD_ERR_NO_MEMORY; *ret_error names the file. */
int evd_config_load(struct evd_server_config *config, struct evd_error *ret_error);

void evd_config_release(struct evd_server_config *config);

#endif
