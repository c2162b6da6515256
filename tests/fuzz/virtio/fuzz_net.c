/*
 * The network device behind the MMIO transport. The input's first byte picks TAP (a socket that keeps message
 * boundaries) or stream; the backend's operation is what the other side does:
 *
 *      0 bytes  len:16 bytes     sends them
 *      1 frame  len:8 bytes      sends them with their length before
 *      2 read   len:16           reads
 *      3 close
 *      4 link   up:8             the cable
 *      5 rates  in:16 out:16     bytes a second
 *      6 announce
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmodel/virtio/net.h"
#include "tests/fuzz/virtio/machine.h"

static int peer;

/* Its link goes down in every second input. */
void __wrap_log_line(enum log_level level, const char *format, ...);

void __wrap_log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

static void peer_sends(const void *bytes, size_t len)
{
	if (send(peer, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* full or closed */
}

static void set_rates(struct fuzz_machine *machine, struct fuzz_input *input)
{
	struct rate to_guest = {.rate = fuzz_take(input, 2)};
	struct rate from_guest = {.rate = fuzz_take(input, 2)};

	if (virtio_net_set_rates(machine->device, &to_guest, &from_guest, NULL) < 0)
		abort();
}

static void peer_acts(struct fuzz_machine *machine, struct fuzz_input *input)
{
	static uint8_t sink[UINT16_MAX];
	const uint8_t *bytes;
	uint32_t prefix;
	size_t len;

	switch (fuzz_take(input, 1) % 7) {
	case 0:
		bytes = fuzz_take_bytes(input, fuzz_take(input, 2), &len);
		peer_sends(bytes, len);
		break;
	case 1:
		bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
		prefix = htonl((uint32_t)len);
		peer_sends(&prefix, sizeof(prefix));
		peer_sends(bytes, len);
		break;
	case 2:
		if (recv(peer, sink, fuzz_take(input, 2), MSG_DONTWAIT) < 0)
			return; /* nothing there */
		break;
	case 3:
		shutdown(peer, SHUT_RDWR);
		break;
	case 4:
		virtio_net_set_link(machine->device, fuzz_take(input, 1) & 1);
		break;
	case 5:
		set_rates(machine, input);
		break;
	case 6:
		virtio_net_announce(machine->device);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct virtio_net_options options = {.name = "fuzz", .mac = {0x52}, .mtu = 1500, .fd_count = 1};
	struct fuzz_machine machine;
	unsigned chosen;
	int small = 4096;
	int ends[2];

	chosen = (unsigned)fuzz_take(&input, 1);
	options.backend = chosen & 1 ? VIRTIO_NET_STREAM : VIRTIO_NET_TAP;
	options.link_down = chosen & 2;
	if (chosen & 4)
		options.to_guest = options.from_guest = (struct rate){.rate = 1024, .burst = 1024};
	if (socketpair(AF_UNIX, options.backend == VIRTIO_NET_TAP ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends) <
	    0)
		abort();
	options.fds[0] = ends[0];
	peer = ends[1];
	setsockopt(options.fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	fuzz_machine_init(&machine);
	machine.backend = peer_acts;
	fuzz_machine_run(&machine, virtio_net_create(&options, &machine.memory, &machine.loop, NULL), &input);
	close(peer);
	return 0;
}
