/*
 * Each feature of each device off in turn, by both transports: a driver that does not agree to a bit is what
 * one is to which it is not offered. All of them, all but one, none, and one alone; the device works each
 * time.
 */
#define BARS       0xd1000000UL /* the bus' memory window */
#define ECAM       0xd0000000UL
#define BAR_WINDOW 0x10000UL
#define SLOT       3
#define MMIO       0xc0001000UL

#ifdef MICRO_GUEST
#include <linux/pci_regs.h>

#include "tests/micro/guest_features.h"

/* What a driver that does without a feature has to do without, too (5.1.3.1); of the others nothing depends.
 */
static uint64_t net_allowed(uint64_t features)
{
	if (!(features & FEATURE(NET_F_CTRL_VQ)))
		features &= ~(FEATURE(NET_F_CTRL_RX) | FEATURE(NET_F_CTRL_RX_EXTRA) |
			      FEATURE(NET_F_CTRL_VLAN) | FEATURE(NET_F_GUEST_ANNOUNCE) | FEATURE(NET_F_MQ) |
			      FEATURE(NET_F_CTRL_MAC_ADDR) | FEATURE(NET_F_CTRL_GUEST_OFFLOADS));
	return features;
}

static uint64_t all_allowed(uint64_t features)
{
	return features;
}

static uint32_t try_set(uint32_t (*use)(uint64_t), uint64_t features)
{
	round_number++;
	return use(features | DEVICE_VERSION_1);
}

/* Reports what was offered; 0, or the number of the bit, and the line of what did not work without it or with
 * it alone. */
static uint32_t try_all(uint32_t (*use)(uint64_t), uint64_t (*allowed)(uint64_t))
{
	uint64_t offered = device_offered(&queues[0]);
	uint32_t line = try_set(use, offered);

	report((uint32_t)offered);
	report((uint32_t)(offered >> 32));
	if (line == 0)
		line = try_set(use, 0);
	for (uint32_t bit = 0; bit < 64 && line == 0; bit++) {
		if (!(offered & ~DEVICE_VERSION_1 & 1ULL << bit))
			continue;
		line = try_set(use, allowed(offered & ~(1ULL << bit)));
		if (line)
			return 100000 + 1000 * bit + line;
		line = try_set(use, allowed(1ULL << bit));
		if (line)
			return 200000 + 1000 * bit + line;
	}
	return line;
}

static void find_mmio(void)
{
	for (unsigned i = 0; i < QUEUES; i++)
		queues[i].registers = MMIO;
}

static void find_pci(void)
{
	mmio_write16(ECAM + (SLOT << 15) + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned i = 0; i < QUEUES; i++) {
		queues[i].is_pci = true;
		queues[i].registers = BARS + SLOT * BAR_WINDOW;
	}
}

#define GUESTS(device, allowed)                                                                              \
	GUEST(device##_mmio)                                                                                 \
	{                                                                                                    \
		find_mmio();                                                                                 \
		return try_all(device##_use, allowed);                                                       \
	}                                                                                                    \
	GUEST(device##_pci)                                                                                  \
	{                                                                                                    \
		find_pci();                                                                                  \
		return try_all(device##_use, allowed);                                                       \
	}

GUESTS(disk, all_allowed)
GUESTS(net, net_allowed)
GUESTS(console, all_allowed)
GUESTS(channels, all_allowed)
GUESTS(vsock, all_allowed)
GUESTS(rng, all_allowed)
GUESTS(balloon, all_allowed)

#else
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/balloon.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/channels.h"
#include "devmodel/virtio/console.h"
#include "devmodel/virtio/net.h"
#include "devmodel/virtio/pci.h"
#include "devmodel/virtio/rng.h"
#include "devmodel/virtio/vsock.h"
#include "tests/micro/micro.h"

_Static_assert(BAR_WINDOW == PCI_FUNCTION_WINDOW, "the function's BAR is where its slot says");

#define BIT(feature) (1ULL << VIRTIO_##feature)
#define COMMON                                                                                               \
	(BIT(F_VERSION_1) | BIT(RING_F_INDIRECT_DESC) | BIT(RING_F_EVENT_IDX) | BIT(F_RING_PACKED) |         \
	 BIT(F_RING_RESET))

struct board {
	struct micro micro;
	struct virtio_device *device;
	struct irq_messages messages;
	struct virtio_pci_host host;
	struct pci_bus bus;
	struct virtio_pci pci;
	/* What is beyond the device. */
	struct chardev_backend terminal;
	struct loop_timer timer;
	char typed[16];
	size_t typed_count;
	int wire[2];
};

static void send_nothing(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	(void)messages;
	(void)address;
	(void)data;
}

/* Kicks come by the slow way. */
static void notifications_anywhere(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	(void)host;
	(void)pci;
	(void)address;
}

static void guest_run(struct board *board, const char *guest)
{
	cr_assert_not_null(board->device);
	micro_expect(&board->micro, guest, 0);
	cr_assert_eq(board->micro.report_count, 2);
	cr_assert_eq(board->micro.reports[0], (uint32_t)board->device->offered);
	cr_assert_eq(board->micro.reports[1], (uint32_t)(board->device->offered >> 32));
	cr_assert_eq(board->device->faults, 0);
}

static void run_mmio(struct board *board, const char *guest)
{
	micro_virtio_device(&board->micro, board->device);
	guest_run(board, guest);
}

static void run_pci(struct board *board, const char *guest)
{
	struct error err;

	virtio_pci_init(&board->pci, board->device, &board->host, NULL);
	pci_bus_init(&board->bus, BARS);
	cr_assert_eq(pci_bus_add(&board->bus, SLOT, &board->pci.function, &err), 0);
	micro_mmio_device(&board->micro, ECAM, PCI_ECAM_SIZE, &pci_ecam_ops, &board->bus);
	micro_mmio_device(&board->micro, BARS, PCI_WINDOW_SIZE, &pci_window_ops, &board->bus);
	guest_run(board, guest);
	pci_bus_remove(&board->bus, SLOT);
	virtio_pci_close(&board->pci);
	pci_bus_close(&board->bus);
}

/* The device's features are those that the test is about; then both guests have it, each one made anew. */
static void try_device(uint64_t features, void (*create)(struct board *board),
		       void (*destroy)(struct board *board), const char *by_mmio, const char *by_pci)
{
	static struct board board;

	for (unsigned pci = 0; pci < 2; pci++) {
		board = (struct board){.messages.send = send_nothing, .wire = {-1, -1}};
		board.host = (struct virtio_pci_host){&board.messages, notifications_anywhere};
		micro_create(&board.micro, 1);
		create(&board);
		cr_assert_not_null(board.device);
		cr_assert_eq(board.device->offered & (COMMON | features), COMMON | features);
		if (pci)
			run_pci(&board, by_pci);
		else
			run_mmio(&board, by_mmio);
		virtio_device_destroy(board.device);
		if (destroy)
			destroy(&board);
		micro_destroy(&board.micro);
	}
}

static void disk_create(struct board *board)
{
	struct virtio_blk_options options = {
		.name = "disk",
		.size = 64 * 1024,
		.discard = true,
		.logical_block = 1024,
		.physical_block = 4096,
		.queues = 2,
	};
	struct error err;

	options.fd = memfd_create("disk", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(options.fd, (off_t)options.size), 0);
	board->device = virtio_blk_create(&options, &board->micro.memory, &board->micro.loop, &err);
}

MICRO_TEST(virtio_features, a_disk_does_without_each)
{
	try_device(BIT(BLK_F_SEG_MAX) | BIT(BLK_F_BLK_SIZE) | BIT(BLK_F_TOPOLOGY) | BIT(BLK_F_MQ) |
			   BIT(BLK_F_FLUSH) | BIT(BLK_F_DISCARD) | BIT(BLK_F_WRITE_ZEROES),
		   disk_create, NULL, "disk_mmio", "disk_pci");
}

/* The other end of the wire, with passt's framing: each frame comes back with each byte one higher. */
static void *wire_answer(void *argument)
{
	struct board *board = argument;
	uint8_t frame[1514];
	uint32_t length;

	while (recv(board->wire[1], &length, sizeof(length), MSG_WAITALL) == sizeof(length) &&
	       ntohl(length) <= sizeof(frame) &&
	       recv(board->wire[1], frame, ntohl(length), MSG_WAITALL) == ntohl(length)) {
		for (unsigned i = 0; i < ntohl(length); i++)
			frame[i]++;
		if (send(board->wire[1], &length, sizeof(length), MSG_NOSIGNAL) < 0 ||
		    send(board->wire[1], frame, ntohl(length), MSG_NOSIGNAL) < 0)
			break;
	}
	return NULL;
}

static pthread_t wire_thread;

static void net_create(struct board *board)
{
	struct virtio_net_options options = {
		.fd_count = 1,
		.name = "net",
		.backend = VIRTIO_NET_STREAM,
		.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
		.mtu = 1400,
	};
	struct error err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, board->wire), 0);
	options.fds[0] = board->wire[0];
	board->device = virtio_net_create(&options, &board->micro.memory, &board->micro.loop, &err);
	wire_thread = micro_thread(wire_answer, board);
}

static void net_destroy(struct board *board)
{
	shutdown(board->wire[1], SHUT_RDWR);
	pthread_join(wire_thread, NULL);
	close(board->wire[1]);
}

MICRO_TEST(virtio_features, a_card_does_without_each)
{
	try_device(BIT(NET_F_MAC) | BIT(NET_F_STATUS) | BIT(NET_F_MTU) | BIT(NET_F_MRG_RXBUF) |
			   BIT(NET_F_CTRL_VQ) | BIT(NET_F_CTRL_RX) | BIT(NET_F_CTRL_VLAN) |
			   BIT(NET_F_CTRL_MAC_ADDR) | BIT(F_IN_ORDER),
		   net_create, net_destroy, "net_mmio", "net_pci");
}

/* What is printed is typed, a moment later: output must not call back. */
static size_t terminal_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct board *board = CONTAINER_OF(backend, struct board, terminal);

	cr_assert(len <= sizeof(board->typed));
	memcpy(board->typed, data, len);
	board->typed_count = len;
	loop_timer_set(&board->timer, 1, 0);
	return len;
}

static void terminal_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static void terminal_type(struct loop_timer *timer)
{
	struct board *board = CONTAINER_OF(timer, struct board, timer);
	struct chardev_frontend *frontend = virtio_console_frontend(board->device);

	frontend->input(frontend, (const uint8_t *)board->typed, board->typed_count);
}

static void console_create(struct board *board)
{
	struct error err;

	board->terminal = (struct chardev_backend){terminal_output, terminal_readable};
	cr_assert_eq(loop_timer_init(&board->micro.loop, &board->timer, terminal_type), 0);
	board->device = virtio_console_create("console", &board->terminal, &board->micro.memory,
					      &board->micro.loop, &err);
	virtio_console_resize(board->device, 80, 25);
}

static void console_destroy(struct board *board)
{
	loop_timer_close(&board->micro.loop, &board->timer);
}

MICRO_TEST(virtio_features, a_console_does_without_each)
{
	try_device(BIT(CONSOLE_F_SIZE), console_create, console_destroy, "console_mmio", "console_pci");
}

static void agent_opened(struct chardev_backend *backend, bool open)
{
	(void)backend;
	(void)open;
}

static void channels_create(struct board *board)
{
	const struct virtio_channel channel = {"agent", &board->terminal, agent_opened};
	struct error err;

	board->terminal = (struct chardev_backend){terminal_output, terminal_readable};
	board->device = virtio_channels_create(&channel, 1, &board->micro.memory, &board->micro.loop, &err);
}

MICRO_TEST(virtio_features, ports_do_without_each)
{
	try_device(BIT(CONSOLE_F_MULTIPORT), channels_create, NULL, "channels_mmio", "channels_pci");
}

static int nobody_listens(void *owner, uint32_t port)
{
	(void)owner;
	(void)port;
	return -ECONNREFUSED;
}

static void vsock_create(struct board *board)
{
	struct virtio_vsock_options options = {.cid = 3, .listen_fd = -1, .connect = nobody_listens};
	struct error err;

	board->device = virtio_vsock_create(&options, &board->micro.memory, &board->micro.loop, &err);
}

MICRO_TEST(virtio_features, a_socket_does_without_each)
{
	try_device(0, vsock_create, NULL, "vsock_mmio", "vsock_pci");
}

static void rng_create(struct board *board)
{
	struct error err;

	board->device = virtio_rng_create(NULL, &board->micro.memory, &board->micro.loop, &err);
}

MICRO_TEST(virtio_features, entropy_does_without_each)
{
	try_device(0, rng_create, NULL, "rng_mmio", "rng_pci");
}

static void balloon_create(struct board *board)
{
	struct virtio_balloon_options options = {.deflate_on_oom = true, .reporting = true};
	struct error err;

	board->device = virtio_balloon_create(&options, &board->micro.memory, &board->micro.loop, &err);
}

MICRO_TEST(virtio_features, a_balloon_does_without_each)
{
	try_device(BIT(BALLOON_F_STATS_VQ) | BIT(BALLOON_F_DEFLATE_ON_OOM) | BIT(BALLOON_F_REPORTING),
		   balloon_create, NULL, "balloon_mmio", "balloon_pci");
}
#endif
