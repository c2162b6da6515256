/* PID 1 whole: what main.c puts together. */
#pragma once

#include "rinit/cmdline.h"
#include "rinit/config.h"
#include "rinit/loop.h"
#include "rinit/manager.h"
#include "rinit/notify.h"
#include "rinit/runtime.h"
#include "rinit/shutdown.h"

struct system {
	struct loop loop;
	struct loop_source signals;
	struct manager manager;
	struct shutdown shutdown;
	struct notify_socket notify;
	struct notify_host host;
	struct config config;
	enum runtime_kind runtime;
	enum runtime_mode mode;
	char cmdline[CMDLINE_MAX];
	char *const *argv;
	struct unit *shell; /* of single-user mode or an emergency */
	bool single;
	bool booted; /* the default target was reached */
};
