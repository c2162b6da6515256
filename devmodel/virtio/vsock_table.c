#include <stdlib.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/vsock_connection.h"

#define TICKS 4 /* how often the timer looks during a timeout */

/* Ports that the host's programs connect from: this many, from this one on. */
#define HOST_PORTS_FIRST (1U << 30)

static struct vsock_bucket *bucket_of(struct vsock_table *table, uint32_t guest_port, uint32_t host_port)
{
	return &table->buckets[(guest_port * 31 + host_port) % VSOCK_BUCKETS];
}

struct vsock_connection *vsock_connection_find(struct vsock_table *table, uint32_t guest_port,
					       uint32_t host_port)
{
	struct vsock_connection *conn = LIST_FIRST(bucket_of(table, guest_port, host_port));

	while (conn && (conn->guest_port != guest_port || conn->host_port != host_port))
		conn = LIST_NEXT(conn, bucket);
	return conn;
}

void vsock_connection_know(struct vsock_connection *conn, uint32_t guest_port, uint32_t host_port)
{
	conn->guest_port = guest_port;
	conn->host_port = host_port;
	conn->is_known = true;
	LIST_INSERT_HEAD(bucket_of(conn->table, guest_port, host_port), conn, bucket);
}

void vsock_connection_forget(struct vsock_connection *conn)
{
	if (conn->is_known)
		LIST_REMOVE(conn, bucket);
	if (conn->is_due)
		TAILQ_REMOVE(&conn->table->due, conn, due);
	conn->is_known = false;
	conn->is_due = false;
	conn->owed = 0;
}

/* There are more ports than connections. */
uint32_t vsock_table_host_port(struct vsock_table *table, uint32_t guest_port)
{
	uint32_t port;

	do
		port = HOST_PORTS_FIRST + table->next_host_port++ % HOST_PORTS_FIRST;
	while (vsock_connection_find(table, guest_port, port));
	return port;
}

uint32_t vsock_table_buffer_size(const struct vsock_table *table)
{
	return table->promised + VIRTIO_VSOCK_BUFFER <= VIRTIO_VSOCK_WIDE_BYTES ? VIRTIO_VSOCK_BUFFER
										: VIRTIO_VSOCK_BUFFER_NARROW;
}

/* ---- Deadlines ---- */

void vsock_table_wait(struct vsock_table *table)
{
	if (table->timer_runs)
		return;
	table->timer_runs = true;
	loop_timer_set(&table->timer, table->timeout_ms * 1000000ULL / TICKS, 0);
}

bool vsock_table_expire(struct vsock_table *table)
{
	uint64_t now = monotonic_ms();
	struct vsock_connection *next;
	bool more = false;

	for (struct vsock_connection *conn = TAILQ_FIRST(&table->all); conn; conn = next) {
		next = TAILQ_NEXT(conn, all);
		if (conn->deadline && conn->deadline <= now)
			vsock_connection_reset(conn);
		else
			more |= conn->deadline != 0;
	}
	return more;
}
