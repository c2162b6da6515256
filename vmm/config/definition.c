#include "vmm/config/definition.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"

static const char *const role_words[] = {"server", "desktop", "guest", NULL};
static const char *const action_words[] = {"destroy", "restart", NULL};
static const char *const console_words[] = {"serial", "virtio", NULL};
static const char *const transport_words[] = {"mmio", "pci", NULL};
static const char *const protocol_words[] = {"auto", "pvh", "linux64", "bzimage", NULL};
static const char *const ready_words[] = {"notify", "started", NULL};

bool definition_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DEFINITION_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return true;
}

int definition_give_uuid(struct guest_definition *definition, const char *uuid, struct error *err)
{
	int code = 0;

	if (*definition->uuid)
		return 0;
	if (*uuid)
		snprintf(definition->uuid, sizeof(definition->uuid), "%s", uuid);
	else
		code = uuid_make(definition->uuid, err);
	if (code == 0 && definition->json &&
	    !cJSON_AddStringToObject(definition->json, "uuid", definition->uuid))
		code = error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	return code;
}

const char *definition_disk_id(const struct guest_definition *definition, unsigned index, char *buffer)
{
	if (definition->disks[index].id)
		return definition->disks[index].id;
	snprintf(buffer, DEFINITION_DEVICE_ID_MAX + 1, "disk%u", index);
	return buffer;
}

const char *definition_network_id(const struct guest_definition *definition, unsigned index, char *buffer)
{
	if (definition->networks[index].id)
		return definition->networks[index].id;
	snprintf(buffer, DEFINITION_DEVICE_ID_MAX + 1, "net%u", index);
	return buffer;
}

const char *guest_role_name(enum guest_role role)
{
	return role_words[role];
}

struct guest_definition *definition_new(const char *name)
{
	struct guest_definition *definition = calloc(1, sizeof(*definition));

	if (!definition)
		return NULL;
	definition->name = strdup(name);
	if (!definition->name) {
		free(definition);
		return NULL;
	}
	definition->wants.weight = WANTS_WEIGHT_DEFAULT;
	definition->placement.weight = WANTS_WEIGHT_DEFAULT;
	definition->topology = (struct cpu_topology){.sockets = 1, .cores = DEFINITION_VCPUS, .threads = 1};
	definition->memory_mib = DEFINITION_MEMORY_MIB;
	definition->kernel_disk = DEFINITION_NO_DISK;
	definition->rng.present = true;
	definition->vsock_cid = DEFINITION_CID_DEFAULT;
	definition->on_reboot = GUEST_ACTION_RESTART;
	definition->autostart = true;
	return definition;
}

void definition_free(struct guest_definition *definition)
{
	if (!definition)
		return;
	for (unsigned i = 0; i < definition->disk_count; i++)
		disk_definition_free(&definition->disks[i]);
	for (unsigned i = 0; i < definition->network_count; i++)
		network_definition_free(&definition->networks[i]);
	for (unsigned i = 0; i < definition->depends_count; i++)
		free(definition->depends_on[i]);
	channel_definitions_free(&definition->channels);
	wants_free(&definition->wants);
	graphics_definition_free(&definition->graphics);
	filesystem_definitions_free(&definition->filesystems);
	cJSON_Delete(definition->json);
	free(definition->name);
	free(definition->image);
	free(definition->configuration);
	free(definition->kernel);
	free(definition->initrd);
	free(definition->cmdline);
	free(definition->vsock_path);
	free(definition);
}

static int read_kernel(const struct json_place *root, const char *folder, struct guest_definition *definition)
{
	static const char *const keys[] = {"path", "from_disk", "initrd", "cmdline", "protocol", NULL};
	unsigned protocol = BOOT_PROTOCOL_AUTO;
	uint64_t disk = DEFINITION_NO_DISK;
	struct json_place place;
	int code = json_object(root, "kernel", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_path(&place, "path", folder, &definition->kernel)) < 0 ||
	    (code = json_uint(&place, "from_disk", 0, DEFINITION_DISKS_MAX - 1, &disk)) < 0 ||
	    (code = json_path(&place, "initrd", folder, &definition->initrd)) < 0 ||
	    (code = json_string(&place, "cmdline", &definition->cmdline)) < 0 ||
	    (code = json_word(&place, "protocol", protocol_words, &protocol)) < 0)
		return code;
	definition->protocol = (enum boot_protocol)protocol;
	definition->kernel_disk = (unsigned)disk;
	if (!definition->kernel && disk == DEFINITION_NO_DISK)
		return json_error(&place, "path", "is missing: which kernel?");
	if (definition->kernel && disk != DEFINITION_NO_DISK)
		return json_error(&place, "from_disk", "and path exclude each other");
	if (definition->initrd && disk != DEFINITION_NO_DISK)
		return json_error(&place, "initrd", "is found beside the kernel that is taken from a disk");
	return 0;
}

static int read_boot(const struct json_place *root, const char *folder, struct guest_definition *definition)
{
	int code = json_path(root, "image", folder, &definition->image);

	if (code == 0)
		code = json_string(root, "configuration", &definition->configuration);
	if (code == 0)
		code = read_kernel(root, folder, definition);
	if (code < 0)
		return code;
	if (definition->image && (definition->kernel || definition->kernel_disk != DEFINITION_NO_DISK))
		return json_error(root, "kernel", "and image exclude each other");
	if (!definition->image && !definition->kernel && definition->kernel_disk == DEFINITION_NO_DISK)
		return json_error(root, "image", "is missing: give a boot image, or a kernel");
	return 0;
}

/* CPUs and memory. What the plan would decide is the default here: `run` has no plan. */
static int read_cpus(const struct json_place *root, struct guest_definition *definition)
{
	struct guest_wants *wants = &definition->wants;
	int code = wants_read(root, wants, &definition->topology);

	if (code < 0)
		return code;
	definition->current_vcpus = wants->current_vcpus;
	if (wants->vcpus && !wants->topology)
		definition->topology.cores = wants->vcpus;
	if (wants->memory_mib)
		definition->memory_mib = wants->memory_mib;
	definition->placement = (struct guest_placement){
		.cpus = wants->pin,
		.vcpu_pins = wants->vcpu_pins,
		.emulator_pin = wants->emulator_pin,
		.weight = wants->weight,
		.pages = wants->pages,
		.nodes = wants->nodes,
		.numa_mode = wants->numa_mode,
	};
	return 0;
}

static int read_disks(const struct json_place *root, const char *folder, struct guest_definition *definition)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "disks", DEFINITION_DISKS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct json_place place;

		definition->disk_count = i + 1;
		code = json_array_object(root, "disks", array, i, &place);
		if (code == 0)
			code = disk_definition_read(&place, folder, &definition->disks[i]);
	}
	if (code == 0 && definition->kernel_disk != DEFINITION_NO_DISK && definition->kernel_disk >= count)
		return json_error(root, "kernel.from_disk", "there is no disks[%u]", definition->kernel_disk);
	if (code == 0 && definition->kernel_disk != DEFINITION_NO_DISK &&
	    disk_definition_has_backend(&definition->disks[definition->kernel_disk]))
		return json_error(
			root, "kernel.from_disk",
			"must be a raw disk that is not transient: give kernel.path, or import the image "
			"(rastos-vmm disk import)");
	return code;
}

static int read_networks(const struct json_place *root, struct guest_definition *definition)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "networks", DEFINITION_NETWORKS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct json_place place;

		definition->network_count = i + 1;
		code = json_array_object(root, "networks", array, i, &place);
		if (code == 0)
			code = network_definition_read(&place, definition->name, i, &definition->networks[i]);
	}
	for (unsigned i = 0; code == 0 && i < count; i++) {
		if (!cJSON_HasObjectItem(cJSON_GetArrayItem(array, (int)i), "mac"))
			network_definition_choose_mac(definition->name, definition->networks, count, i);
	}
	return code;
}

static int read_vsock(const struct json_place *root, const char *folder, struct guest_definition *definition)
{
	static const char *const keys[] = {"cid", "path", NULL};
	struct json_place place;
	int code = json_object(root, "vsock", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "cid", 3, UINT32_MAX - 1, &definition->vsock_cid)) < 0 ||
	    (code = json_path(&place, "path", folder, &definition->vsock_path)) < 0)
		return code;
	return 0;
}

static int read_actions(const struct json_place *root, struct guest_definition *definition)
{
	unsigned console = definition->console, poweroff = definition->on_poweroff,
		 reboot = definition->on_reboot, crash = definition->on_crash;
	int code;

	if ((code = json_word(root, "console", console_words, &console)) < 0 ||
	    (code = json_word(root, "on_poweroff", action_words, &poweroff)) < 0 ||
	    (code = json_word(root, "on_reboot", action_words, &reboot)) < 0 ||
	    (code = json_word(root, "on_crash", action_words, &crash)) < 0)
		return code;
	definition->console = (enum guest_console)console;
	definition->on_poweroff = (enum guest_action)poweroff;
	definition->on_reboot = (enum guest_action)reboot;
	definition->on_crash = (enum guest_action)crash;
	return 0;
}

/* A kernel of a disk is a distribution's: they all look for PCI, and not all for anything else. The watchdog
 * is found nowhere else. */
static int read_transport(const struct json_place *root, struct guest_definition *definition)
{
	bool wants_pci = definition->kernel_disk != DEFINITION_NO_DISK || definition->watchdog.present;
	unsigned transport = wants_pci ? GUEST_TRANSPORT_PCI : GUEST_TRANSPORT_MMIO;
	int code = json_word(root, "transport", transport_words, &transport);

	definition->transport = (enum guest_transport)transport;
	if (code == 0 && definition->watchdog.present && transport == GUEST_TRANSPORT_MMIO)
		return json_error(root, "transport", "must be pci: the watchdog is a PCI device");
	return code;
}

static int read_depends(const struct json_place *root, struct guest_definition *definition)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "depends_on", DEFINITION_DEPENDS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		const cJSON *item = cJSON_GetArrayItem(array, (int)i);

		if (!cJSON_IsString(item) || !definition_name_valid(item->valuestring))
			return json_error(root, "depends_on", "must hold names of guests");
		if (strcmp(item->valuestring, definition->name) == 0)
			return json_error(root, "depends_on", "names the guest itself");
		definition->depends_on[i] = strdup(item->valuestring);
		if (!definition->depends_on[i])
			return error_set(root->err, -ENOMEM, "%s: out of memory", root->source);
		definition->depends_count = i + 1;
	}
	return code;
}

static int read_start(const struct json_place *root, struct guest_definition *definition)
{
	unsigned ready = definition->ready;
	int code = json_bool(root, "autostart", &definition->autostart);

	if (code == 0)
		code = json_word(root, "ready", ready_words, &ready);
	if (code == 0)
		code = read_depends(root, definition);
	definition->ready = (enum guest_ready)ready;
	return code;
}

/* Two of one name could not be told apart: not by the guest, nor by who manages it. */
static int check_device_ids(const struct json_place *root, const struct guest_definition *definition)
{
	const char *ids[DEFINITION_DISKS_MAX + DEFINITION_NETWORKS_MAX];
	char defaults[ARRAY_SIZE(ids)][DEFINITION_DEVICE_ID_MAX + 1];
	unsigned count = 0;

	for (unsigned i = 0; i < definition->disk_count + definition->network_count; i++) {
		bool disk = i < definition->disk_count;
		unsigned index = disk ? i : i - definition->disk_count;

		ids[count] = disk ? definition_disk_id(definition, index, defaults[count])
				  : definition_network_id(definition, index, defaults[count]);
		for (unsigned other = 0; other < count; other++) {
			if (strcmp(ids[other], ids[count]) == 0)
				return json_error(root, disk ? "disks" : "networks",
						  "two devices have the id \"%s\"", ids[count]);
		}
		count++;
	}
	return 0;
}

static int read_clock(const struct json_place *root, struct guest_clock *clock)
{
	static const char *const keys[] = {"offset", "adjustment", NULL};
	static const char *const offset_words[] = {"utc", "localtime", NULL};
	unsigned local = 0;
	struct json_place place;
	int code = json_object(root, "clock", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_word(&place, "offset", offset_words, &local)) < 0 ||
	    (code = json_signed(&place, "adjustment", -DEFINITION_ADJUSTMENT_MAX, DEFINITION_ADJUSTMENT_MAX,
				&clock->adjustment)) < 0)
		return code;
	clock->local = local;
	return 0;
}

static int read_devices(const struct json_place *root, const char *folder,
			struct guest_definition *definition)
{
	int code;

	if ((code = read_disks(root, folder, definition)) < 0 ||
	    (code = read_networks(root, definition)) < 0 || (code = check_device_ids(root, definition)) < 0 ||
	    (code = rng_definition_read(root, &definition->rng)) < 0 ||
	    (code = channel_definitions_read(root, folder, &definition->channels)) < 0 ||
	    (code = filesystem_definitions_read(root, folder, &definition->filesystems)) < 0 ||
	    (code = memballoon_definition_read(root, &definition->wants, &definition->memballoon)) < 0 ||
	    (code = memory_devices_read(root, &definition->wants, &definition->memory_devices)) < 0 ||
	    (code = watchdog_definition_read(root, &definition->watchdog)) < 0 ||
	    (code = video_definition_read(root, &definition->video)) < 0 ||
	    (code = graphics_definition_read(root, folder, definition->video.heads > 0,
					     &definition->graphics)) < 0 ||
	    (code = input_definitions_read(root, definition->graphics.present, &definition->inputs)) < 0 ||
	    (code = read_clock(root, &definition->clock)) < 0)
		return code;
	return read_vsock(root, folder, definition);
}

static int read_definition(const struct json_place *root, const char *folder,
			   struct guest_definition *definition)
{
	/* clang-format off */
	static const char *const keys[] = {
		"name", "uuid", "title", "description", "metadata", "role", "image", "configuration", "kernel",
		"vcpus", "current_vcpus", "topology", "cpus", "cpu", "numa",
		"memory_mib", "current_memory_mib", "max_memory_mib", "memory_devices", "memory_backing", "memballoon",
		"disks", "networks", "filesystems", "rng", "vsock", "console", "channels", "watchdog", "video", "graphics", "inputs",
		"on_poweroff", "on_reboot", "on_crash", "ready", "autostart", "depends_on", "transport", "clock",
		NULL};
	/* clang-format on */
	unsigned role = GUEST_ROLE_SERVER;
	int code;

	if ((code = json_keys(root, keys)) < 0 || (code = json_string(root, "name", &definition->name)) < 0)
		return code;
	if (!definition_name_valid(definition->name))
		return json_error(root, "name",
				  "must be letters, digits, '-', '_' and '.', at most %u of them",
				  DEFINITION_NAME_MAX);
	if ((code = about_read(root, definition->uuid)) < 0 ||
	    (code = json_word(root, "role", role_words, &role)) < 0 ||
	    (code = read_boot(root, folder, definition)) < 0 || (code = read_cpus(root, definition)) < 0 ||
	    (code = cpu_features_read(root, &definition->cpu_features)) < 0 ||
	    (code = read_devices(root, folder, definition)) < 0 ||
	    (code = read_transport(root, definition)) < 0 || (code = read_actions(root, definition)) < 0 ||
	    (code = read_start(root, definition)) < 0)
		return code;
	definition->role = (enum guest_role)role;
	return 0;
}

int definition_parse(const char *source, const char *folder, const char *text,
		     struct guest_definition **result, struct error *err)
{
	struct guest_definition *definition = NULL;
	struct json_place root;
	cJSON *json = NULL;
	int code = json_parse(source, text, &json, &root, err);

	if (code < 0)
		goto out;
	definition = definition_new("guest");
	if (!definition) {
		code = error_set(err, -ENOMEM, "%s: out of memory", source);
		goto out;
	}
	if (!cJSON_GetObjectItemCaseSensitive(json, "name")) {
		code = json_error(&root, "name", "is missing");
		goto out;
	}
	code = read_definition(&root, folder, definition);
	if (code == 0) {
		definition->json = TAKE_PTR(json);
		*result = TAKE_PTR(definition);
	}
out:
	definition_free(definition);
	cJSON_Delete(json);
	return code;
}

int definition_read(const char *path, struct guest_definition **definition, struct error *err)
{
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *text = NULL;
	int code = file_read_text("guest definition", path, DEFINITION_FILE_MAX, &text, err);

	if (code < 0)
		return code;
	folder = file_folder(path);
	if (!folder)
		return error_set(err, -errno, "guest definition %s: cannot resolve its folder: %m", path);
	return definition_parse(path, folder, text, definition, err);
}
