#include "vmm/config/virtual_network.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"
#include "vmm/config/nearest.h"

#define NETWORK_FILE_MAX 65536
#define MTU_MIN          576 /* what every host must take, RFC 791 */
#define MTU_MAX          65535
#define DEFAULT_BRIDGE   "rastos0"
#define DEFAULT_ADDRESS  "192.168.140.1/24"
#define DEFAULT_DOMAIN   "rastos"
#define BRIDGE_PREFIX    "br-"
#define SUFFIX           ".json"

static const char *const forward_words[] = {"nat", "route", "none", "bridge", NULL};

const char *network_forward_name(enum network_forward forward)
{
	return forward_words[forward];
}

bool virtual_network_has_addresses(const struct virtual_network *network)
{
	return network->forward != NETWORK_FORWARD_BRIDGE;
}

/* All addresses but the host's, where that is at an end of them. */
static struct address_range whole_range(const struct subnet *subnet)
{
	struct address_range range = subnet_range(subnet);

	if (range.first == subnet->address)
		range.first++;
	else if (range.last == subnet->address)
		range.last--;
	return range;
}

static struct virtual_network built_in(void)
{
	struct virtual_network network = {
		.name = VIRTUAL_NETWORK_DEFAULT,
		.forward = NETWORK_FORWARD_NAT,
		.bridge = DEFAULT_BRIDGE,
		.dns = true,
		.domain = DEFAULT_DOMAIN,
	};

	subnet_parse(DEFAULT_ADDRESS, &network.subnet);
	network.dhcp = whole_range(&network.subnet);
	return network;
}

/* As the kernel has it (dev_valid_name), and nothing that the programs' own languages would take for more. */
static bool interface_name_valid(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || strlen(name) > VIRTUAL_NETWORK_BRIDGE_MAX)
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	}
	return true;
}

static int read_bridge(const struct json_place *root, struct virtual_network *network)
{
	AUTO_FREE char *bridge = NULL;
	int code = json_string(root, "bridge", &bridge);

	if (code < 0)
		return code;
	if (!bridge && network->forward == NETWORK_FORWARD_BRIDGE)
		return json_error(root, "bridge", "is missing: which bridge of the host?");
	if (!bridge && strcmp(network->name, VIRTUAL_NETWORK_DEFAULT) == 0)
		bridge = strdup(DEFAULT_BRIDGE);
	else if (!bridge && asprintf(&bridge, BRIDGE_PREFIX "%s", network->name) < 0)
		bridge = NULL;
	if (!bridge)
		return error_set(root->err, -ENOMEM, "%s: out of memory", root->source);
	if (!interface_name_valid(bridge))
		return json_error(root, "bridge",
				  "must be an interface's name: letters, digits, '-', '_' and '.', at most "
				  "%u of them",
				  VIRTUAL_NETWORK_BRIDGE_MAX);
	strcpy(network->bridge, bridge);
	return 0;
}

static int read_address(const struct json_place *root, struct virtual_network *network)
{
	AUTO_FREE char *text = NULL;
	int code = json_string(root, "address", &text);

	if (code < 0)
		return code;
	if (!text && strcmp(network->name, VIRTUAL_NETWORK_DEFAULT) == 0)
		text = strdup(DEFAULT_ADDRESS);
	if (!text)
		return json_error(root, "address", "is missing: which subnet, such as \"192.168.150.1/24\"?");
	if (!subnet_parse(text, &network->subnet))
		return json_error(root, "address",
				  "must be an IPv4 address and a prefix from %u to %u, such as "
				  "\"192.168.150.1/24\"",
				  SUBNET_PREFIX_MIN, SUBNET_PREFIX_MAX);
	network->dhcp = whole_range(&network->subnet);
	return 0;
}

/* One end of the range. */
static int read_end(const struct json_place *place, const char *key, const struct virtual_network *network,
		    uint32_t *address)
{
	struct address_range all = subnet_range(&network->subnet);
	AUTO_FREE char *text = NULL;
	int code = json_string(place, key, &text);

	if (code < 0 || !text)
		return code;
	if (!address_parse(text, address) || *address < all.first || *address > all.last)
		return json_error(place, key, "must be an address of the network's subnet");
	return 0;
}

static int read_dhcp(const struct json_place *root, struct virtual_network *network)
{
	static const char *const keys[] = {"first", "last", NULL};
	struct json_place place;
	int code = json_object(root, "dhcp", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = read_end(&place, "first", network, &network->dhcp.first)) < 0 ||
	    (code = read_end(&place, "last", network, &network->dhcp.last)) < 0)
		return code;
	if (network->dhcp.first > network->dhcp.last)
		return json_error(&place, "last", "is before first");
	return 0;
}

static bool domain_valid(const char *domain)
{
	size_t len = strlen(domain);

	if (len > VIRTUAL_NETWORK_DOMAIN_MAX || strstr(domain, "..") || !isalnum((unsigned char)domain[0]) ||
	    !isalnum((unsigned char)domain[len - 1]))
		return false;
	return strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
}

static int read_dns(const struct json_place *root, struct virtual_network *network)
{
	AUTO_FREE char *domain = NULL;
	int code = json_bool(root, "dns", &network->dns);

	if (code == 0)
		code = json_string(root, "domain", &domain);
	if (code < 0 || !domain)
		return code;
	if (!domain_valid(domain))
		return json_error(root, "domain",
				  "must be a domain's name, at most %u bytes, such as \"lab\"",
				  VIRTUAL_NETWORK_DOMAIN_MAX);
	strcpy(network->domain, domain);
	return 0;
}

static int read_name(const struct json_place *root, struct virtual_network *network)
{
	AUTO_FREE char *name = NULL;
	int code = json_string(root, "name", &name);

	if (code < 0)
		return code;
	if (!name)
		return json_error(root, "name", "is missing");
	if (!definition_name_valid(name))
		return json_error(root, "name",
				  "must be letters, digits, '-', '_' and '.', at most %u of them",
				  VIRTUAL_NETWORK_NAME_MAX);
	strcpy(network->name, name);
	return 0;
}

static int read_network(const struct json_place *root, struct virtual_network *network)
{
	static const char *const keys[] = {"name", "forward", "bridge", "address", "dhcp",
					   "dns",  "domain",  "mtu",    NULL};
	static const char *const bridge_keys[] = {"address", "dhcp", "dns", "domain", "mtu", NULL};
	unsigned forward = NETWORK_FORWARD_NAT;
	uint64_t mtu = 0;
	int code;

	if ((code = json_keys(root, keys)) < 0 || (code = read_name(root, network)) < 0 ||
	    (code = json_word(root, "forward", forward_words, &forward)) < 0)
		return code;
	network->forward = (enum network_forward)forward;
	for (unsigned i = 0; bridge_keys[i] && !virtual_network_has_addresses(network); i++) {
		if (cJSON_GetObjectItemCaseSensitive(root->object, bridge_keys[i]))
			return json_error(
				root, bridge_keys[i],
				"is for networks of our own; \"forward\": \"bridge\" uses a bridge as it is");
	}
	if ((code = read_bridge(root, network)) < 0 || !virtual_network_has_addresses(network))
		return code;
	if ((code = read_address(root, network)) < 0 || (code = read_dhcp(root, network)) < 0 ||
	    (code = read_dns(root, network)) < 0 ||
	    (code = json_uint(root, "mtu", MTU_MIN, MTU_MAX, &mtu)) < 0)
		return code;
	network->mtu = (unsigned)mtu;
	return 0;
}

int virtual_network_parse(const char *source, const char *text, struct virtual_network *network,
			  struct error *err)
{
	struct virtual_network fresh = {.dns = true, .domain = DEFAULT_DOMAIN};
	struct json_place root;
	cJSON *json = NULL;
	int code = json_parse(source, text, &json, &root, err);

	if (code == 0)
		code = read_network(&root, &fresh);
	if (code == 0)
		*network = fresh;
	cJSON_Delete(json);
	return code;
}

/* --- The folder --- */

char *virtual_network_path(const struct settings *settings, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s" SUFFIX, settings->networks_dir, name) < 0 ? NULL : path;
}

static int keep_json(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(SUFFIX) && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* The names of the files, without their suffix, by name; free_names frees them. */
static int list_names(const struct settings *settings, struct dirent ***names, struct error *err)
{
	int count = scandir(settings->networks_dir, names, keep_json, alphasort);

	if (count < 0 && errno == ENOENT) {
		*names = NULL;
		return 0;
	}
	if (count < 0)
		return error_set(err, -errno, "networks folder %s: cannot read: %m", settings->networks_dir);
	for (int i = 0; i < count; i++)
		(*names)[i]->d_name[strlen((*names)[i]->d_name) - strlen(SUFFIX)] = '\0';
	return count;
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int no_such_network(const struct settings *settings, const char *name, struct error *err)
{
	const char *candidates[VIRTUAL_NETWORKS_MAX + 2] = {VIRTUAL_NETWORK_DEFAULT};
	struct dirent **names = NULL;
	int count = list_names(settings, &names, NULL);
	const char *nearest;

	for (int i = 0; i < count && i < VIRTUAL_NETWORKS_MAX; i++)
		candidates[i + 1] = names[i]->d_name;
	nearest = nearest_word(name, candidates);
	if (nearest)
		error_set(err, -ENOENT, "no network is named %s, did you mean %s?", name, nearest);
	else
		error_set(err, -ENOENT, "no network is named %s; `rastos-vmm network list` shows them", name);
	free_names(names, count);
	return -ENOENT;
}

static int read_file(const char *path, const char *name, struct virtual_network *network, struct error *err)
{
	AUTO_FREE char *text = NULL;
	int code = file_read_text("network", path, NETWORK_FILE_MAX, &text, err);

	if (code == 0)
		code = virtual_network_parse(path, text, network, err);
	if (code == 0 && strcmp(network->name, name) != 0)
		code = error_set(err, -EINVAL, "%s: name: is %s, but the file's name says %s", path,
				 network->name, name);
	return code;
}

int virtual_network_read(const struct settings *settings, const char *name, struct virtual_network *network,
			 struct error *err)
{
	AUTO_FREE char *path = NULL;

	if (!definition_name_valid(name))
		return no_such_network(settings, name, err);
	path = virtual_network_path(settings, name);
	if (!path)
		return error_set(err, -ENOMEM, "network %s: out of memory", name);
	if (access(path, F_OK) == 0)
		return read_file(path, name, network, err);
	if (strcmp(name, VIRTUAL_NETWORK_DEFAULT) != 0)
		return no_such_network(settings, name, err);
	*network = built_in();
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct virtual_network *)a)->name, ((const struct virtual_network *)b)->name);
}

int virtual_networks_read(const struct settings *settings, struct virtual_network *networks, unsigned *count,
			  struct error *err)
{
	struct dirent **names = NULL;
	bool has_default = false;
	int found = list_names(settings, &names, err);
	int code = found < 0 ? found : 0;

	*count = 0;
	for (int i = 0; i < found && code == 0; i++) {
		if (*count == VIRTUAL_NETWORKS_MAX - 1)
			code = error_set(err, -E2BIG, "networks folder %s: at most %u networks are possible",
					 settings->networks_dir, VIRTUAL_NETWORKS_MAX - 1);
		else
			code = virtual_network_read(settings, names[i]->d_name, &networks[(*count)++], err);
		has_default |= strcmp(names[i]->d_name, VIRTUAL_NETWORK_DEFAULT) == 0;
	}
	if (code == 0 && !has_default)
		networks[(*count)++] = built_in();
	qsort(networks, *count, sizeof(*networks), by_name);
	free_names(names, found);
	return code;
}

bool virtual_networks_clash(const struct virtual_network *a, const struct virtual_network *b)
{
	return strcmp(a->name, b->name) != 0 && strcmp(a->bridge, b->bridge) == 0 &&
	       (virtual_network_has_addresses(a) || virtual_network_has_addresses(b));
}

static int check_clash(const struct settings *settings, const struct virtual_network *network,
		       const char *name, struct error *err)
{
	struct virtual_network other;
	struct error unread;

	if (virtual_network_read(settings, name, &other, &unread) < 0 ||
	    !virtual_networks_clash(network, &other))
		return 0;
	return error_set(err, -EEXIST,
			 "network %s: bridge %s is network %s's; choose another name for the bridge",
			 network->name, network->bridge, name);
}

int virtual_network_check_room(const struct settings *settings, const struct virtual_network *network,
			       struct error *err)
{
	struct dirent **names = NULL;
	int found = list_names(settings, &names, err);
	int others = 0;

	for (int i = 0; i < found; i++)
		others += strcmp(names[i]->d_name, network->name) != 0;
	free_names(names, found);
	if (found < 0)
		return found;
	return others < VIRTUAL_NETWORKS_MAX - 1
		       ? 0
		       : error_set(err, -ENOSPC,
				   "network %s: there are %d networks already, which is the most",
				   network->name, others);
}

int virtual_network_check_bridge(const struct settings *settings, const struct virtual_network *network,
				 struct error *err)
{
	struct dirent **names = NULL;
	int found = list_names(settings, &names, err);
	int code = found < 0 ? found : check_clash(settings, network, VIRTUAL_NETWORK_DEFAULT, err);

	for (int i = 0; i < found && code == 0; i++)
		code = check_clash(settings, network, names[i]->d_name, err);
	free_names(names, found);
	return code;
}

/* --- As JSON --- */

static void add_address(cJSON *json, const char *key, uint32_t address)
{
	char text[ADDRESS_TEXT];

	address_text(address, text);
	cJSON_AddStringToObject(json, key, text);
}

cJSON *virtual_network_json(const struct virtual_network *network)
{
	cJSON *json = cJSON_CreateObject();
	char address[ADDRESS_TEXT];
	char text[SUBNET_TEXT];
	cJSON *dhcp;

	cJSON_AddStringToObject(json, "name", network->name);
	cJSON_AddStringToObject(json, "forward", network_forward_name(network->forward));
	cJSON_AddStringToObject(json, "bridge", network->bridge);
	if (!virtual_network_has_addresses(network))
		return json;
	address_text(network->subnet.address, address);
	snprintf(text, sizeof(text), "%s/%u", address, network->subnet.prefix);
	cJSON_AddStringToObject(json, "address", text);
	dhcp = cJSON_AddObjectToObject(json, "dhcp");
	add_address(dhcp, "first", network->dhcp.first);
	add_address(dhcp, "last", network->dhcp.last);
	cJSON_AddBoolToObject(json, "dns", network->dns);
	cJSON_AddStringToObject(json, "domain", network->domain);
	if (network->mtu)
		cJSON_AddNumberToObject(json, "mtu", network->mtu);
	return json;
}
