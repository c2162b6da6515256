/* passt as a child: started, asked over ARP, stopped, refused. Skipped where it is not installed or has no
 * network. */
#include "vmm/net/passt.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;

/* Started, and its ports bound. */
static int start_passt(struct passt *passt, const char *name, const char *const *publish, unsigned count,
		       unsigned mtu)
{
	struct passt_start start;
	int fd = passt_begin(passt, &start, name, publish, count, mtu, &err);
	int code = 0;

	while (fd >= 0 && (code = passt_heard(passt, &start, name, &err)) == -EAGAIN) {
		struct pollfd word = {.fd = start.word, .events = POLLIN};

		cr_assert_geq(poll(&word, 1, 20000), 0);
	}
	if (fd >= 0)
		cr_assert_eq(start.word, -1);
	if (code < 0)
		close(fd);
	return code < 0 ? code : fd;
}

/* A port of the loopback address and the socket that is bound to it. */
static int bind_some_port(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	cr_assert_eq(listen(fd, 1), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static int start_or_skip(struct passt *passt, const char *const *publish, unsigned count)
{
	int fd = start_passt(passt, "test", publish, count, 0);

	if (fd == -ENOENT || (fd == -EIO && strstr(err.text, "interface")))
		cr_skip_test("%s", err.text);
	cr_assert_geq(fd, 0, "%s", err.text);
	return fd;
}

Test(passt, tells_the_mtu_it_is_given)
{
	static const char wanted[] = "\0--mtu\0"
				     "1400";
	char path[64], line[4096];
	struct passt passt;
	ssize_t len;
	int cmdline;
	int fd = start_passt(&passt, "test", NULL, 0, 1400);

	if (fd == -ENOENT || (fd == -EIO && strstr(err.text, "interface")))
		cr_skip_test("%s", err.text);
	cr_assert_geq(fd, 0, "%s", err.text);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)passt.pid);
	cmdline = open(path, O_RDONLY | O_CLOEXEC);
	len = read(cmdline, line, sizeof(line));
	cr_assert(len > 0 && memmem(line, (size_t)len, wanted, sizeof(wanted)));
	close(cmdline);
	close(fd);
	passt_stop(&passt);
}

Test(passt, binds_the_published_port_and_ends_when_stopped)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct passt passt;
	char rule[64];
	const char *rules[] = {rule};
	uint16_t port;
	pid_t pid;
	int client;
	int fd;

	close(bind_some_port(&port));
	snprintf(rule, sizeof(rule), "127.0.0.1:%u:80", port);
	fd = start_or_skip(&passt, rules, 1);
	pid = passt.pid;
	client = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_port = htons(port);
	cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0, "nobody listens");
	passt_stop(&passt);
	cr_assert_eq(passt.pid, 0);
	cr_assert_eq(kill(pid, 0), -1, "it still runs");
	close(client);
	close(fd);
	passt_stop(&passt);
}

Test(passt, ends_by_itself_when_the_guest_is_gone)
{
	struct passt passt;
	int status;
	int fd = start_or_skip(&passt, NULL, 0);

	close(fd);
	cr_assert_eq(waitpid(passt.pid, &status, 0), passt.pid);
}

struct arp_frame {
	struct ether_header ethernet;
	struct ether_arp arp;
} __attribute__((packed));

static void receive(int fd, void *into, size_t len)
{
	struct timeval patience = {.tv_sec = 5};

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	cr_assert_eq(recv(fd, into, len, MSG_WAITALL), (ssize_t)len, "passt is silent");
}

/* passt may send advertisements of its own before the answer. */
static void receive_arp(int fd, struct arp_frame *reply)
{
	union {
		struct arp_frame arp;
		uint8_t bytes[65536];
	} frame;
	uint32_t len;

	do {
		receive(fd, &len, sizeof(len));
		len = ntohl(len);
		cr_assert(len >= sizeof(struct ether_header) && len <= sizeof(frame));
		receive(fd, &frame, len);
	} while (frame.arp.ethernet.ether_type != htons(ETHERTYPE_ARP));
	cr_assert_geq(len, sizeof(*reply));
	*reply = frame.arp;
}

/* The framing of devmodel/virtio/net.h: a length of four bytes, big-endian, then the frame. */
Test(passt, speaks_length_and_frame)
{
	struct arp_frame request = {
		.ethernet = {.ether_dhost = {255, 255, 255, 255, 255, 255},
			     .ether_shost = {0x52, 0x54, 0, 1, 2, 3},
			     .ether_type = htons(ETHERTYPE_ARP)},
		.arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
				   .ar_pro = htons(ETHERTYPE_IP),
				   .ar_hln = 6,
				   .ar_pln = 4,
				   .ar_op = htons(ARPOP_REQUEST)},
			.arp_sha = {0x52, 0x54, 0, 1, 2, 3},
			.arp_spa = {192, 0, 2, 77},
			.arp_tpa = {192, 0, 2, 78}},
	};
	struct arp_frame reply;
	uint32_t len = htonl(sizeof(request));
	struct passt passt;
	int fd = start_or_skip(&passt, NULL, 0);

	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0);
	cr_assert_eq(send(fd, &len, sizeof(len), 0), (ssize_t)sizeof(len));
	cr_assert_eq(send(fd, &request, sizeof(request), 0), (ssize_t)sizeof(request));
	receive_arp(fd, &reply);
	cr_assert_eq(ntohs(reply.arp.ea_hdr.ar_op), ARPOP_REPLY);
	cr_assert_arr_eq(reply.ethernet.ether_dhost, request.ethernet.ether_shost, 6);
	cr_assert_arr_eq(reply.arp.arp_spa, request.arp.arp_tpa, 4);
	passt_stop(&passt);
	close(fd);
}

Test(passt, a_port_in_use_is_refused_by_its_number)
{
	struct passt passt;
	char rule[64];
	char want[128];
	const char *rules[] = {rule};
	uint16_t port;
	int busy = bind_some_port(&port);

	snprintf(rule, sizeof(rule), "%u:80", port);
	snprintf(want, sizeof(want),
		 "publish \"%s\": cannot bind port %u of the host: Address already in use", rule, port);
	cr_assert_eq(start_passt(&passt, "test", rules, 1, 0), -EADDRINUSE);
	cr_assert_not_null(strstr(err.text, want), "%s", err.text);
	cr_assert_eq(passt.pid, 0);
	close(busy);
}

Test(passt, a_wrong_rule_is_refused_before_anything_starts)
{
	const char *wrong[] = {"8080:80", "99999:80"};
	const char *twice[] = {"8080:80", "8080:81"};
	struct passt passt;

	cr_assert_eq(start_passt(&passt, "test", wrong, 2, 0), -EINVAL);
	cr_assert_eq(passt.pid, 0);
	cr_assert_eq(start_passt(&passt, "test", twice, 2, 0), -EEXIST);
	cr_assert_eq(passt.pid, 0);
}

Test(passt, not_installed_is_refused_with_the_command_that_installs_it)
{
	struct passt passt;

	setenv("PATH", "/nonexistent", 1);
	cr_assert_eq(start_passt(&passt, "web", NULL, 0, 0), -ENOENT);
	cr_assert_str_eq(err.text, "network of guest web: passt is not installed: apt-get install passt");
	cr_assert_eq(passt.pid, 0);
}

/* A passt that complains and dies: its last words are ours. */
Test(passt, its_complaint_is_passed_on)
{
	char folder[] = "/tmp/rastos-passt-XXXXXX";
	char path[64];
	struct passt passt;
	FILE *script;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/passt", folder);
	script = fopen(path, "w");
	fputs("#!/bin/sh\necho first >&2\necho 'External interface not usable' >&2\nexit 1\n", script);
	fchmod(fileno(script), 0755);
	fclose(script);
	setenv("PATH", folder, 1);
	cr_assert_eq(start_passt(&passt, "web", NULL, 0, 0), -EIO);
	cr_assert_str_eq(err.text, "network of guest web: passt did not start: External interface not usable"
				   ": the host has no default route yet (see `ip route`)");
	cr_assert_eq(passt.pid, 0);
	unlink(path);
	rmdir(folder);
}
