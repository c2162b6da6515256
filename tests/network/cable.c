/*
 * A manager and a guest, as far as networks can tell: each call opens the networks anew, as a manager that
 * was started again does.
 *
 *      cable attach NETWORK GUEST NETNS [PUBLISH...]   plugs a card in and is its guest's process: prints its
 * address, then carries frames to and from eth0 in that network namespace (a file) cable detach GUEST cable
 * adopt GUEST...                            only these run cable serve SECONDS                             a
 * manager that watches dnsmasq cable down cable info NETWORK | cable list
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/config/network_card.h"
#include "vmm/net/networks.h"

#define FRAME_MAX 70000

static int fail(const struct error *err)
{
	fprintf(stderr, "%s\n", err->text);
	return 1;
}

/* eth0 of this network namespace. */
static int open_card(const uint8_t mac[6])
{
	struct ifreq request = {.ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = sizeof(struct virtio_net_hdr_v1);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return -1;
	request = (struct ifreq){.ifr_name = "eth0", .ifr_hwaddr.sa_family = ARPHRD_ETHER};
	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	return ioctl(fd, SIOCSIFHWADDR, &request) < 0 ? -1 : fd;
}

static void carry(int from, int to)
{
	static char frame[FRAME_MAX];
	ssize_t size;

	while ((size = read(from, frame, sizeof(frame))) > 0) {
		if (write(to, frame, (size_t)size) < 0 && errno != EAGAIN && errno != EIO)
			return; /* EIO: that end is not up yet */
	}
}

static int be_guest(const char *netns, const struct network_definition *card, int tap)
{
	int namespace = open(netns, O_RDONLY | O_CLOEXEC);
	struct pollfd ends[2];

	if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0) {
		perror(netns);
		return 1;
	}
	ends[0] = (struct pollfd){.fd = tap, .events = POLLIN};
	ends[1] = (struct pollfd){.fd = open_card(card->mac), .events = POLLIN};
	if (ends[1].fd < 0) {
		perror("eth0");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (poll(ends, 2, -1) >= 0) {
		carry(ends[0].fd, ends[1].fd);
		carry(ends[1].fd, ends[0].fd);
	}
	return 1;
}

/* The MAC address that a definition would give the guest's first card. */
static int make_card(const char *network, const char *guest, char **publish, unsigned count,
		     struct network_definition *card, struct error *err)
{
	cJSON *json = cJSON_CreateObject();
	struct json_place place = {.source = guest, .object = json, .err = err};
	cJSON *rules;
	int code;

	cJSON_AddStringToObject(json, "type", "network");
	cJSON_AddStringToObject(json, "network", network);
	rules = cJSON_AddArrayToObject(json, "publish");
	for (unsigned i = 0; i < count; i++)
		cJSON_AddItemToArray(rules, cJSON_CreateString(publish[i]));
	code = network_definition_read(&place, guest, 0, card);
	cJSON_Delete(json);
	return code;
}

static int attach(struct networks *networks, int argc, char **argv)
{
	struct network_definition card = {0};
	struct network_plug plug;
	struct error err;
	int status;

	if (make_card(argv[0], argv[1], argv + 3, (unsigned)argc - 3, &card, &err) < 0 ||
	    networks_attach(networks, argv[1], 0, &card, &plug, &err) < 0)
		status = fail(&err);
	else
		status = printf("%s\n", plug.address) < 0 || be_guest(argv[2], &card, plug.fds.queues[0]);
	network_definition_free(&card);
	return status;
}

static int plug_bridge(char **argv)
{
	struct network_definition card = {.type = NETWORK_BRIDGE, .bridge = argv[0], .queues = 1};
	struct network_plug plug;
	struct error err;

	if (networks_plug_bridge(argv[1], 0, &card, &plug, &err) < 0)
		return fail(&err);
	printf("%s\n", plug.tap);
	fflush(stdout);
	pause();
	return 0;
}

struct words {
	int count;
	char **list;
};

static bool is_word(void *owner, const char *guest)
{
	const struct words *words = owner;

	for (int i = 0; i < words->count; i++) {
		if (strcmp(words->list[i], guest) == 0)
			return true;
	}
	return false;
}

static bool everybody(void *owner, const char *guest)
{
	(void)owner;
	(void)guest;
	return true;
}

static int serve(struct networks *networks, struct loop *loop, int seconds)
{
	networks_adopt(networks, everybody, NULL);
	for (int i = 0; i < seconds * 10; i++)
		loop_step(loop, 100);
	return 0;
}

static int print(cJSON *json, const struct error *err)
{
	char *text = json ? cJSON_Print(json) : NULL;

	if (!text)
		return fail(err);
	puts(text);
	free(text);
	cJSON_Delete(json);
	return 0;
}

static int run(struct networks *networks, struct loop *loop, int argc, char **argv)
{
	struct words words = {argc - 2, argv + 2};
	const char *command = argv[1];
	struct error err = {0};

	if (strcmp(command, "attach") == 0 && argc >= 5)
		return attach(networks, argc - 2, argv + 2);
	if (strcmp(command, "bridge") == 0 && argc == 4)
		return plug_bridge(argv + 2);
	if (strcmp(command, "serve") == 0 && argc == 3)
		return serve(networks, loop, atoi(argv[2]));
	if (strcmp(command, "info") == 0 && argc == 3)
		return print(networks_info(networks, argv[2], &err), &err);
	if (strcmp(command, "list") == 0)
		return print(networks_list(networks, &err), &err);
	if (strcmp(command, "detach") == 0 && argc == 3)
		networks_detach(networks, argv[2]);
	else if (strcmp(command, "adopt") == 0)
		networks_adopt(networks, is_word, &words);
	else if (strcmp(command, "down") == 0)
		networks_down(networks);
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	bool serves = argc > 1 && strcmp(argv[1], "serve") == 0;
	struct networks *networks;
	struct settings settings;
	struct error err = {0};
	struct loop loop;
	int status;

	if (argc < 2)
		return 2;
	if (settings_read(NULL, &settings, &err) < 0 || loop_init(&loop) < 0 ||
	    networks_open(&settings, serves ? &loop : NULL, &networks, &err) < 0)
		return fail(&err);
	status = run(networks, &loop, argc, argv);
	networks_close(networks);
	loop_close(&loop);
	settings_free(&settings);
	return status;
}
