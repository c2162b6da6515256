#include "vmm/net/dnsmasq.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/net/tool.h"

#define OWN_USER      "dnsmasq" /* of Debian's package ... */
#define OTHER_USER    "nobody"  /* ... and where there is none */
#define STOP_MS       2000
#define LEASE_TIME    "12h"
#define CMDLINE_MAX   4096
#define OPTION_MTU    26 /* RFC 2132, 5.1 */
#define OPTION_ROUTER 3  /* RFC 2132, 3.5 */

static const char *const files[] = {"dnsmasq.conf", "dnsmasq.pid", "cards", "names"};

enum file {
	FILE_CONFIG,
	FILE_PID,
	FILE_CARDS,
	FILE_NAMES,
};

static char *file_of(const struct dnsmasq *dnsmasq, enum file file)
{
	return file_path_join(dnsmasq->folder, files[file]);
}

/* --- Its files --- */

static void write_dns(FILE *out, const struct dnsmasq *dnsmasq)
{
	const struct virtual_network *network = dnsmasq->network;

	if (!network->dns) {
		fprintf(out, "port=0\n");
		return;
	}
	fprintf(out, "no-hosts\naddn-hosts=%s/%s\n", dnsmasq->folder, files[FILE_NAMES]);
	fprintf(out, "domain=%s\nlocal=/%s/\ndomain-needed\nbogus-priv\n", network->domain, network->domain);
	if (network->forward == NETWORK_FORWARD_NONE)
		fprintf(out, "no-resolv\n");
}

static void write_dhcp(FILE *out, const struct dnsmasq *dnsmasq)
{
	const struct virtual_network *network = dnsmasq->network;
	char start[ADDRESS_TEXT];
	char mask[ADDRESS_TEXT];

	address_text(subnet_network(&network->subnet), start);
	address_text(subnet_mask(&network->subnet), mask);
	fprintf(out, "dhcp-range=%s,static,%s," LEASE_TIME "\n", start, mask);
	fprintf(out, "dhcp-authoritative\ndhcp-ignore-names\nquiet-dhcp\nleasefile-ro\n");
	fprintf(out, "dhcp-hostsfile=%s/%s\n", dnsmasq->folder, files[FILE_CARDS]);
	if (network->forward == NETWORK_FORWARD_NONE)
		fprintf(out, "dhcp-option=%d\n", OPTION_ROUTER);
	if (network->mtu)
		fprintf(out, "dhcp-option=%d,%u\n", OPTION_MTU, network->mtu);
}

char *dnsmasq_config_text(const struct dnsmasq *dnsmasq, const char *user)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "# rastos-vmm wrote this for network %s.\n", dnsmasq->network->name);
	fprintf(out, "interface=%s\nexcept-interface=lo\nbind-interfaces\n", dnsmasq->network->bridge);
	fprintf(out, "user=%s\ngroup=nogroup\npid-file=%s/%s\n", user, dnsmasq->folder, files[FILE_PID]);
	write_dns(out, dnsmasq);
	write_dhcp(out, dnsmasq);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

/* A name that means nothing else in a line of a dhcp-hostsfile, where "5m" is a time. */
static bool is_host_name(const char *name)
{
	if (!isalpha((unsigned char)name[0]) || strcmp(name, "ignore") == 0 || strcmp(name, "infinite") == 0)
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && *name != '-')
			return false;
	}
	return true;
}

char *dnsmasq_cards_text(const struct dnsmasq_card *cards, unsigned count)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; out && i < count; i++) {
		const uint8_t *mac = cards[i].mac;
		char address[ADDRESS_TEXT];

		address_text(cards[i].address, address);
		fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x,%s", mac[0], mac[1], mac[2], mac[3], mac[4],
			mac[5], address);
		if (cards[i].first && is_host_name(cards[i].guest))
			fprintf(out, ",%s", cards[i].guest);
		fprintf(out, "\n");
	}
	return out && fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

char *dnsmasq_names_text(const struct virtual_network *network, const struct dnsmasq_card *cards,
			 unsigned count)
{
	AUTO_FREE char *text = NULL;
	char address[ADDRESS_TEXT];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	address_text(network->subnet.address, address);
	fprintf(out, "%s " DNSMASQ_HOST_NAME ".%s " DNSMASQ_HOST_NAME "\n", address, network->domain);
	for (unsigned i = 0; i < count; i++) {
		address_text(cards[i].address, address);
		fprintf(out, "%s %s.%s %s\n", address, cards[i].guest, network->domain, cards[i].guest);
	}
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

/* --- Its process --- */

/* Whether the process was started with our configuration. */
static bool is_ours(const struct dnsmasq *dnsmasq, pid_t pid)
{
	AUTO_FREE char *config = file_of(dnsmasq, FILE_CONFIG);
	AUTO_CLOSE int fd = -1;
	char cmdline[CMDLINE_MAX + 1] = "";
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, cmdline, CMDLINE_MAX);
	return config && size > 0 && memmem(cmdline, (size_t)size, config, strlen(config));
}

int dnsmasq_open(const struct dnsmasq *dnsmasq)
{
	AUTO_FREE char *path = file_of(dnsmasq, FILE_PID);
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int pidfd = -1;
	pid_t pid;

	if (!path || file_read_text("pid file", path, 32, &text, NULL) < 0)
		return -ESRCH;
	pid = atoi(text);
	if (pid <= 1)
		return -ESRCH;
	/* First a descriptor, then the look: the pid cannot become another's in between. */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pidfd >= 0 && is_ours(dnsmasq, pid) ? TAKE_FD(pidfd) : -ESRCH;
}

static int write_config(const struct dnsmasq *dnsmasq, const char *path, struct error *err)
{
	AUTO_FREE char *text = dnsmasq_config_text(dnsmasq, getpwnam(OWN_USER) ? OWN_USER : OTHER_USER);

	return path && text ? file_write_text("dnsmasq's configuration", path, text, 0644, err)
			    : error_set(err, -ENOMEM, "out of memory");
}

static int run(const struct dnsmasq *dnsmasq, const char *config, struct error *err)
{
	AUTO_FREE char *option = NULL;
	const char *argv[] = {"dnsmasq", NULL, NULL};
	struct tool tool = {.argv = argv, .package = "dnsmasq-base"};
	int code = asprintf(&option, "--conf-file=%s", config);

	if (code < 0)
		return error_set(err, -ENOMEM, "out of memory");
	argv[1] = option;
	/* It goes to the background when its ports are bound. */
	code = tool_run(&tool, err);
	if (code < 0 && err && strstr(err->text, "Address already in use"))
		return error_set(
			err, -EADDRINUSE,
			"port %d of bridge %s is taken by another DNS or DHCP server of the host, which "
			"should leave this interface alone",
			strstr(err->text, "DHCP") ? 67 : 53, dnsmasq->network->bridge);
	return code;
}

int dnsmasq_start(const struct dnsmasq *dnsmasq, struct error *err)
{
	AUTO_FREE char *config = file_of(dnsmasq, FILE_CONFIG);
	AUTO_CLOSE int running = dnsmasq_open(dnsmasq);
	int code;

	if (running >= 0)
		return 0;
	code = write_config(dnsmasq, config, err);
	if (code == 0)
		code = run(dnsmasq, config, err);
	return code < 0 ? error_prefix(err, code, "network %s", dnsmasq->network->name) : 0;
}

static int signal_it(int pidfd, int number)
{
	return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

static int write_file(const struct dnsmasq *dnsmasq, enum file file, const char *text, struct error *err)
{
	AUTO_FREE char *path = file_of(dnsmasq, file);

	return path && text ? file_write_text("dnsmasq's file", path, text, 0644, err)
			    : error_set(err, -ENOMEM, "out of memory");
}

int dnsmasq_update(const struct dnsmasq *dnsmasq, const struct dnsmasq_card *cards, unsigned count,
		   struct error *err)
{
	AUTO_FREE char *cards_text = dnsmasq_cards_text(cards, count);
	AUTO_FREE char *names_text = dnsmasq_names_text(dnsmasq->network, cards, count);
	AUTO_CLOSE int pidfd = -1;
	int code = write_file(dnsmasq, FILE_CARDS, cards_text, err);

	if (code == 0)
		code = write_file(dnsmasq, FILE_NAMES, names_text, err);
	if (code < 0)
		return code;
	pidfd = dnsmasq_open(dnsmasq);
	if (pidfd >= 0)
		signal_it(pidfd, SIGHUP);
	return 0;
}

void dnsmasq_end(const struct dnsmasq *dnsmasq)
{
	AUTO_CLOSE int pidfd = dnsmasq_open(dnsmasq);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0 || signal_it(pidfd, SIGTERM) < 0)
		return;
	if (poll(&wait, 1, STOP_MS) == 0 && signal_it(pidfd, SIGKILL) == 0)
		poll(&wait, 1, STOP_MS);
}

void dnsmasq_remove(const struct dnsmasq *dnsmasq)
{
	dnsmasq_end(dnsmasq);
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = file_of(dnsmasq, (enum file)i);

		if (path)
			unlink(path);
	}
}
