/*
 * What an init script says about itself: the header of the Linux Standard Base (LSB 5.0 core, 22.3, "Comment
 * Conventions for Init Scripts") with Debian's extensions (insserv(8)), a "# pidfile:" and whether it has a
 * reload. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rinit/service_config.h"

struct lsb_script {
	bool has_header, interactive, reload;
	bool early;                  /* Default-Start: S */
	struct string_list provides; /* names, $facilities as well, in all of the lists */
	struct string_list after;    /* Required-Start, Should-Start, X-Start-After, and the same of -Stop */
	struct string_list before;   /* X-Start-Before, X-Stop-After */
	char *description;           /* Short-Description; NULL: none */
	char *pid_file;
	unsigned int bad_line; /* the first one of the header that is none, or has none of its keywords; 0:
				  all well */
	const char *why;       /* as a phrase */
};

/* 0, or -ENOMEM. What is there of it is script's, to be cleared, in either case. */
int lsb_parse(struct lsb_script *script, const char *text, size_t length);
void lsb_clear(struct lsb_script *script);
