/* The subcommands of loadgen. Each gets its own argc and argv: argv[0] is the subcommand's name.
 * Returns the program's exit status: 0 done and good, 1 something went wrong, 2 usage. */
#ifndef LG_COMMANDS_H
#define LG_COMMANDS_H

/* What --help prints. */
extern const char lg_help[], lg_study_help[], lg_report_help[], lg_edit_help[];

int lg_run_main(int argc, char **argv);
int lg_slo_main(int argc, char **argv);
int lg_study_main(int argc, char **argv);
int lg_report_main(int argc, char **argv);
int lg_edit_main(int argc, char **argv);

#endif
