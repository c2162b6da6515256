/*
 * Where rastos-vmm finds things on this host, and how the host is divided: vmm.json, or the defaults.
 *
 *      as root                 as a user                          key in vmm.json
 *      /etc/rastos/mode        $XDG_CONFIG_HOME/rastos/mode       mode_file     server or desktop
 *      /etc/rastos/guests/     $XDG_CONFIG_HOME/rastos/guests/    guests_dir    *.json, one guest each
 *      /etc/rastos/keys/       $XDG_CONFIG_HOME/rastos/keys/      keys_dir      *.pem, public keys
 *      /etc/rastos/networks/   $XDG_CONFIG_HOME/rastos/networks/  networks_dir  *.json, one network each
 *      /run/rastos/            $XDG_RUNTIME_DIR/rastos/           runtime_dir   sockets, console logs
 *      /var/lib/rastos/        $XDG_STATE_HOME/rastos/            state_dir     crash reports
 *      /var/lib/rastos/disks/  $XDG_STATE_HOME/rastos/disks/      pool_dir      disk images (storage/pool.h)
 *
 * The file is named by --config, else by RASTOS_CONFIG in the environment, else it is vmm.json in the first
 * column's folder, where it may be absent. Relative paths in it are relative to its folder. Its schema is
 * docs/schema/vmm.schema.json.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "hypervisor/boot/fit.h"
#include "vmm/config/api_settings.h"
#include "vmm/config/policy.h"
#include "vmm/jail/ids.h"

#define SETTINGS_KEYS_MAX 16

struct settings {
	char *mode_file;
	char *guests_dir;
	char *keys_dir;
	char *networks_dir;
	char *runtime_dir;
	char *state_dir;
	char *pool_dir;
	struct resource_policy policy;
	bool jail;                  /* "jail": guests run in one (vmm/jail/jail.h); true unless turned off */
	struct api_settings api;    /* "api": the JSON API */
	struct guest_ids guest_ids; /* "guest_ids": root's guests run as one of these each */
};

/* config: what --config said, or NULL. */
int settings_read(const char *config, struct settings *settings, struct error *err);
void settings_free(struct settings *settings);

/* The manager's control socket; the caller frees it. */
char *settings_control_socket(const struct settings *settings);

char *settings_api_socket(const struct settings *settings); /* the same of the JSON API's */

/* The public keys of keys_dir, read, by name; the strings belong to the array: settings_keys_free. A folder
 * that is missing has no keys. */
int settings_keys(const struct settings *settings, struct fit_key keys[SETTINGS_KEYS_MAX], unsigned *count,
		  struct error *err);
/* Reads the file that key->path names into key->text, which the caller frees. */
int settings_key_read(struct fit_key *key, struct error *err);
void settings_keys_free(struct fit_key *keys, unsigned count);
