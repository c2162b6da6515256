/*
 * One command in a guest whose output is kept: the host's end of the guest's helper (common/exec_wire.h) on
 * an event loop, for programs that want an answer and no stream (session.h is for people at terminals).
 *
 * The guest is an enemy: of what it says CAPTURE_MAX bytes of each kind are kept and the rest is dropped; it
 * is listened to for CAPTURE_SHARE bytes each CAPTURE_SHARE_NS, so that a flood costs the loop little and the
 * guest waits; and what breaks the wire format ends it. Whoever began it sets the time limit: capture_close
 * ends the command.
 *
 * `ended` is called once, from the loop: 0 and *end as in session.h; -EPIPE the guest's helper does not
 * listen; -ECONNRESET it broke off; -EPROTO. What was kept until then can be read, also when the time is
 * over.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "common/exec_wire.h"
#include "common/loop.h"

#define CAPTURE_MAX       (1U << 20)
#define CAPTURE_INPUT_MAX (1U << 20)
#define CAPTURE_SHARE     (1U << 20)
#define CAPTURE_SHARE_NS  20000000ULL

struct capture;

struct capture_output {
	const char *bytes; /* with a zero behind them; NULL: none */
	size_t length;
	bool cut; /* there was more */
};

struct capture_config {
	struct loop *loop;
	/* A non-blocking stream, as the guest's vsock device hands it over: "OK N\n" comes first. Taken over.
	 */
	int connection;
	const struct exec_request *request;
	const char *input; /* read before capture_begin returns */
	size_t input_length;
	void (*ended)(void *owner, int code, const struct exec_exit *end);
	void *owner;
};

/* -E2BIG: the command and its environment are too long; -EINVAL: there is none. */
int capture_begin(const struct capture_config *config, struct capture **capture, struct error *err);
/* Valid until capture_close. */
void capture_output(const struct capture *capture, struct capture_output *output,
		    struct capture_output *error);
void capture_close(struct capture *capture); /* NULL is allowed; also from `ended` */
