/*
 * A unit: what its file says (unit_parse.c), its place in the order (unit_graph.c) and its state (manager.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "rinit/ini.h"
#include "rinit/loop.h"
#include "rinit/service.h"
#include "rinit/service_config.h"
#include "rinit/unit_times.h"

#define UNIT_NAME_MAX 128

enum unit_kind {
	UNIT_SERVICE,
	UNIT_TARGET, /* a point in the boot that others are ordered around; reached by rinit itself */
	UNIT_SOCKET, /* see socket.h */
	UNIT_MOUNT,  /* .mount, .swap, .device: a oneshot whose program is rinit's mount helper (mounts.h) */
};

enum boot_role {
	BOOT_NORMAL,
	BOOT_BACKGROUND, /* started at boot, and the default target does not wait for it */
	BOOT_ON_DEMAND,  /* only when somebody asks for it */
};

enum listen_kind {
	LISTEN_STREAM,
	LISTEN_DATAGRAM,
	LISTEN_PACKET,
	LISTEN_NETLINK,
	LISTEN_FIFO,
	LISTEN_SPECIAL,
};

struct socket_option {
	int level, name, value; /* setsockopt(2)'s */
};

/* [Socket], as systemd.socket(5) has it. */
struct socket_config {
	struct string_list listen; /* in the file's order; the first character is '0' + enum listen_kind */
	struct string_list symlinks;
	char *service; /* NULL: of the same name */
	char *user, *group, *name;
	unsigned int mode, directory_mode;
	int backlog; /* 0: much */
	bool remove_on_stop, writable;
	bool accept; /* a service for each connection: see socket_accept.c */
	int max_connections, max_connections_per_source; /* of accept; the second 0: as the first */
	int trigger_burst;                               /* negative: the default; 0: no limit */
	uint64_t trigger_ms;
	struct socket_option *options;
	size_t option_count;
};

/* [Mount] and [Swap]; mounts.c knows the order of the strings. */
struct mount_config {
	char *what, *where, *type, *options;
	struct string_list others; /* "Key=value" for the helper */
};

struct unit_config {
	char name[UNIT_NAME_MAX];
	enum unit_kind kind;
	enum boot_role boot;
	char *description;
	struct string_list after, before, requires, wants;
	struct string_list mounts_for; /* names of mount units: required, those that there are */
	struct string_list wanted_by;
	struct string_list conditions; /* see condition.h */
	struct string_list asserts;
	bool default_dependencies; /* After=sysinit.target; of a target: after what it wants */
	struct string_list requisite, binds_to, part_of, conflicts, on_failure;
	struct string_list required_by, alias, also; /* [Install] */
	char *default_instance;
	bool ignore_on_isolate, allow_isolate, refuse_manual_start, refuse_manual_stop;

	struct service_config service;
	struct socket_config socket;
	struct mount_config mount;
};

/* Why a service ended; the first of several reasons stays. */
enum service_result {
	RESULT_SUCCESS,
	RESULT_EXIT,
	RESULT_SIGNAL,
	RESULT_TIMEOUT,
	RESULT_WATCHDOG,
	RESULT_PROTOCOL,  /* it ended before it was ready, or its PIDFile= is no good */
	RESULT_RESOURCES, /* it could not be run */
	RESULT_START_LIMIT,
	RESULT_OOM, /* killed by the kernel, which had no memory left for it */
};

/* What a unit is doing; see manager.h. */
struct unit_run {
	enum service_state state;
	bool wanted;   /* by the boot or by somebody's start */
	bool stopping; /* it shall stop, as soon as what comes after it has */
	bool again;    /* then it shall start once more: a restart asked for */
	bool stop_asked;
	bool skipped;  /* a condition did not hold */
	bool queued;   /* in the manager's list of units to look at */
	bool held;     /* a target: rinit has not said yet that it is reached */
	bool asked;    /* its newest start was somebody's request, not the boot's */
	pid_t pid;     /* the main process */
	pid_t control; /* a command beside it */
	pid_t group;   /* the main process' process group, while there is no control group */
	bool has_cgroup;
	bool told_again;         /* those that the main process left behind when it was stopped */
	bool reload_failed;      /* until whoever waits for the reload has heard it */
	enum service_state left; /* the state before this one */
	enum command_kind list;  /* the command that runs, or ran last, */
	size_t command;          /* is this one of the list */
	int exit_status;         /* waitpid's, of the main process */
	enum service_result result;
	uint64_t limit_begin_ms; /* of the interval in which starts are counted */
	unsigned int limit_count;
	unsigned int restarts; /* in a row, none of them lasting */
	uint64_t started_ms, settled_ms;
	struct unit_times times;
	struct unit_listener *listeners; /* of a socket */
	size_t listener_count;
	struct unit *next_socket;           /* of the manager's list, while it listens */
	unsigned int accepted;              /* the next instance's number */
	bool refuses;                       /* the newest connection was one too many, which was said */
	struct unit_connection *connection; /* of an instance that Accept=yes has made */
	struct stored_fd *stored;           /* see fd_store.h */
	unsigned int stored_count;
	struct loop_timer timer;    /* start, stop or restart delay: a state has one at most */
	struct loop_timer watchdog; /* while it starts or stops: for its PIDFile=, its last processes */
	struct loop_source setup;   /* of the newest child, until its program runs */
	pid_t setup_pid;
	bool bus_owned; /* somebody has its BusName= */
	bool not_run;   /* that child said that there will be none */
	struct loop_source output;
	char *line; /* of the output, not ended yet */
	size_t line_length;
	char status[128]; /* STATUS= */
};

struct unit {
	struct unit_config config;
	uint32_t index; /* in the set */
	char *path;     /* of its file; NULL: of rinit's own making */
	bool enabled;   /* by being there: a service in /etc/rinit, or of rinit's own making */
	bool masked;    /* never starts */
	bool stale;     /* its files shall be read again before it starts */
	bool loaded;    /* what it needs is loaded too */
	bool gone;      /* its file is no more */
	/* Of a unit without a file: how many of its config's wants and requires rinit itself made */
	size_t own_wants, own_requires;
	/* Indices into the set, made by graph_resolve */
	uint32_t *after, *before;
	size_t after_count, before_count;
	uint32_t *requires;
	size_t require_count;
	struct unit_run run;
	struct manager *manager;
};

/* Whom an instance serves. */
struct unit_connection {
	int fd; /* -1: let go */
	struct unit *socket;
	char address[46];  /* of the internet; of the same machine: the user's number */
	unsigned int port; /* 0: of the same machine */
};

/* A name, or another name (an alias), of a unit. */
struct unit_name {
	char *name; /* NULL: free */
	uint32_t hash, index;
};

struct unit_set {
	struct unit **items; /* each allocated by itself: its address never changes */
	size_t count;
	struct unit_name *names; /* hashed by name, a power of two of them, half of them free at least */
	size_t name_count, name_room;
};

/* Every default set; the name is cut when it is too long. */
void unit_config_init(struct unit_config *config, const char *name);
void unit_config_clear(struct unit_config *config);

/*
 * Reads a unit file's text into config (initialized). Unknown or unusable lines are told to warn and left
 * out; what makes the unit useless (no ExecStart, unknown Type) is an error with one sentence.
 */
struct unit_warnings {
	void *context;
	void (*warn)(void *context, const char *sentence);
};
int unit_parse(struct unit_config *config, const char *path, const char *text, size_t length,
	       const struct unit_warnings *warnings, struct error *err);

/* The same for a file and its drop-ins, which are read as if they were one; of errors the first one's path
 * says where. */
struct unit_text {
	char *path, *text;
	size_t length;
};
int unit_parse_texts(struct unit_config *config, const struct unit_text *texts, size_t count,
		     const struct unit_warnings *warnings, struct error *err);

/* "NAME.service" and so on: is it what a unit may be called (systemd.unit(5))? */
bool unit_name_is_valid(const char *name);

/* Adds an empty unit by that name and returns it, NULL when there is no memory. */
struct unit *unit_set_add(struct unit_set *set, const char *name);
/* By any of its names. */
struct unit *unit_set_find(const struct unit_set *set, const char *name);
/* One more name for it; 0, -EEXIST when that is another unit's name, -ENOMEM. */
int unit_set_alias(struct unit_set *set, const char *alias, const struct unit *unit);
/* Takes it out of the set, and out of the others' order, and frees it; indices change. Nobody may know it any
 * more. 0, or -ENOMEM and nothing has changed. */
int unit_set_remove(struct unit_set *set, struct unit *unit);
void unit_set_clear(struct unit_set *set);
