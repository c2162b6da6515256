/*
 * Where the JSON API listens and whom it serves: "api" in vmm.json.
 *
 *      "api": {
 *              "socket": "/run/rastos/api.sock",
 *              "groups": {"read": "adm", "operate": "rastos"},
 *              "listen": ["127.0.0.1:9790", "[::1]:9790"],
 *              "tokens": "tokens",
 *              "tls": {"certificate": "api.pem", "key": "api.key", "client_ca": "clients.pem"},
 *              "requests_per_second": 10000
 *      }
 *
 * Over TCP everybody must show who he is: `listen` without tokens and client certificates is refused, and so
 * is an address that others can reach without TLS. Its schema is docs/schema/vmm.schema.json.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "vmm/config/json.h"

#define API_LISTEN_MAX   4
#define API_REQUESTS     10000 /* a second, of one peer */
#define API_REQUESTS_MAX 1000000

/* Each may what those before it may. */
enum api_role {
	ROLE_NONE,
	ROLE_READ,    /* look */
	ROLE_OPERATE, /* run guests, and talk with them */
	ROLE_ADMIN,   /* change what is defined */
	ROLE_COUNT,
};

struct api_address {
	char *text;
	struct sockaddr_storage address;
	socklen_t len;
};

struct api_settings {
	char *socket;             /* NULL: runtime_dir/api.sock */
	char *groups[ROLE_COUNT]; /* names; all NULL: rastos is admin */
	unsigned listen_count;
	struct api_address listen[API_LISTEN_MAX];
	char *tokens;                        /* NULL: none are known */
	char *certificate, *key, *client_ca; /* NULL: no TLS, no client certificates */
	uint64_t requests_per_second;
};

/* Reads "api" of root into what has the defaults; paths are relative to folder. */
int api_settings_read(const struct json_place *root, const char *folder, struct api_settings *settings);
void api_settings_free(struct api_settings *settings);

const char *api_role_name(enum api_role role);
/* ROLE_NONE: it is no role. */
enum api_role api_role_parse(const char *word);
