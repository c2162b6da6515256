/*
 * What the keys in [Service] say of a service: how it is started, watched and stopped (systemd.service(5),
 * systemd.exec(5), systemd.kill(5), systemd.resource-control(5)). Read by service_parse.c, done by
 * service_run.c and spawn.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct string_list {
	char **items; /* ends with NULL */
	size_t count;
};

enum service_type {
	TYPE_SIMPLE,
	TYPE_EXEC, /* as simple: rinit knows at once whether the program could be executed */
	TYPE_ONESHOT,
	TYPE_NOTIFY,
	TYPE_FORKING,
	TYPE_DBUS, /* see bus.h */
	TYPE_IDLE, /* as simple: services never write into the console's lines */
};

enum restart_policy {
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
	RESTART_ON_SUCCESS,
	RESTART_ON_ABNORMAL,
	RESTART_ON_ABORT,
	RESTART_ON_WATCHDOG,
};

enum kill_mode {
	KILL_CONTROL_GROUP,
	KILL_MIXED,
	KILL_PROCESS,
	KILL_NONE,
};

enum stdin_kind {
	STDIN_NULL,
	STDIN_TTY,
	STDIN_INHERIT, /* what rinit has; for its own shells, not in unit files */
	STDIN_FILE,
	STDIN_SOCKET, /* the connection, or the only socket */
};

enum stdout_kind {
	STDOUT_LOG,
	STDOUT_NULL,
	STDOUT_TTY,
	STDOUT_SAME, /* as standard input, or as standard output */
	STDOUT_SOCKET,
	STDOUT_FILE,
	STDOUT_APPEND,
	STDOUT_TRUNCATE,
};

enum notify_access {
	NOTIFY_NONE,
	NOTIFY_MAIN, /* the unit's main process */
	NOTIFY_EXEC, /* any of the processes that rinit started for it */
	NOTIFY_ALL,  /* their descendants too */
};

enum directory_kind {
	DIRECTORY_RUNTIME,
	DIRECTORY_STATE,
	DIRECTORY_CACHE,
	DIRECTORY_LOGS,
	DIRECTORY_CONFIGURATION,
	DIRECTORY_KINDS,
};

enum directory_preserve {
	PRESERVE_NO,
	PRESERVE_YES,
	PRESERVE_RESTART,
};

/* In the order in which they run. */
enum command_kind {
	COMMAND_CONDITION,
	COMMAND_PRE,
	COMMAND_START,
	COMMAND_POST,
	COMMAND_RELOAD,
	COMMAND_STOP,
	COMMAND_STOP_POST,
	COMMAND_KINDS,
};

struct command {
	char *program;       /* a path, or a name to be looked for */
	char **argv;         /* ends with NULL */
	bool ignore_failure; /* the - prefix */
	bool verbatim;       /* the : prefix: no variables */
	bool privileged;     /* the + and ! prefixes: as root */
};

struct command_list {
	struct command *items;
	size_t count;
};

struct service_limit {
	int resource; /* RLIMIT_... */
	struct rlimit limit;
};

struct service_config {
	enum service_type type;
	struct command_list commands[COMMAND_KINDS];
	char *pid_file, *bus_name;
	bool remain_after_exit, guess_main_pid;
	enum notify_access notify_access;
	uint64_t start_timeout_ms, stop_timeout_ms, abort_timeout_ms, runtime_max_ms;
	uint64_t watchdog_ms; /* 0: none */

	enum restart_policy restart;
	uint64_t restart_ms;
	/* Exit statuses and names of signals */
	struct string_list success_status, restart_prevent, restart_force;
	uint64_t start_limit_ms; /* 0: no limit */
	unsigned int start_limit_burst;

	enum kill_mode kill_mode;
	int kill_signal, restart_kill_signal, final_kill_signal, watchdog_signal;
	bool send_sigkill, send_sighup;

	char *user, *group;
	struct string_list groups;
	/* As it is when UNSET; classes and policies as the kernel counts them */
	int nice, oom_score_adjust, policy, priority, io_class, io_priority;
	bool reset_on_fork;
	struct string_list cpus; /* of CPUAffinity=: "0-3" */
	unsigned int umask;
	struct service_limit *limits;
	size_t limit_count;
	char *directory; /* "-/path" need not be there; "~" is the user's home */
	char *root;
	bool ignore_sigpipe, no_new_privileges, private_tmp;

	struct string_list environment, environment_files, pass_environment, unset_environment;
	enum stdin_kind input;
	enum stdout_kind output, error;
	char *input_path, *output_path, *error_path;
	char *tty;
	char *identifier;

	struct string_list directories[DIRECTORY_KINDS];
	unsigned int directory_modes[DIRECTORY_KINDS];
	enum directory_preserve preserve;

	char *slice;
	struct string_list cgroup; /* "FILE=VALUE" to be written into its control group */
	bool delegate;

	struct string_list sockets; /* whose descriptors it gets, besides that of its own name */
	bool non_blocking;
	unsigned int fd_store_max;
};

#define UNSET     INT32_MIN
#define CPUS_MAX  1024
#define CPU_WORDS (CPUS_MAX / (8 * sizeof(unsigned long)))

/* "2", "0-3", with commas between: sets a bit for each processor. Pure; 0 or -EINVAL */
int cpu_list_parse(const char *text, unsigned long mask[CPU_WORDS]);

/* Every default set. */
void service_config_init(struct service_config *config);
void service_config_clear(struct service_config *config);

/* Adds a command to ExecStart=; argv ends with NULL. 0 or -ENOMEM */
int service_config_command(struct service_config *config, const char *program, const char *const *argv,
			   bool ignore_failure);
/* Takes words' items as the command's argv. 0 or -ENOMEM */
int command_list_add(struct command_list *list, struct command *command, struct string_list *words);
void command_list_clear(struct command_list *list);

int string_list_add(struct string_list *list, const char *item);
bool string_list_has(const struct string_list *list, const char *item);
void string_list_clear(struct string_list *list);
/* Forgets all but the first ones. */
void string_list_cut(struct string_list *list, size_t count);
/* Replaces an allocated string; 0 or -ENOMEM */
int string_set(char **string, const char *value);
