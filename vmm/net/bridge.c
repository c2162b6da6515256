#include "vmm/net/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/nearest.h"
#include "vmm/net/interface.h"
#include "vmm/net/sysctl.h"
#include "vmm/net/tap.h"

#define BRIDGES_MAX 64
#define TAPS_MAX    4096
#define TAP_PREFIX  "rtap"

bool bridge_exists(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), INTERFACES "/%s/bridge", name);
	return access(path, F_OK) == 0;
}

static bool has_mark(const char *name, const char *mark)
{
	char alias[INTERFACE_ALIAS_MAX];

	interface_alias(name, alias);
	return strcmp(alias, mark) == 0;
}

/* The packet filter's table has room for one manager's networks. */
static int check_alone(const struct virtual_network *network, const char *mark, struct error *err)
{
	DIR *folder = opendir(INTERFACES);
	const struct dirent *entry;
	char alias[INTERFACE_ALIAS_MAX];
	int code = 0;

	while (code == 0 && folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !bridge_exists(entry->d_name))
			continue;
		interface_alias(entry->d_name, alias);
		if (strncmp(alias, BRIDGE_MARK, strlen(BRIDGE_MARK)) == 0 && strcmp(alias, mark) != 0)
			code = error_set(
				err, -EBUSY,
				"network %s: bridge %s belongs to the manager with the runtime folder %s; only one "
				"manager can have networks on a host",
				network->name, entry->d_name, alias + strlen(BRIDGE_MARK));
	}
	if (folder)
		closedir(folder);
	return code;
}

int bridge_check_free(const struct virtual_network *network, const char *mark, struct error *err)
{
	if (if_nametoindex(network->bridge) == 0 ||
	    (bridge_exists(network->bridge) && has_mark(network->bridge, mark)))
		return check_alone(network, mark, err);
	return error_set(
		err, -EEXIST,
		"network %s: the host has an interface %s already; choose another name for the bridge"
		"%s",
		network->name, network->bridge,
		bridge_exists(network->bridge) ? ", or \"forward\": \"bridge\" to use that one" : "");
}

/* An address of its own: a bridge without one takes a guest's, and changes it as guests come and go. */
static void write_mac(FILE *out, const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	fprintf(out, "52:52:41:%02x:%02x:%02x", hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
}

static char *make_commands(const struct virtual_network *network, const char *mark)
{
	const char *name = network->bridge;
	AUTO_FREE char *text = NULL;
	char address[ADDRESS_TEXT];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	address_text(network->subnet.address, address);
	if (!bridge_exists(name))
		fprintf(out, "link add name %s type bridge stp_state 0 forward_delay 0\n", name);
	fprintf(out, "link set dev %s alias \"%s\" address ", name, mark);
	write_mac(out, name);
	if (network->mtu)
		fprintf(out, " mtu %u", network->mtu);
	fprintf(out, "\naddress replace %s/%u broadcast + dev %s\n", address, network->subnet.prefix, name);
	fprintf(out, "link set dev %s up\n", name);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

/* Before its address, so that no IPv6 one comes up with it; a kernel without IPv6 has nothing to switch off.
 */
static int switch_ipv6_off(const char *name, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", name);
	return sysctl_read(path) == 0 ? sysctl_write(path, 1, err) : 0;
}

int bridge_make(const struct virtual_network *network, const char *mark, struct error *err)
{
	AUTO_FREE char *commands = make_commands(network, mark);
	int code = commands ? interface_run_ip(commands, err) : error_set(err, -ENOMEM, "out of memory");

	if (code == 0)
		code = switch_ipv6_off(network->bridge, err);
	return code < 0 ? error_prefix(err, code, "network %s: cannot make bridge %s", network->name,
				       network->bridge)
			: 0;
}

int bridge_replug(const char *bridge, const char *tap, struct error *err)
{
	char path[PATH_MAX];
	char command[64];
	int code;

	snprintf(path, sizeof(path), INTERFACES "/%s/brif/%s", bridge, tap);
	if (if_nametoindex(tap) == 0 || access(path, F_OK) == 0)
		return 0;
	snprintf(command, sizeof(command), "link set dev %s master %s\n", tap, bridge);
	code = interface_run_ip(command, err);
	return code < 0 ? error_prefix(err, code, "cannot plug %s into bridge %s", tap, bridge) : 0;
}

int bridge_remove(const char *name, struct error *err)
{
	char command[64];
	int code;

	if (!bridge_exists(name))
		return 0;
	snprintf(command, sizeof(command), "link delete dev %s type bridge\n", name);
	code = interface_run_ip(command, err);
	return code < 0 ? error_prefix(err, code, "cannot remove bridge %s", name) : 0;
}

int bridge_allow_localnet(const char *name, bool allowed, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "ipv4/conf/%s/route_localnet", name);
	return sysctl_read(path) == allowed ? 0 : sysctl_write(path, allowed, err);
}

/* --- TAPs --- */

bool tap_name_choose(bool (*taken)(const void *owner, const char *name), const void *owner,
		     char name[TAP_NAME_SIZE])
{
	for (unsigned i = 0; i < TAPS_MAX; i++) {
		snprintf(name, TAP_NAME_SIZE, TAP_PREFIX "%u", i);
		if (if_nametoindex(name) == 0 && !(taken && taken(owner, name)))
			return true;
	}
	return false;
}

static int no_such_bridge(const char *name, struct error *err)
{
	const char *names[BRIDGES_MAX + 1] = {NULL};
	struct dirent **entries = NULL;
	int found = scandir(INTERFACES, &entries, NULL, alphasort);
	const char *nearest;
	unsigned count = 0;

	for (int i = 0; i < found && count < BRIDGES_MAX; i++) {
		if (entries[i]->d_name[0] != '.' && bridge_exists(entries[i]->d_name))
			names[count++] = entries[i]->d_name;
	}
	nearest = nearest_word(name, names);
	if (nearest)
		error_set(err, -ENODEV, "the host has no bridge %s, did you mean %s?", name, nearest);
	else
		error_set(
			err, -ENODEV,
			"the host has no bridge %s; make it with `ip link add %s type bridge; ip link set %s up`",
			name, name, name);
	for (int i = 0; i < found; i++)
		free(entries[i]);
	free(entries);
	return -ENODEV;
}

int bridge_plug(const char *bridge, const struct bridge_card *card, struct card_fds *fds, struct error *err)
{
	char commands[256];
	char size[24] = "";
	int code;

	if (!bridge_exists(bridge))
		return no_such_bridge(bridge, err);
	code = tap_open(card->tap, true, card->queues, fds, err);
	if (code < 0)
		return code;
	if (card->mtu)
		snprintf(size, sizeof(size), " mtu %u", card->mtu);
	snprintf(commands, sizeof(commands), "link set dev %s master %s alias \"rastos guest %s\"%s\n",
		 card->tap, bridge, card->guest, size);
	code = interface_run_ip(commands, err);
	if (code < 0)
		card_fds_close(fds);
	return code < 0 ? error_prefix(err, code, "cannot plug %s into bridge %s", card->tap, bridge) : 0;
}
