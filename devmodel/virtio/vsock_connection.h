/*
 * One connection of the virtio socket device (vsock.h): a stream socket of the host on one side, the guest's
 * packets on the other. vsock.c moves packets between the queues and here; nothing else uses this.
 *
 *      host connects --> HANDSHAKE --"CONNECT"--> CONNECTING --RESPONSE--> OPEN <--REQUEST-- guest connects
 *                                                                          |  \
 *                                       guest gave up, bytes for the host  |   \  either side is done
 *                                                                  DRAINING     RESET --RST sent--> gone
 *
 * Names: the guest sends, the host's side receives, and the other way round; what is "owed" is owed to the
 * guest. Lock and threads: all of it on the loop's thread, with the lock of the
 * receive queue or the transmit queue held: a reset has both.
 */
#pragma once

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/loop.h"
#include "devmodel/virtio/queue.h"
#include "devmodel/virtio/vsock.h"
#include "devmodel/virtio/vsock_buffer.h"

#define VSOCK_HEADER  sizeof(struct virtio_vsock_hdr)
#define VSOCK_BUCKETS 1024

#define VSOCK_SHUTDOWN_BOTH ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_RCV | (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND)

enum vsock_state {
	VSOCK_HANDSHAKE,  /* the guest knows nothing of it */
	VSOCK_CONNECTING, /* the guest's answer is awaited */
	VSOCK_OPEN,
	VSOCK_DRAINING, /* the guest forgot it; the host's side has not read all yet, and has a deadline */
	VSOCK_RESET,    /* the host's side is closed; the guest is to be told */
};

/*
 * What the guest is still to be sent, in this order. These are flags and not packets, so that nothing is lost
 * and nothing grows while the guest offers no buffer.
 */
enum vsock_owed {
	VSOCK_OWED_RST = 1 << 0,
	VSOCK_OWED_REQUEST = 1 << 1,
	VSOCK_OWED_RESPONSE = 1 << 2,
	VSOCK_OWED_SHUTDOWN = 1 << 3,
	VSOCK_OWED_CREDIT_UPDATE = 1 << 4, /* data do as well: they carry the same */
	VSOCK_OWED_CREDIT_REQUEST = 1 << 5,
	VSOCK_OWED_BEFORE_DATA =
		VSOCK_OWED_RST | VSOCK_OWED_REQUEST | VSOCK_OWED_RESPONSE | VSOCK_OWED_SHUTDOWN,
};

TAILQ_HEAD(vsock_list, vsock_connection);
LIST_HEAD(vsock_bucket, vsock_connection);

/* All connections of a device. */
struct vsock_table {
	/* Set by the device. */
	struct loop *loop;
	uint64_t cid; /* the guest's */
	unsigned timeout_ms;
	/* Something happened on a connection's host side. */
	void (*ready)(struct loop_source *source, uint32_t events);
	struct loop_timer timer; /* to look for deadlines that are over */

	bool timer_runs;
	unsigned count;
	uint32_t promised;   /* bytes: the sizes of all their buffers */
	unsigned handshakes; /* of them in that state */
	uint32_t next_host_port;
	struct vsock_list all;
	struct vsock_list due; /* those that owe the guest something, in turn */
	struct vsock_bucket buckets[VSOCK_BUCKETS];
};

struct vsock_connection {
	struct vsock_table *table;
	TAILQ_ENTRY(vsock_connection) all;
	TAILQ_ENTRY(vsock_connection) due;   /* when is_due */
	LIST_ENTRY(vsock_connection) bucket; /* when is_known */
	bool is_due;
	bool is_known; /* to the guest, by its ports */
	enum vsock_state state;
	uint32_t guest_port;
	uint32_t host_port;
	unsigned owed;
	uint64_t deadline; /* ms; 0: none */

	/* The host's side. Edges are remembered here until a call says EAGAIN. */
	struct loop_source source; /* fd -1 when closed */
	bool readable;
	bool writable;
	bool hung_up;
	bool write_ended;

	uint32_t guest_shutdown; /* VIRTIO_VSOCK_SHUTDOWN_*: what each side does not want to do any more */
	uint32_t host_shutdown;

	/* Host to guest: bytes sent, and the guest's credit (5.10.6.3). All counters wrap around. */
	uint32_t sent;
	uint32_t guest_buf_alloc;
	uint32_t guest_fwd_cnt;
	bool credit_asked;

	/* Guest to host: bytes passed on to the host's side, and how many of these the guest knows of. What
	 * came is forwarded + buffer.used. */
	uint32_t forwarded;
	uint32_t told;
	struct vsock_buffer buffer;
};

/* ---- vsock_table.c ---- */

/* Has the timer fire soon. */
void vsock_table_wait(struct vsock_table *table);
/* Ends what took too long; true when others have a deadline still. */
bool vsock_table_expire(struct vsock_table *table);
/* A port of the host's that makes the pair unique. */
uint32_t vsock_table_host_port(struct vsock_table *table, uint32_t guest_port);
/* What one more connection may hold of its guest's bytes. */
uint32_t vsock_table_buffer_size(const struct vsock_table *table);

/* The connection of these ports, or NULL. */
struct vsock_connection *vsock_connection_find(struct vsock_table *table, uint32_t guest_port,
					       uint32_t host_port);
/* Enters it under its ports: packets of the guest may be for it. */
void vsock_connection_know(struct vsock_connection *conn, uint32_t guest_port, uint32_t host_port);
/* Undoes that, and what it owes the guest. */
void vsock_connection_forget(struct vsock_connection *conn);

/* ---- vsock_connection.c ---- */

/* A connection with this socket of the host, which it takes over; NULL when there is no memory. */
struct vsock_connection *vsock_connection_new(struct vsock_table *table, int fd, enum vsock_state state);
void vsock_connection_free(struct vsock_connection *conn);

/* The end: closes the host's side at once; lives on while the guest is owed an RST, else it is gone. */
void vsock_connection_reset(struct vsock_connection *conn);
/* Ends it by vsock_connection_reset when that takes longer than the device's timeout. */
void vsock_connection_set_deadline(struct vsock_connection *conn);

/* The guest is to be sent this. */
void vsock_connection_owe(struct vsock_connection *conn, enum vsock_owed what);
/* Lines the connection up in `due` when it has something for the guest. */
void vsock_connection_schedule(struct vsock_connection *conn);
/* Bytes that the guest has room for. */
uint32_t vsock_connection_guest_credit(const struct vsock_connection *conn);
bool vsock_connection_wants_to_send(const struct vsock_connection *conn);
/* The host's side does not send, or does not receive, any more: VIRTIO_VSOCK_SHUTDOWN_*. */
void vsock_connection_host_ended(struct vsock_connection *conn, uint32_t directions);

/* What the guest says of its room, in every packet. */
void vsock_connection_credit(struct vsock_connection *conn, const struct virtio_vsock_hdr *header);
/* A packet for this connection, its header copied, its length checked. The connection may be gone afterwards.
 */
void vsock_connection_receive(struct vsock_connection *conn, const struct virtio_vsock_hdr *header,
			      const struct virtq_chain *chain);

/* Asks the guest for a connection to this port of its; the state is CONNECTING. */
void vsock_connection_request(struct vsock_connection *conn, uint32_t guest_port);
/* Reads the program's CONNECT line, as far as it has come. The connection may be gone afterwards. */
void vsock_connection_handshake(struct vsock_connection *conn);
/* Does what has become possible or due after any change. The connection may be gone afterwards. */
void vsock_connection_settle(struct vsock_connection *conn);

/* ---- vsock_send.c ---- */

/* Fills in its next packet, data behind the header's place in the chain; false when it has none after all. */
bool vsock_connection_next(struct vsock_connection *conn, const struct virtq_chain *chain,
			   struct virtio_vsock_hdr *header);

/* A packet of the host's for the guest, with nothing but addresses and type. */
void vsock_header_init(const struct vsock_table *table, struct virtio_vsock_hdr *header);
