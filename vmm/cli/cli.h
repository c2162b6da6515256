/*
 * The command line: one function a command, all with the same shape. A command parses its own options
 * (options.h), prints what it was asked for on standard output (with --json: one object on one line) and
 * what went wrong on standard error, and returns an exit code.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "vmm/config/settings.h"
#include "vmm/exit_code.h"

struct cli {
	char **argv;         /* the whole command line, as it was given */
	const char *config;  /* --config FILE, or NULL */
	const char *connect; /* --connect SOCKET, or NULL: the settings' control socket */
};

enum exit_code command_up(struct cli *cli, int argc, char **argv);
enum exit_code command_down(struct cli *cli, int argc, char **argv);
enum exit_code command_check(struct cli *cli, int argc, char **argv);
enum exit_code command_run(struct cli *cli, int argc, char **argv);
enum exit_code command_list(struct cli *cli, int argc, char **argv);
enum exit_code command_info(struct cli *cli, int argc, char **argv);
enum exit_code command_start(struct cli *cli, int argc, char **argv);
enum exit_code command_shutdown(struct cli *cli, int argc, char **argv);
enum exit_code command_reboot(struct cli *cli, int argc, char **argv);
enum exit_code command_kill(struct cli *cli, int argc, char **argv);
enum exit_code command_pause(struct cli *cli, int argc, char **argv);
enum exit_code command_resume(struct cli *cli, int argc, char **argv);
enum exit_code command_create(struct cli *cli, int argc, char **argv);
enum exit_code command_define(struct cli *cli, int argc, char **argv);
enum exit_code command_dumpxml(struct cli *cli, int argc, char **argv);
enum exit_code command_convert(struct cli *cli, int argc, char **argv);
enum exit_code command_undefine(struct cli *cli, int argc, char **argv);
enum exit_code command_console(struct cli *cli, int argc, char **argv);
enum exit_code command_setmem(struct cli *cli, int argc, char **argv);
enum exit_code command_domdisplay(struct cli *cli, int argc, char **argv);
enum exit_code command_screenshot(struct cli *cli, int argc, char **argv);
enum exit_code command_send_key(struct cli *cli, int argc, char **argv);
enum exit_code command_setvcpus(struct cli *cli, int argc, char **argv);
enum exit_code command_logs(struct cli *cli, int argc, char **argv);
enum exit_code command_events(struct cli *cli, int argc, char **argv);
enum exit_code command_stats(struct cli *cli, int argc, char **argv);
enum exit_code command_top(struct cli *cli, int argc, char **argv);
enum exit_code command_crashes(struct cli *cli, int argc, char **argv);
enum exit_code command_mode(struct cli *cli, int argc, char **argv);
enum exit_code command_plan(struct cli *cli, int argc, char **argv);
enum exit_code command_exec(struct cli *cli, int argc, char **argv);
enum exit_code command_cp(struct cli *cli, int argc, char **argv);
enum exit_code command_network(struct cli *cli, int argc, char **argv);
enum exit_code command_token(struct cli *cli, int argc, char **argv);
enum exit_code command_device(struct cli *cli, int argc, char **argv);
enum exit_code command_disk(struct cli *cli, int argc, char **argv);
enum exit_code command_boot_report(struct cli *cli, int argc, char **argv);

/* Prints "rastos-vmm: text" on standard error; returns code. */
enum exit_code cli_fail(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Usage errors: the sentence, then where help is. */
enum exit_code cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For a word that is none of a command's verbs, whose names end with NULL: tells the nearest. */
enum exit_code cli_unknown_verb(const char *command, const char *word, const char *const *verbs);
/* What options_next's '?' means, said by itself already. */
enum exit_code cli_bad_option(const char *command);
/* A number of an option's argument, or a usage error; false when it is not from min to max. */
bool cli_number(const char *text, unsigned long min, unsigned long max, unsigned long *value);
/* Prints json on one line and frees it. */
void cli_print_json(cJSON *json);

/* What the manager executes for each guest (vmm/guest/handover.h); not a command for people. */
enum exit_code command_guest_process(void);
enum exit_code command_storage_daemon(void);
