/*
 * What the keys in [Service] say of a service: how it is started, watched and stopped (systemd.service(5),
 * systemd.exec(5), systemd.kill(5), systemd.resource-control(5)). Read by service_parse.c, done by
 * service_run.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct string_list {
	char **items; /* ends with NULL */
	size_t count;
};

enum service_type {
	TYPE_SIMPLE,
	TYPE_EXEC, /* as simple: rinit knows at once whether the program could be executed */
	TYPE_ONESHOT,
	TYPE_NOTIFY,
};

enum restart_policy {
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
};

enum stdin_kind {
	STDIN_NULL,
	STDIN_TTY,
	STDIN_INHERIT, /* what rinit has; for its own shells, not in unit files */
};

enum stdout_kind {
	STDOUT_LOG,
	STDOUT_NULL,
	STDOUT_TTY,
};

enum notify_access {
	NOTIFY_MAIN, /* the unit's own process */
	NOTIFY_ALL,  /* descendants of the main process too */
};

struct command {
	char *program;       /* a path, or a name to be looked for */
	char **argv;         /* ends with NULL */
	bool ignore_failure; /* the - prefix */
};

struct service_config {
	enum service_type type;
	struct command *commands;
	size_t command_count;
	enum restart_policy restart;
	uint64_t restart_ms, start_timeout_ms, stop_timeout_ms;
	struct string_list environment;
	enum stdin_kind input;
	enum stdout_kind output;
	char *tty;
	char *directory;
	bool remain_after_exit;
	int kill_signal;
	enum notify_access notify_access;
};

/* Every default set. */
void service_config_init(struct service_config *config);
void service_config_clear(struct service_config *config);

/* Adds a command; argv ends with NULL. 0 or -ENOMEM */
int service_config_command(struct service_config *config, const char *program, const char *const *argv,
			   bool ignore_failure);

int string_list_add(struct string_list *list, const char *item);
bool string_list_has(const struct string_list *list, const char *item);
void string_list_clear(struct string_list *list);
/* Replaces an allocated string; 0 or -ENOMEM */
int string_set(char **string, const char *value);
