/* PID 1 whole: what main.c puts together. */
#pragma once

#include "rinit/button.h"
#include "rinit/cmdline.h"
#include "rinit/config.h"
#include "rinit/control.h"
#include "rinit/initrd.h"
#include "rinit/log_file.h"
#include "rinit/loop.h"
#include "rinit/manager.h"
#include "rinit/module.h"
#include "rinit/network.h"
#include "rinit/notify.h"
#include "rinit/runtime.h"
#include "rinit/shutdown.h"
#include "rinit/syslog.h"
#include "rinit/uevent.h"

struct system {
	struct loop loop;
	struct loop_source signals;
	bool console_missing;        /* the kernel has none yet */
	struct loop_source consoles; /* which are active */
	struct manager manager;
	struct shutdown shutdown;
	struct control control;
	struct notify_socket notify;
	struct syslog syslog;
	struct log_file log_file;
	struct notify_host host;
	struct uevents uevents;
	struct modules modules;
	struct network network;
	struct button button;
	struct initrd initrd;
	struct config config;
	enum runtime_kind runtime;
	enum runtime_mode mode;
	char cmdline[CMDLINE_MAX];
	char default_target[UNIT_NAME_MAX];
	char *const *argv;
	struct loop_timer getty_patience;
	uint64_t begin_ms;      /* of the boot, by clock_ms(): a machine's clock begins with it */
	struct unit *generator; /* while it runs: its end begins the boot */
	struct unit *shell;     /* of single-user mode or an emergency */
	bool nodes_by_hand;     /* there is no devtmpfs */
	bool in_initrd;         /* until the root is found */
	bool single;
	bool booted; /* the default target was reached */
};

/* Begins it, unless one is under way. */
void system_shutdown(struct system *sys, enum shutdown_kind kind);
void system_interface_online(struct system *sys, const char *interface);
