/*
 * One viewer, from its connection to its end: a process of its own, which speaks RFB (RFC 6143) by
 * libvncserver, and shows what comes over its link (wire.h). What a viewer breaks in here it breaks for
 * itself: the process reaches its two sockets and its memory, and nothing else.
 *
 * A viewer that has not shown its password after SESSION_LOGIN_S is sent away.
 */
#pragma once

#define SESSION_LOGIN_S 20

struct session_config {
	int link;   /* to the guest process */
	int viewer; /* a connected stream socket */
	const char *name;
	const char *password; /* NULL: none is asked for */
};

/* The process' whole life. */
void session_run(const struct session_config *config);
