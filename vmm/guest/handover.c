#include "vmm/guest/handover.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/config/json_memory.h"
#include "vmm/plan/report.h"

#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define TEXT_MAX MIB(8) /* a definition, and all keys */

/* Every descriptor that a guest process may get, in one order for both sides. */
static unsigned slots_of(struct guest_process_config *config, int *slots[HANDOVER_GUEST_MAX])
{
	struct guest_resources *resources = config->resources;
	unsigned count = 0;

	slots[count++] = &config->control_fd;
	slots[count++] = &config->listen_fd;
	slots[count++] = &config->last_words_fd;
	slots[count++] = &config->console_log_fd;
	slots[count++] = &config->broker_fd;
	slots[count++] = &resources->kvm_fd;
	slots[count++] = &resources->vsock_listen_fd;
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		slots[count++] = &resources->channel_fds[i];
	slots[count++] = &resources->display_fd;
	for (unsigned i = 0; i < FILESYSTEMS_MAX; i++)
		slots[count++] = &resources->filesystem_fds[i];
	slots[count++] = &resources->image.fd;
	slots[count++] = &resources->initrd.fd;
	for (unsigned i = 0; i < DEFINITION_DISKS_MAX; i++)
		slots[count++] = &resources->disks[i].fd;
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		struct card_fds *fds = &resources->networks[i].fds;

		for (unsigned j = 0; j < CARD_QUEUES_MAX; j++) {
			slots[count++] = &fds->queues[j];
			slots[count++] = &fds->vhost[j];
		}
	}
	return count;
}

/* --- The manager's side --- */

static void add_descriptors(const struct guest_process_config *config, struct handover *handover, cJSON *json)
{
	struct guest_process_config copy = *config;
	char places[HANDOVER_GUEST_MAX + 1] = "";
	int *slots[HANDOVER_GUEST_MAX];
	unsigned slot_count = slots_of(&copy, slots);

	for (unsigned i = 0; i < slot_count; i++) {
		places[i] = *slots[i] < 0 ? '-' : '+';
		if (*slots[i] >= 0)
			handover->descriptors[handover->count++] = *slots[i];
	}
	cJSON_AddStringToObject(json, "descriptors", places);
}

static void add_keys(const struct guest_resources *resources, cJSON *json)
{
	cJSON *keys = cJSON_AddArrayToObject(json, "keys");

	for (unsigned i = 0; i < resources->key_count; i++) {
		const struct fit_key *key = &resources->keys[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", key->name);
		cJSON_AddStringToObject(item, "path", key->path);
		cJSON_AddStringToObject(item, "text", key->text);
		cJSON_AddItemToArray(keys, item);
	}
}

static cJSON *first_line(const struct guest_process_config *config, uint64_t started_ns,
			 struct handover *handover)
{
	const struct guest_resources *resources = config->resources;
	cJSON *json = cJSON_CreateObject();
	cJSON *numbers = cJSON_AddObjectToObject(json, "numbers");
	cJSON *disks;

	cJSON_AddBoolToObject(json, "jail", config->confinement == GUEST_JAILED);
	cJSON_AddNumberToObject(json, "started_ns", (double)started_ns);
	cJSON_AddNumberToObject(numbers, "memory_mib", (double)config->definition->memory_mib);
	plan_describe_placement(numbers, config->definition);
	if (resources->cmdline) {
		cJSON_AddStringToObject(json, "cmdline", resources->cmdline);
		cJSON_AddStringToObject(json, "kernel", resources->disk_boot.kernel);
	}
	add_keys(resources, json);
	disks = cJSON_AddArrayToObject(json, "disks");
	for (unsigned i = 0; i < config->definition->disk_count; i++)
		cJSON_AddItemToArray(disks, cJSON_CreateNumber((double)resources->disks[i].size));
	add_descriptors(config, handover, json);
	return json;
}

static int memory_make(const char *const lines[2], struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || dprintf(fd, "%s\n%s\n", lines[0], lines[1]) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_set(err, -errno, "cannot hand a guest over: %m");
	return TAKE_FD(fd);
}

int handover_make(const struct guest_process_config *config, int error_fd, uint64_t started_ns,
		  struct handover *handover, struct error *err)
{
	AUTO_FREE char *first = NULL;
	AUTO_FREE char *second = cJSON_PrintUnformatted(config->definition->json);
	cJSON *json;

	*handover = (struct handover){.null_fd = -1, .memory = -1, .count = HANDOVER_FIRST_FD};
	json_memory_missed();
	json = first_line(config, started_ns, handover);
	first = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!first || !second || json_memory_missed())
		return error_set(err, -ENOMEM, "guest %s: out of memory", config->definition->name);
	handover->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (handover->null_fd < 0)
		return error_set(err, -errno, "guest %s: cannot open /dev/null: %m",
				 config->definition->name);
	handover->memory = memory_make((const char *const[]){first, second}, err);
	if (handover->memory < 0) {
		cleanup_close(&handover->null_fd);
		return error_prefix(err, handover->memory, "guest %s", config->definition->name);
	}
	handover->descriptors[STDIN_FILENO] = handover->null_fd;
	handover->descriptors[STDOUT_FILENO] = handover->null_fd;
	handover->descriptors[STDERR_FILENO] = error_fd;
	handover->descriptors[HANDOVER_MEMORY_FD] = handover->memory;
	return 0;
}

void handover_close(struct handover *handover)
{
	cleanup_close(&handover->null_fd);
	cleanup_close(&handover->memory);
	handover->null_fd = handover->memory = -1;
}

/* --- The guest process' side --- */

static int not_handed(struct error *err)
{
	return error_set(
		err, -EINVAL,
		"guest-process is for the manager to start; `rastos-vmm run` runs one guest without it");
}

/* The memory's text, freed by the caller. */
static int memory_read(char **text, struct error *err)
{
	AUTO_CLOSE int fd = HANDOVER_MEMORY_FD;
	AUTO_FREE char *read_text = NULL;
	struct stat status;

	if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &status) < 0 || status.st_size > (off_t)TEXT_MAX)
		return not_handed(err);
	read_text = malloc((size_t)status.st_size + 1);
	if (!read_text)
		return error_set(err, -ENOMEM, "guest process: out of memory");
	if (pread(fd, read_text, (size_t)status.st_size, 0) != status.st_size)
		return error_set(err, -EIO, "guest process: cannot read what it was handed: %m");
	read_text[status.st_size] = '\0';
	*text = TAKE_PTR(read_text);
	return 0;
}

static int take_descriptors(const struct json_place *root, struct guest_process_config *config)
{
	AUTO_FREE char *places = NULL;
	int *slots[HANDOVER_GUEST_MAX];
	unsigned slot_count = slots_of(config, slots);
	int code = json_string(root, "descriptors", &places);
	int next = HANDOVER_FIRST_FD;

	if (code < 0)
		return code;
	if (!places || strlen(places) != slot_count || strspn(places, "+-") != slot_count)
		return json_error(root, "descriptors", "must be %u times + or -", slot_count);
	for (unsigned i = 0; i < slot_count; i++) {
		*slots[i] = places[i] == '+' ? next++ : -1;
		if (*slots[i] >= 0 && fcntl(*slots[i], F_SETFD, FD_CLOEXEC) < 0)
			return json_error(root, "descriptors", "%d is none that is open", *slots[i]);
	}
	return 0;
}

static int take_keys(const struct json_place *root, struct guest_resources *resources)
{
	const cJSON *keys = NULL;
	unsigned count = 0;
	int code = json_array(root, "keys", SETTINGS_KEYS_MAX, &keys, &count);

	for (unsigned i = 0; i < count && code == 0; i++) {
		struct fit_key *key = &resources->keys[resources->key_count];
		struct json_place place;

		code = json_array_object(root, "keys", keys, i, &place);
		resources->key_count++; /* what it has by now is freed */
		if (code == 0)
			code = json_string(&place, "name", (char **)&key->name);
		if (code == 0)
			code = json_string(&place, "path", (char **)&key->path);
		if (code == 0)
			code = json_string(&place, "text", (char **)&key->text);
		if (code == 0 && (!key->name || !key->path || !key->text))
			code = json_error(&place, "name", "path and text must be there, too");
	}
	return code;
}

static int take_disks(const struct json_place *root, struct handed_over *handed)
{
	const cJSON *sizes = NULL;
	unsigned count = 0;
	int code = json_array(root, "disks", DEFINITION_DISKS_MAX, &sizes, &count);

	if (code == 0 && count != handed->definition->disk_count)
		return json_error(root, "disks", "must be %u of them", handed->definition->disk_count);
	for (unsigned i = 0; i < count && code == 0; i++) {
		const cJSON *item = cJSON_GetArrayItem(sizes, (int)i);

		if (!cJSON_IsNumber(item) || item->valuedouble < 1)
			return json_error(root, "disks", "must be sizes in bytes");
		handed->resources.disks[i].size = (uint64_t)item->valuedouble;
	}
	return code;
}

/* Whose descriptors they are is in the definition; a kernel that was found on a disk has a name of its own.
 */
static int take_boot_files(const struct json_place *root, struct handed_over *handed)
{
	const struct guest_definition *definition = handed->definition;
	struct guest_resources *resources = &handed->resources;
	AUTO_FREE char *kernel = NULL;
	int code = json_string(root, "cmdline", &resources->cmdline);

	if (code == 0)
		code = json_string(root, "kernel", &kernel);
	if (kernel)
		snprintf(resources->disk_boot.kernel, sizeof(resources->disk_boot.kernel), "%s", kernel);
	resources->image.path = definition->image    ? definition->image
				: definition->kernel ? definition->kernel
						     : resources->disk_boot.kernel;
	resources->initrd.path = definition->initrd ? definition->initrd : resources->disk_boot.kernel;
	return code;
}

static int take_first_line(const struct json_place *root, struct handed_over *handed)
{
	static const char *const keys[] = {"jail", "started_ns", "numbers",     "cmdline", "kernel",
					   "keys", "disks",      "descriptors", NULL};
	struct json_place numbers;
	bool jail = true;
	int code = json_keys(root, keys);

	if (code < 0 || (code = json_bool(root, "jail", &jail)) < 0 ||
	    (code = json_uint(root, "started_ns", 0, 1ULL << 62, &handed->started_ns)) < 0 ||
	    (code = json_object(root, "numbers", &numbers)) < 0 ||
	    (code = take_descriptors(root, &handed->config)) < 0 ||
	    (code = take_keys(root, &handed->resources)) < 0 || (code = take_disks(root, handed)) < 0 ||
	    (code = take_boot_files(root, handed)) < 0)
		return code;
	handed->config.confinement = jail ? GUEST_JAILED : GUEST_UNCONFINED;
	handed->definition->placement = (struct guest_placement){
		.vcpu_pins = handed->definition->wants.vcpu_pins,
		.emulator_pin = handed->definition->wants.emulator_pin,
	};
	if (!numbers.object || plan_restore_numbers(numbers.object, handed->definition) < 0)
		return json_error(root, "numbers", "must be the plan's");
	return 0;
}

int handover_take(struct handed_over *handed, struct error *err)
{
	AUTO_FREE char *text = NULL;
	struct json_place root;
	cJSON *json = NULL;
	char *definition;
	int code;

	*handed = (struct handed_over){.config.resources = &handed->resources};
	guest_resources_init(&handed->resources);
	code = memory_read(&text, err);
	if (code < 0)
		return code;
	definition = strchr(text, '\n');
	if (!definition)
		return not_handed(err);
	*definition++ = '\0';
	code = definition_parse("guest process", "/", definition, &handed->definition, err);
	handed->config.definition = handed->definition;
	if (code == 0)
		code = json_parse("guest process", text, &json, &root, err);
	if (code == 0)
		code = take_first_line(&root, handed);
	cJSON_Delete(json);
	if (code < 0)
		handed_over_free(handed);
	return code;
}

void handed_over_free(struct handed_over *handed)
{
	guest_resources_close(&handed->resources);
	definition_free(handed->definition);
	handed->definition = NULL;
}
