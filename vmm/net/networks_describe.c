/* What networks.h tells of the networks, and their definitions on the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"
#include "vmm/net/live_network.h"
#include "vmm/net/networks.h"

static const struct live_network *find_live(const struct networks *networks, const char *name)
{
	for (unsigned i = 0; i < networks->count; i++) {
		if (strcmp(networks->live[i]->network.name, name) == 0)
			return networks->live[i];
	}
	return NULL;
}

/* One that is up is shown as it is, whatever its file says by now. */
static cJSON *describe(const struct networks *networks, const struct virtual_network *network)
{
	const struct live_network *live = find_live(networks, network->name);
	cJSON *json = virtual_network_json(live ? &live->network : network);
	cJSON *guests;

	cJSON_AddBoolToObject(json, "active", live != NULL);
	guests = cJSON_AddArrayToObject(json, "guests");
	for (unsigned i = 0; live && i < live->port_count; i++)
		cJSON_AddItemToArray(guests, network_port_json(&live->ports[i]));
	return json;
}

cJSON *networks_list(struct networks *networks, struct error *err)
{
	AUTO_FREE struct virtual_network *defined = calloc(VIRTUAL_NETWORKS_MAX, sizeof(*defined));
	unsigned count = 0;
	cJSON *json;
	cJSON *list;

	if (!defined) {
		error_set(err, -ENOMEM, "networks: out of memory");
		return NULL;
	}
	if (virtual_networks_read(networks->settings, defined, &count, err) < 0)
		return NULL;
	json = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(json, "networks");
	for (unsigned i = 0; i < count; i++)
		cJSON_AddItemToArray(list, describe(networks, &defined[i]));
	return json;
}

cJSON *networks_info(struct networks *networks, const char *name, struct error *err)
{
	const struct live_network *live = find_live(networks, name);
	struct virtual_network network;

	if (!live && virtual_network_read(networks->settings, name, &network, err) < 0)
		return NULL;
	return describe(networks, live ? &live->network : &network);
}

static void add_ports_of(cJSON *list, const struct live_network *live, const char *guest)
{
	for (unsigned i = 0; i < live->port_count; i++) {
		cJSON *port;

		if (strcmp(live->ports[i].guest, guest) != 0)
			continue;
		port = network_port_json(&live->ports[i]);
		cJSON_DeleteItemFromObject(port, "guest");
		cJSON_AddStringToObject(port, "network", live->network.name);
		cJSON_AddItemToArray(list, port);
	}
}

cJSON *networks_of_guest(const struct networks *networks, const char *guest)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; networks && i < networks->count; i++)
		add_ports_of(list, networks->live[i], guest);
	if (cJSON_GetArraySize(list) > 0)
		return list;
	cJSON_Delete(list);
	return NULL;
}

int networks_define(struct networks *networks, const cJSON *definition, bool replace,
		    char name[VIRTUAL_NETWORK_NAME_MAX + 1], struct error *err)
{
	AUTO_FREE char *text = cJSON_Print(definition);
	AUTO_FREE char *path = NULL;
	struct virtual_network network;
	int code = text ? virtual_network_parse("network", text, &network, err)
			: error_set(err, -ENOMEM, "network: out of memory");

	if (code < 0)
		return code;
	strcpy(name, network.name);
	path = virtual_network_path(networks->settings, network.name);
	if (!path)
		return error_set(err, -ENOMEM, "network %s: out of memory", name);
	if (!replace && access(path, F_OK) == 0)
		return error_set(err, -EEXIST, "network %s: is defined already; --replace defines it anew",
				 name);
	code = virtual_network_check_bridge(networks->settings, &network, err);
	if (code == 0)
		code = virtual_network_check_room(networks->settings, &network, err);
	if (code == 0)
		code = file_make_folder("networks folder", networks->settings->networks_dir, 0755, err);
	return code < 0 ? code : file_write_text("network", path, text, 0644, err);
}

int networks_undefine(struct networks *networks, const char *name, struct error *err)
{
	const struct live_network *live = find_live(networks, name);
	struct virtual_network network;
	AUTO_FREE char *path = NULL;
	int code;

	if (live && live->port_count)
		return error_set(err, -EBUSY, "network %s: guest %s is plugged in", name,
				 live->ports[0].guest);
	code = virtual_network_read(networks->settings, name, &network, err);
	if (code < 0 && code != -EINVAL) /* a file that is wrong may go */
		return code;
	path = virtual_network_path(networks->settings, name);
	if (!path)
		return error_set(err, -ENOMEM, "network %s: out of memory", name);
	if (unlink(path) == 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, -EOPNOTSUPP,
				 "network %s: is built in and has no file; `network define` overrides it",
				 name);
	return error_set(err, -errno, "network %s: cannot remove %s: %m", name, path);
}
