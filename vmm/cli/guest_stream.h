/* A command in a guest, for `exec` and `cp`: through the manager to the guest's vsock port
 * (common/exec_wire.h). */
#pragma once

#include "vmm/cli/cli.h"
#include "vmm/exec/session.h"

/* Ours when the guest, or its connection, ended before the command's exit status was known; as docker's. */
#define EXIT_LOST 125
/* Nobody reads what the command prints: as a shell shows SIGPIPE. */
#define GUEST_OUTPUT_CLOSED (128 + 13)

/*
 * A connected stream to the guest's helper, which the caller closes. EXIT_REFUSED: the guest does not let the
 * host run commands. EXIT_TIMED_OUT: it does not answer at all. err has the sentence.
 */
enum exit_code guest_stream_open(const struct cli *cli, const char *guest, int *fd, struct error *err);

/* What exec_session_run returned, as an exit status; says on standard error what there is to say. */
int guest_command_status(const char *guest, int code, const struct exec_exit *end, const struct error *err);
