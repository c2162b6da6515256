#include "vmm/cli/reconnect.h"

#include <unistd.h>

#define TRIES_A_SECOND 10

bool reconnect(const struct cli *cli, struct client *client)
{
	struct error ignored;

	for (unsigned i = 0; i < RECONNECT_SECONDS * TRIES_A_SECOND; i++) {
		if (client_connect(cli, client, &ignored) == 0)
			return true;
		client_close(client);
		usleep(1000000 / TRIES_A_SECOND);
	}
	return false;
}
