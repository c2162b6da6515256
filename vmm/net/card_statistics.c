#include "vmm/net/card_statistics.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"

void card_interface(int fd, char name[IFNAMSIZ])
{
	struct ifreq request = {0};

	name[0] = '\0';
	if (fd >= 0 && ioctl(fd, TUNGETIFF, &request) == 0)
		snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, request.ifr_name);
}

static bool read_number(const char *root, const char *interface, const char *what, uint64_t *number)
{
	char path[256], text[32] = "";
	AUTO_CLOSE int fd = -1;
	char *end;

	snprintf(path, sizeof(path), "%s/sys/class/net/%s/statistics/%s", root, interface, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	*number = strtoull(text, &end, 10);
	return end != text;
}

/* What the interface has received is what the guest has sent. */
bool card_statistics_read(const char *root, const char *interface, struct card_statistics *statistics)
{
	uint64_t sent, received;

	if (!interface[0] || strchr(interface, '/') ||
	    !read_number(root, interface, "rx_bytes", &statistics->from_guest) ||
	    !read_number(root, interface, "tx_bytes", &statistics->to_guest) ||
	    !read_number(root, interface, "rx_packets", &received) ||
	    !read_number(root, interface, "tx_packets", &sent))
		return false;
	statistics->frames = sent + received;
	return true;
}
