/*
 * The guest's end of `rastos-vmm exec` and `cp`: rastos-exec.socket listens on the vsock port EXEC_PORT, and
 * starts this for each connection, which it gets as sd_listen_fds(3) says. It runs one command and ends with
 * it (common/exec_wire.h).
 *
 * Only the host is served: by vsock the peer's CID must be the host's, by a unix socket, which somebody may
 * have a socket unit listen on, its user this one's own.
 */
#pragma once

#define EXEC_HELPER_NAME "rinit-exec"

int exec_helper_main(int argc, char **argv);
