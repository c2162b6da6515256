#include "vmm/config/api_settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"

#define ADDRESS_MAX 64

static const char *const role_names[] = {"none", "read", "operate", "admin"};

const char *api_role_name(enum api_role role)
{
	return role_names[role];
}

enum api_role api_role_parse(const char *word)
{
	for (unsigned i = ROLE_READ; i < ROLE_COUNT; i++) {
		if (strcmp(word, role_names[i]) == 0)
			return (enum api_role)i;
	}
	return ROLE_NONE;
}

static int read_path(const struct json_place *place, const char *key, const char *folder, char **path)
{
	AUTO_FREE char *relative = NULL;
	int code = json_string(place, key, &relative);

	if (code < 0 || !relative)
		return code;
	free(*path);
	*path = file_path_join(folder, relative);
	return *path ? 0 : error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
}

/* --- Addresses --- */

static bool parse_port(const char *text, in_port_t *port)
{
	size_t len = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	*port = htons((in_port_t)value);
	return len > 0 && len <= 5 && !text[len] && value >= 1 && value <= 65535;
}

/* "127.0.0.1:9790" or "[::1]:9790". */
static bool parse_address(const char *text, struct api_address *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&address->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->address;
	char host[ADDRESS_MAX] = "";
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		six->sin6_family = AF_INET6;
		address->len = sizeof(*six);
		return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1 &&
		       parse_port(colon + 1, &six->sin6_port);
	}
	four->sin_family = AF_INET;
	address->len = sizeof(*four);
	return inet_pton(AF_INET, host, &four->sin_addr) == 1 && parse_port(colon + 1, &four->sin_port);
}

/* Whether only this host can reach it. */
static bool is_loopback(const struct api_address *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&address->address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->address;

	if (address->address.ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int read_listen(const struct json_place *place, struct api_settings *settings)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(place, "listen", API_LISTEN_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct api_address *address = &settings->listen[i];
		const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(array, (int)i));

		if (!text || !parse_address(text, address))
			return json_error(place, "listen",
					  "must be addresses with ports: \"127.0.0.1:9790\", \"[::1]:9790\"");
		address->text = strdup(text);
		settings->listen_count++;
		if (!address->text)
			return error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
	}
	return code;
}

/* --- Who --- */

static int read_groups(const struct json_place *place, struct api_settings *settings)
{
	static const char *const keys[] = {"read", "operate", "admin", NULL};
	struct json_place inner;
	int code = json_object(place, "groups", &inner);

	if (code == 0 && inner.object)
		code = json_keys(&inner, keys);
	for (unsigned i = ROLE_READ; code == 0 && inner.object && i < ROLE_COUNT; i++)
		code = json_string(&inner, role_names[i], &settings->groups[i]);
	return code;
}

static int read_tls(const struct json_place *place, const char *folder, struct api_settings *settings)
{
	static const char *const keys[] = {"certificate", "key", "client_ca", NULL};
	struct json_place inner;
	int code = json_object(place, "tls", &inner);

	if (code < 0 || !inner.object)
		return code;
	if ((code = json_keys(&inner, keys)) < 0 ||
	    (code = read_path(&inner, "certificate", folder, &settings->certificate)) < 0 ||
	    (code = read_path(&inner, "key", folder, &settings->key)) < 0 ||
	    (code = read_path(&inner, "client_ca", folder, &settings->client_ca)) < 0)
		return code;
	if (!settings->certificate)
		return json_error(&inner, "certificate", "is missing: a PEM file");
	if (!settings->key)
		return json_error(&inner, "key", "is missing: the PEM file of the certificate's private key");
	return 0;
}

/* What would let in whom nobody knows. */
static int check(const struct json_place *place, const struct api_settings *settings)
{
	if (settings->listen_count && !settings->tokens && !settings->client_ca)
		return json_error(place, "listen", "who may connect there? give tokens, or tls.client_ca");
	for (unsigned i = 0; i < settings->listen_count; i++) {
		if (!settings->certificate && !is_loopback(&settings->listen[i]))
			return json_error(
				place, "listen",
				"%s can be reached from elsewhere: that needs tls, or take 127.0.0.1",
				settings->listen[i].text);
	}
	return 0;
}

int api_settings_read(const struct json_place *root, const char *folder, struct api_settings *settings)
{
	static const char *const keys[] = {
		"socket", "groups", "listen", "tokens", "tls", "requests_per_second", NULL};
	struct json_place place;
	int code = json_object(root, "api", &place);

	settings->requests_per_second = API_REQUESTS;
	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = read_path(&place, "socket", folder, &settings->socket)) < 0 ||
	    (code = read_groups(&place, settings)) < 0 || (code = read_listen(&place, settings)) < 0 ||
	    (code = read_path(&place, "tokens", folder, &settings->tokens)) < 0 ||
	    (code = read_tls(&place, folder, settings)) < 0 ||
	    (code = json_uint(&place, "requests_per_second", 1, API_REQUESTS_MAX,
			      &settings->requests_per_second)) < 0)
		return code;
	return check(&place, settings);
}

void api_settings_free(struct api_settings *settings)
{
	free(settings->socket);
	for (unsigned i = 0; i < ROLE_COUNT; i++)
		free(settings->groups[i]);
	for (unsigned i = 0; i < settings->listen_count; i++)
		free(settings->listen[i].text);
	free(settings->tokens);
	free(settings->certificate);
	free(settings->key);
	free(settings->client_ca);
	*settings = (struct api_settings){0};
}
