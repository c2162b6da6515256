#include "devmodel/virtio/vsock.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/vsock_connection.h"

/* 5.10.2; the last queue is for events, of which there is one: for a guest that was moved to another host. */
#define QUEUE_RX    0
#define QUEUE_TX    1
#define QUEUE_COUNT 3
#define QUEUE_SIZE  256

#define RESETS_MAX   64
#define ACCEPT_BATCH 64
#define CID_ANY      ((uint64_t)VMADDR_CID_ANY)

/* A packet that nobody is there for gets this answer. */
struct stray_reset {
	uint32_t guest_port;
	uint32_t host_port;
	uint16_t type;
};

struct vsock {
	struct virtio_device device;
	struct virtio_vsock_options options;
	struct loop_source listener; /* fd -1: none */
	struct loop_source wake;     /* the device was reset: the loop's thread is to close what is open */
	struct vsock_table table;
	bool reset_pending;
	bool tx_paused; /* no room for another stray reset */

	unsigned reset_count;
	struct stray_reset resets[RESETS_MAX];
	struct virtq_chain chain;
};

static void stray_reset_add(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	vsock->resets[vsock->reset_count++] = (struct stray_reset){
		.guest_port = le32toh(header->src_port),
		.host_port = le32toh(header->dst_port),
		.type = le16toh(header->type),
	};
}

static void receive_request(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	uint32_t port = le32toh(header->dst_port);
	struct vsock_connection *conn = NULL;
	int fd = -ECONNREFUSED;

	if (vsock->table.count < VIRTIO_VSOCK_CONNECTIONS_MAX)
		fd = vsock->options.connect(vsock->options.owner, port);
	if (fd >= 0)
		conn = vsock_connection_new(&vsock->table, fd, VSOCK_OPEN);
	if (!conn) {
		if (fd >= 0)
			close(fd);
		stray_reset_add(vsock, header);
		return;
	}
	vsock_connection_know(conn, le32toh(header->src_port), port);
	vsock_connection_credit(conn, header);
	vsock_connection_owe(conn, VSOCK_OWED_RESPONSE);
}

/* 5.10.6.4: packets that are not from this guest to this host are dropped. */
static void receive_packet(struct vsock *vsock, const struct virtio_vsock_hdr *header,
			   const struct virtq_chain *chain)
{
	bool stream = le16toh(header->type) == VIRTIO_VSOCK_TYPE_STREAM;
	struct vsock_connection *conn = NULL;

	if (le64toh(header->src_cid) != vsock->options.cid || le64toh(header->dst_cid) != VMADDR_CID_HOST)
		return;
	if (stream)
		conn = vsock_connection_find(&vsock->table, le32toh(header->src_port),
					     le32toh(header->dst_port));
	if (conn)
		vsock_connection_receive(conn, header, chain);
	else if (stream && le16toh(header->op) == VIRTIO_VSOCK_OP_REQUEST)
		receive_request(vsock, header);
	else if (le16toh(header->op) != VIRTIO_VSOCK_OP_RST)
		stray_reset_add(vsock, header);
}

static bool packet_valid(const struct virtio_vsock_hdr *header, const struct virtq_chain *chain)
{
	return chain->readable_len >= VSOCK_HEADER &&
	       le32toh(header->len) <= chain->readable_len - VSOCK_HEADER;
}

static void take_from_guest(struct vsock *vsock)
{
	struct virtio_device *device = &vsock->device;
	struct virtq *queue = &device->queues[QUEUE_TX];
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(device))
		return;
	virtq_disable_notify(queue);
	while (vsock->reset_count < RESETS_MAX &&
	       virtio_device_pop(device, QUEUE_TX, &vsock->chain, &budget)) {
		struct virtio_vsock_hdr header = {0};

		virtq_chain_read(&vsock->chain, 0, &header, sizeof(header));
		if (!packet_valid(&header, &vsock->chain)) {
			virtio_device_broken(device, "a packet is shorter than it says");
			break;
		}
		receive_packet(vsock, &header, &vsock->chain);
		virtq_push(queue, vsock->chain.token, 0);
	}
	vsock->tx_paused = vsock->reset_count == RESETS_MAX;
	virtio_interrupt(device, QUEUE_TX);
}

/* The next packet of the connection whose turn it is, which then goes to the end of the line. */
static bool due_packet(struct vsock *vsock, const struct virtq_chain *chain, struct virtio_vsock_hdr *header)
{
	struct vsock_connection *conn = TAILQ_FIRST(&vsock->table.due);
	bool filled;

	TAILQ_REMOVE(&vsock->table.due, conn, due);
	conn->is_due = false;
	filled = vsock_connection_next(conn, chain, header);
	if (filled && conn->state == VSOCK_RESET)
		vsock_connection_free(conn);
	else
		vsock_connection_schedule(conn);
	return filled;
}

static void stray_reset_packet(struct vsock *vsock, struct virtio_vsock_hdr *header)
{
	const struct stray_reset *reset = &vsock->resets[--vsock->reset_count];

	vsock_header_init(&vsock->table, header);
	header->src_port = htole32(reset->host_port);
	header->dst_port = htole32(reset->guest_port);
	header->type = htole16(reset->type);
	header->op = htole16(VIRTIO_VSOCK_OP_RST);
}

static bool guest_is_owed(const struct vsock *vsock)
{
	return vsock->reset_count || !TAILQ_EMPTY(&vsock->table.due);
}

static void give_packet(struct vsock *vsock)
{
	struct virtq *queue = &vsock->device.queues[QUEUE_RX];
	const struct virtq_chain *chain = &vsock->chain;
	struct virtio_vsock_hdr header;

	if (chain->readable_count || chain->writable_len <= VSOCK_HEADER) {
		virtio_device_broken(&vsock->device, "a receive buffer has no room for data");
		return;
	}
	if (vsock->reset_count) {
		stray_reset_packet(vsock, &header);
	} else if (!due_packet(vsock, chain, &header)) {
		virtq_unpop(queue, chain->token);
		return;
	}
	virtq_chain_write(chain, 0, &header, sizeof(header));
	virtq_push(queue, chain->token, (uint32_t)VSOCK_HEADER + le32toh(header.len));
}

static void give_to_guest(struct vsock *vsock)
{
	struct virtio_device *device = &vsock->device;
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(device))
		return;
	virtq_disable_notify(&device->queues[QUEUE_RX]);
	while (virtio_device_live(device) && guest_is_owed(vsock) &&
	       virtio_device_pop(device, QUEUE_RX, &vsock->chain, &budget))
		give_packet(vsock);
	virtio_interrupt(device, QUEUE_RX);
	if (vsock->tx_paused && vsock->reset_count < RESETS_MAX)
		virtio_device_kick(device, QUEUE_TX);
}

static void accept_program(struct vsock *vsock, int fd)
{
	struct vsock_connection *conn = NULL;

	if (virtio_device_live(&vsock->device) && vsock->table.handshakes < VIRTIO_VSOCK_HANDSHAKES_MAX &&
	    vsock->table.count < VIRTIO_VSOCK_CONNECTIONS_MAX)
		conn = vsock_connection_new(&vsock->table, fd, VSOCK_HANDSHAKE);
	if (!conn) {
		close(fd);
		return;
	}
	vsock->table.handshakes++;
	vsock_connection_set_deadline(conn);
}

/* ---- Events ---- */

static void drop_all(struct vsock *vsock)
{
	struct vsock_connection *conn;

	while ((conn = TAILQ_FIRST(&vsock->table.all)))
		vsock_connection_free(conn);
	vsock->reset_count = 0;
	vsock->tx_paused = false;
	vsock->reset_pending = false;
}

/* False when the device was reset meanwhile: all connections are gone then. */
static bool vsock_begin(struct vsock *vsock)
{
	virtio_queue_lock(&vsock->device, QUEUE_RX);
	if (!vsock->reset_pending)
		return true;
	drop_all(vsock);
	return false;
}

static void vsock_end(struct vsock *vsock)
{
	give_to_guest(vsock);
	virtio_queue_unlock(&vsock->device, QUEUE_RX);
}

static void connection_ready(struct loop_source *source, uint32_t events)
{
	struct vsock_connection *conn = CONTAINER_OF(source, struct vsock_connection, source);
	struct vsock *vsock = CONTAINER_OF(conn->table, struct vsock, table);

	if (vsock_begin(vsock)) {
		conn->readable |= (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
		conn->writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
		conn->hung_up |= (events & EPOLLHUP) != 0;
		if (conn->state == VSOCK_HANDSHAKE)
			vsock_connection_handshake(conn);
		else
			vsock_connection_settle(conn);
	}
	vsock_end(vsock);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct vsock *vsock = CONTAINER_OF(source, struct vsock, listener);

	(void)events;
	vsock_begin(vsock);
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_program(vsock, fd);
			continue;
		}
		/* Out of descriptors, most likely: the program waits until the timer looks again. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			loop_modify(vsock->device.loop, source, 0);
			vsock_table_wait(&vsock->table);
		}
		break;
	}
	vsock_end(vsock);
}

static void wake_ready(struct loop_source *source, uint32_t events)
{
	struct vsock *vsock = CONTAINER_OF(source, struct vsock, wake);

	(void)events;
	vsock_begin(vsock);
	vsock_end(vsock);
}

static void timer_expired(struct loop_timer *timer)
{
	struct vsock *vsock = CONTAINER_OF(timer, struct vsock, table.timer);

	vsock_begin(vsock);
	vsock->table.timer_runs = false;
	if (vsock_table_expire(&vsock->table))
		vsock_table_wait(&vsock->table);
	if (vsock->listener.fd >= 0)
		loop_modify(vsock->device.loop, &vsock->listener, EPOLLIN);
	vsock_end(vsock);
}

int virtio_vsock_connect(struct virtio_device *device, int fd, uint32_t port)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);
	struct vsock_connection *conn = NULL;
	int code = 0;

	if (port == VMADDR_PORT_ANY)
		return -EINVAL;
	vsock_begin(vsock);
	if (!virtio_device_live(device))
		code = -ENOTCONN;
	else if (vsock->table.count >= VIRTIO_VSOCK_CONNECTIONS_MAX)
		code = -EMFILE;
	else if (!(conn = vsock_connection_new(&vsock->table, fd, VSOCK_CONNECTING)))
		code = -ENOMEM;
	if (conn)
		vsock_connection_request(conn, port);
	vsock_end(vsock);
	return code;
}

/* ---- The device ---- */

static void vsock_notify(struct virtio_device *device, unsigned queue)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);

	if (vsock->reset_pending)
		drop_all(vsock);
	if (queue == QUEUE_RX)
		give_to_guest(vsock);
	if (queue != QUEUE_TX)
		return;
	take_from_guest(vsock);
	if (!virtio_queue_trylock(device, QUEUE_RX)) {
		virtio_device_kick(device, QUEUE_RX);
		return;
	}
	give_to_guest(vsock);
	virtio_queue_unlock(device, QUEUE_RX);
}

/* On a vCPU's thread: the connections are the loop thread's to close, before it does anything else here. */
static void vsock_reset(struct virtio_device *device)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);
	uint64_t one = 1;

	vsock->reset_pending = true;
	if (write(vsock->wake.fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

static void vsock_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	const struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);
	struct virtio_vsock_config space = {.guest_cid = htole64(vsock->options.cid)};

	memcpy(data, (const uint8_t *)&space + offset, len);
}

static void vsock_destroy(struct virtio_device *device)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);

	drop_all(vsock);
	if (vsock->listener.fd >= 0) {
		loop_remove(device->loop, &vsock->listener);
		close(vsock->listener.fd);
	}
	loop_timer_close(device->loop, &vsock->table.timer);
	loop_remove(device->loop, &vsock->wake);
	close(vsock->wake.fd);
	virtio_device_close(device);
	free(vsock);
}

static const struct virtio_device_ops vsock_ops = {
	.config_read = vsock_config_read,
	.reset = vsock_reset,
	.notify = vsock_notify,
	.destroy = vsock_destroy,
};

/* The sources that the loop gets; on failure none of them stays there. */
static int vsock_attach(struct vsock *vsock, struct loop *loop)
{
	int code;

	vsock->table.loop = loop;
	vsock->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vsock->wake.fd < 0)
		return -errno;
	code = loop_add(loop, &vsock->wake);
	if (code < 0)
		goto no_wake;
	code = loop_timer_init(loop, &vsock->table.timer, timer_expired);
	if (code < 0)
		goto no_timer;
	if (vsock->listener.fd >= 0)
		code = loop_add(loop, &vsock->listener);
	if (code == 0)
		return 0;
	loop_timer_close(loop, &vsock->table.timer);
no_timer:
	loop_remove(loop, &vsock->wake);
no_wake:
	close(vsock->wake.fd);
	return code;
}

static struct vsock *vsock_new(const struct virtio_vsock_options *options)
{
	struct vsock *vsock = calloc(1, sizeof(*vsock));

	if (!vsock)
		return NULL;
	vsock->device = (struct virtio_device){
		.ops = &vsock_ops,
		.id = VIRTIO_ID_VSOCK,
		.name = "vsock",
		.queue_count = QUEUE_COUNT,
		.config_size = sizeof(struct virtio_vsock_config),
		.in_order = true,
	};
	vsock->options = *options;
	vsock->listener = (struct loop_source){
		.fd = options->listen_fd,
		.events = EPOLLIN,
		.ready = listener_ready,
	};
	vsock->wake = (struct loop_source){.events = EPOLLIN | EPOLLET, .ready = wake_ready};
	vsock->table.cid = options->cid;
	vsock->table.ready = connection_ready;
	vsock->table.timeout_ms = options->timeout_ms ? options->timeout_ms : VIRTIO_VSOCK_TIMEOUT_MS;
	TAILQ_INIT(&vsock->table.all);
	TAILQ_INIT(&vsock->table.due);
	return vsock;
}

struct virtio_device *virtio_vsock_create(const struct virtio_vsock_options *options,
					  const struct guest_memory *memory, struct loop *loop,
					  struct error *err)
{
	struct vsock *vsock;
	int code;

	if (options->cid < VIRTIO_VSOCK_CID_MIN || options->cid >= CID_ANY) {
		error_set(err, -EINVAL, "vsock: %llu is not a guest's CID: those start at %d",
			  (unsigned long long)options->cid, VIRTIO_VSOCK_CID_MIN);
		return NULL;
	}
	vsock = vsock_new(options);
	if (!vsock) {
		error_set(err, -ENOMEM, "vsock: out of memory");
		return NULL;
	}
	if (virtio_device_init(&vsock->device, memory, loop, err) < 0)
		goto failed;
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		vsock->device.queues[i].size_max = QUEUE_SIZE;
	code = vsock_attach(vsock, loop);
	if (code == 0)
		return &vsock->device;
	error_set(err, code, "vsock: its loop does not take it: %s", strerror(-code));
	virtio_device_close(&vsock->device);
failed:
	free(vsock);
	return NULL;
}
