/*
 * virtio socket device (virtio 1.2, 5.10), stream sockets, the host's side in this process as unix sockets.
 *
 * Host to guest, as Firecracker maps it: a program connects to the listening unix socket and writes "CONNECT
 * port\n"; the device opens a connection to that guest port and answers "OK host_port\n", then bytes flow; a
 * refused connection is closed. Guest to host: a connection to CID 2 (VMADDR_CID_HOST), port P asks
 * `connect(owner, P)` for a connected stream socket; what that is (a unix socket NAME_P, the READY listener)
 * is the assembler's decision.
 *
 * A connection that the guest shuts down or closes still delivers every byte the guest sent, then the end of
 * the stream, as long as the host's program goes on reading; either side may shut down one direction and go
 * on with the other. A device reset closes all connections.
 *
 * Credit flow (5.10.6.3) both ways: a peer that does not read costs bounded memory. A connection holds at
 * most VIRTIO_VSOCK_BUFFER bytes of the guest's; once those of all connections may come to
 * VIRTIO_VSOCK_WIDE_BYTES, further ones are narrow and hold VIRTIO_VSOCK_BUFFER_NARROW, here and as much
 * again in the kernel. There are at most VIRTIO_VSOCK_CONNECTIONS_MAX connections,
 * VIRTIO_VSOCK_HANDSHAKES_MAX of them still without their CONNECT line; more are refused. A connection is one
 * file descriptor: the process' limit should allow for them.
 *
 * Events (5.10.6.7): none are ever due. The one that there is tells a guest that its connections were lost
 * when it was moved; here they last as long as the device.
 */
#pragma once

#include "devmodel/virtio/device.h"

#define VIRTIO_VSOCK_BUFFER          (64 * 1024)
#define VIRTIO_VSOCK_BUFFER_NARROW   (4 * 1024)
#define VIRTIO_VSOCK_WIDE_BYTES      (8 * 1024 * 1024)
#define VIRTIO_VSOCK_CONNECTIONS_MAX 4096
#define VIRTIO_VSOCK_HANDSHAKES_MAX  1024
#define VIRTIO_VSOCK_CID_MIN         3 /* 0 to 2 are well known (vsock(7)) */
#define VIRTIO_VSOCK_DRAIN_TIMEOUTS  6 /* so many timeouts without reading a byte, and the rest is dropped */
#define VIRTIO_VSOCK_TIMEOUT_MS                                                                              \
	10000 /* for the CONNECT line, for the guest's answer, for its end of a close */

struct virtio_vsock_options {
	uint64_t cid;  /* the guest's, VIRTIO_VSOCK_CID_MIN or more, 32 bits */
	int listen_fd; /* listening unix stream socket for host to guest, or -1; taken over on success */
	/* A connected, non-blocking stream socket for the guest's connection to host port, or a negative
	 * errno (the guest sees a reset). Called on the loop's thread with a lock of the device's held; must
	 * not block. */
	int (*connect)(void *owner, uint32_t port);
	void *owner;
	unsigned timeout_ms; /* 0: VIRTIO_VSOCK_TIMEOUT_MS */
};

struct virtio_device *virtio_vsock_create(const struct virtio_vsock_options *options,
					  const struct guest_memory *memory, struct loop *loop,
					  struct error *err);

/*
 * As if a program had sent "CONNECT port\n" on fd, a connected stream socket: the device answers "OK
 * host_port\n" there, or closes it. 0: fd is taken over. Otherwise it stays the caller's: -ENOTCONN, the
 * guest has no driver that runs; -EMFILE, there are too many connections; -EINVAL or -ENOMEM. The loop's
 * thread only.
 */
int virtio_vsock_connect(struct virtio_device *device, int fd, uint32_t port);
