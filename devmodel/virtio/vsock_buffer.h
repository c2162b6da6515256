/*
 * Bytes that a guest has sent into a vsock connection and that the host's side has not taken yet: a ring
 * whose memory is there only while something is in it.
 *
 * Owner: its connection, whose lock and thread guard it. `size` is set once, by the connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct virtq_chain;

struct vsock_buffer {
	uint32_t size; /* bytes it may hold */
	uint32_t used; /* bytes in it, from `start` on, around the end */
	uint32_t start;
	uint8_t *bytes; /* NULL when there are none */
};

/* Appends len bytes of a packet from offset on; the caller has checked that there is room. False: there is no
 * memory. */
bool vsock_buffer_append(struct vsock_buffer *buffer, const struct virtq_chain *chain, size_t offset,
			 uint32_t len);
/* What is in it as a list; returns how many of the two are filled. */
unsigned vsock_buffer_list(const struct vsock_buffer *buffer, struct iovec iov[2]);
/* The first len bytes are gone; all of them: so is the memory. */
void vsock_buffer_take(struct vsock_buffer *buffer, uint32_t len);
