/* Changes how many buffers a card's rings hold, as ethtool -G does: a virtio card's queues are reset for it
 * and start again. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int card_ask(const char *card, struct ethtool_ringparam *rings, unsigned command)
{
	struct ifreq request = {.ifr_data = (char *)rings};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", card);
	rings->cmd = command;
	return ioctl(fd, SIOCETHTOOL, &request);
}

int main(int argc, char **argv)
{
	struct ethtool_ringparam rings = {0};

	if (argc != 4) {
		fprintf(stderr, "usage: rings CARD RECEIVE SEND\n");
		return 2;
	}
	if (card_ask(argv[1], &rings, ETHTOOL_GRINGPARAM) == 0) {
		rings.rx_pending = (unsigned)atoi(argv[2]);
		rings.tx_pending = (unsigned)atoi(argv[3]);
		if (card_ask(argv[1], &rings, ETHTOOL_SRINGPARAM) == 0 &&
		    card_ask(argv[1], &rings, ETHTOOL_GRINGPARAM) == 0) {
			printf("%u %u\n", rings.rx_pending, rings.tx_pending);
			return 0;
		}
	}
	perror(argv[1]);
	return 1;
}
