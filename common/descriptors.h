/*
 * Descriptors that go over a unix socket, with the message that says what they are (unix(7), SCM_RIGHTS).
 * They stay the sender's, too. Any thread.
 */
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#define DESCRIPTORS_MAX 64 /* in one message */

/* flags: of sendmsg(2), to which MSG_NOSIGNAL is added. count may be 0. The bytes that went, or a negative
 * errno; -E2BIG: there are more than DESCRIPTORS_MAX. */
ssize_t descriptors_send(int socket, const struct iovec *iov, size_t iov_count, const int *fds,
			 unsigned count, int flags);
