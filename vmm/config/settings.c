#include "vmm/config/settings.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"

#define SYSTEM_CONFIG     "/etc/rastos"
#define SYSTEM_RUNTIME    "/run/rastos"
#define SYSTEM_STATE      "/var/lib/rastos"
#define SETTINGS_FILE_MAX 65536
#define KEY_FILE_MAX      65536

/* The folder with mode, guests/ and keys/ when nothing else is said. */
static char *default_config_dir(void)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	char *dir = NULL;

	if (geteuid() == 0 || (!config && !home))
		return strdup(SYSTEM_CONFIG);
	if (config && *config == '/')
		return file_path_join(config, "rastos");
	return asprintf(&dir, "%s/.config/rastos", home) < 0 ? NULL : dir;
}

static char *default_runtime_dir(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *dir = NULL;

	if (geteuid() == 0)
		return strdup(SYSTEM_RUNTIME);
	if (runtime && *runtime == '/')
		return file_path_join(runtime, "rastos");
	return asprintf(&dir, "/tmp/rastos-%u", (unsigned)geteuid()) < 0 ? NULL : dir;
}

static char *default_state_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *dir = NULL;

	if (geteuid() == 0 || (!state && !home))
		return strdup(SYSTEM_STATE);
	if (state && *state == '/')
		return file_path_join(state, "rastos");
	return asprintf(&dir, "%s/.local/state/rastos", home) < 0 ? NULL : dir;
}

static int read_setting(const struct json_place *place, const char *key, const char *folder, char **value)
{
	AUTO_FREE char *relative = NULL;
	int code = json_string(place, key, &relative);

	if (code < 0 || !relative)
		return code;
	free(*value);
	*value = file_path_join(folder, relative);
	return *value ? 0 : error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
}

static int read_guest_ids(const struct json_place *place, struct guest_ids *ids)
{
	static const char *const keys[] = {"first", "count", NULL};
	uint64_t first = ids->first, count = ids->count;
	struct json_place inner;
	struct error why;
	int code = json_object(place, "guest_ids", &inner);

	if (code < 0 || !inner.object)
		return code;
	code = json_keys(&inner, keys);
	if (code == 0)
		code = json_uint(&inner, "first", 0, UINT32_MAX, &first);
	if (code == 0)
		code = json_uint(&inner, "count", 0, UINT32_MAX, &count);
	if (code < 0)
		return code;
	*ids = (struct guest_ids){.first = (uint32_t)first, .count = (uint32_t)count};
	return guest_ids_check(ids, &why) < 0 ? json_error(place, "guest_ids", "%s", why.text) : 0;
}

static int read_file(const char *path, struct settings *settings, struct error *err)
{
	static const char *const keys[] = {
		"mode_file", "guests_dir", "keys_dir", "networks_dir", "runtime_dir", "state_dir", "pool_dir",
		"reserve",   "overcommit", "desktop", "memory", "jail",         "guest_ids",   "api",       NULL};
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *folder = NULL;
	struct json_place place;
	cJSON *json = NULL;
	int code = file_read_text("configuration", path, SETTINGS_FILE_MAX, &text, err);

	if (code < 0)
		return code;
	folder = file_folder(path);
	if (!folder)
		return error_set(err, -errno, "configuration %s: cannot resolve its folder: %m", path);
	code = json_parse(path, text, &json, &place, err);
	if (code == 0)
		code = json_keys(&place, keys);
	if (code == 0)
		code = read_setting(&place, "mode_file", folder, &settings->mode_file);
	if (code == 0)
		code = read_setting(&place, "guests_dir", folder, &settings->guests_dir);
	if (code == 0)
		code = read_setting(&place, "keys_dir", folder, &settings->keys_dir);
	if (code == 0)
		code = read_setting(&place, "networks_dir", folder, &settings->networks_dir);
	if (code == 0)
		code = read_setting(&place, "runtime_dir", folder, &settings->runtime_dir);
	if (code == 0)
		code = read_setting(&place, "state_dir", folder, &settings->state_dir);
	if (code == 0)
		code = read_setting(&place, "pool_dir", folder, &settings->pool_dir);
	if (code == 0)
		code = policy_read(&place, &settings->policy);
	if (code == 0)
		code = json_bool(&place, "jail", &settings->jail);
	if (code == 0)
		code = read_guest_ids(&place, &settings->guest_ids);
	if (code == 0)
		code = api_settings_read(&place, folder, &settings->api);
	cJSON_Delete(json);
	return code;
}

int settings_read(const char *config, struct settings *settings, struct error *err)
{
	AUTO_FREE char *dir = default_config_dir();
	AUTO_FREE char *file = NULL;
	bool required = true;
	int code = 0;

	*settings = (struct settings){
		.policy = policy_default(),
		.jail = true,
		.api = {.requests_per_second = API_REQUESTS},
		.guest_ids = {.first = GUEST_IDS_FIRST, .count = GUEST_IDS_COUNT},
	};
	if (!config)
		config = getenv("RASTOS_CONFIG");
	if (!config) {
		config = file = dir ? file_path_join(dir, "vmm.json") : NULL;
		required = false;
	}
	if (dir) {
		settings->mode_file = file_path_join(dir, "mode");
		settings->guests_dir = file_path_join(dir, "guests");
		settings->keys_dir = file_path_join(dir, "keys");
		settings->networks_dir = file_path_join(dir, "networks");
	}
	settings->runtime_dir = default_runtime_dir();
	settings->state_dir = default_state_dir();
	if (!config || !settings->mode_file || !settings->guests_dir || !settings->keys_dir ||
	    !settings->networks_dir || !settings->runtime_dir || !settings->state_dir)
		code = error_set(err, -ENOMEM, "configuration: out of memory");
	else if (required || access(config, F_OK) == 0)
		code = read_file(config, settings, err);
	if (code == 0 && !settings->pool_dir) {
		settings->pool_dir = file_path_join(settings->state_dir, "disks");
		if (!settings->pool_dir)
			code = error_set(err, -ENOMEM, "configuration: out of memory");
	}
	if (code < 0)
		settings_free(settings);
	return code;
}

void settings_free(struct settings *settings)
{
	free(settings->mode_file);
	free(settings->guests_dir);
	free(settings->keys_dir);
	free(settings->networks_dir);
	free(settings->runtime_dir);
	free(settings->state_dir);
	free(settings->pool_dir);
	api_settings_free(&settings->api);
	*settings = (struct settings){0};
}

char *settings_control_socket(const struct settings *settings)
{
	return file_path_join(settings->runtime_dir, "control.sock");
}

char *settings_api_socket(const struct settings *settings)
{
	return settings->api.socket ? strdup(settings->api.socket)
				    : file_path_join(settings->runtime_dir, "api.sock");
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t name_len = strlen(name);
	size_t suffix_len = strlen(suffix);

	return name_len > suffix_len && strcmp(name + name_len - suffix_len, suffix) == 0;
}

static int keep_pem(const struct dirent *entry)
{
	return has_suffix(entry->d_name, ".pem");
}

int settings_key_read(struct fit_key *key, struct error *err)
{
	char *text = NULL;
	int code = file_read_text("key", key->path, KEY_FILE_MAX, &text, err);

	key->text = text;
	return code;
}

int settings_keys(const struct settings *settings, struct fit_key keys[SETTINGS_KEYS_MAX], unsigned *count,
		  struct error *err)
{
	struct dirent **entries = NULL;
	int found = scandir(settings->keys_dir, &entries, keep_pem, alphasort);
	int code = 0;

	*count = 0;
	if (found < 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "keys folder %s: cannot read: %m",
						   settings->keys_dir);
	if (found > SETTINGS_KEYS_MAX)
		code = error_set(err, -E2BIG, "keys folder %s: holds %d keys, at most %d are possible",
				 settings->keys_dir, found, SETTINGS_KEYS_MAX);
	for (int i = 0; i < found && code == 0; i++) {
		char *path = file_path_join(settings->keys_dir, entries[i]->d_name);
		char *name = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - strlen(".pem"));

		keys[(*count)++] = (struct fit_key){.name = name, .path = path};
		code = path && name
			       ? settings_key_read(&keys[*count - 1], err)
			       : error_set(err, -ENOMEM, "keys folder %s: out of memory", settings->keys_dir);
	}
	for (int i = 0; i < found; i++)
		free(entries[i]);
	free(entries);
	if (code < 0) {
		settings_keys_free(keys, *count);
		*count = 0;
	}
	return code;
}

void settings_keys_free(struct fit_key *keys, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		free((char *)keys[i].name);
		free((char *)keys[i].path);
		free((char *)keys[i].text);
	}
}
