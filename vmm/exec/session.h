/*
 * The host's end of `rastos-vmm exec` and `cp`: one command in a guest, over a stream to the guest's helper
 * (common/exec_wire.h). The guest is an enemy: of what it says only OUTPUT and ERROR go anywhere, and only to
 * the descriptors meant for them; what breaks the wire format ends the session.
 *
 * Blocks; one thread. SIGINT, SIGTERM, SIGQUIT and SIGHUP go to the command; SIGHUP, and whichever of the
 * others comes a second time, also end the session here, which ends the command.
 */
#pragma once

#include "common/error.h"
#include "common/exec_wire.h"

struct exec_session_config {
	int connection; /* a stream to the helper; stays the caller's */
	const struct exec_request *request;
	int input;         /* the command's standard input, when the request has one */
	int output, error; /* where what it prints goes */
	/* Where the beginning of its standard error goes when error is -1, with a zero behind it; the rest is
	 * dropped. */
	char *kept;
	size_t kept_size;
	/* So many bytes of its input or output more have passed; NULL: nobody wants to know. */
	void (*passed)(void *owner, size_t bytes);
	void *owner;
	int terminal; /* whose size the command's terminal has; -1: none */
};

/*
 * 0: *end says how the command ended, or why it never ran. -EINTR: a signal ended the session, as *end says.
 * -EPIPE: nobody reads the output any more. Otherwise the guest broke off, or said what is not in the format;
 * err has the sentence.
 */
int exec_session_run(const struct exec_session_config *config, struct exec_exit *end, struct error *err);

/* The exit status that a shell would show. */
int exec_exit_status(const struct exec_exit *end);
