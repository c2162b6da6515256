#include "vmm/config/disk_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/definition.h"

#define EXPORT_MAX 255
#define HOST_MAX   253

static const char *const format_words[] = {"raw", "qcow2", "vmdk", "vhdx", "luks", NULL};

const char *disk_format_word(enum disk_format format)
{
	return format_words[format];
}

static void backing_free(struct disk_backing *backing)
{
	while (backing) {
		struct disk_backing *next = backing->next;

		free(backing->path);
		free(backing->image);
		free(backing);
		backing = next;
	}
}

void disk_source_free(struct disk_source *source)
{
	backing_free(source->backing);
	free(source->nbd.host);
	free(source->nbd.socket);
	free(source->nbd.export);
	free(source->nbd.name);
	free(source->secret);
	*source = (struct disk_source){0};
}

static int read_format(const struct json_place *place, enum disk_format *format)
{
	unsigned word = DISK_FORMAT_RAW;
	int code = json_word(place, "format", format_words, &word);

	*format = (enum disk_format)word;
	return code;
}

/* --- What is behind it --- */

static int read_backing_image(const struct json_place *place, const char *folder,
			      struct disk_backing *backing)
{
	static const char *const keys[] = {"path", "image", "format", "backing", NULL};
	int code;

	if ((code = json_keys(place, keys)) < 0 ||
	    (code = json_path(place, "path", folder, &backing->path)) < 0 ||
	    (code = json_string(place, "image", &backing->image)) < 0 ||
	    (code = read_format(place, &backing->format)) < 0)
		return code;
	if (!backing->path == !backing->image)
		return json_error(place, "path", "which file? (or image: one of the pool; one of the two)");
	if (backing->image && !definition_name_valid(backing->image))
		return json_error(place, "image", "must be the name of an image of the pool");
	if (backing->format == DISK_FORMAT_LUKS || backing->format == DISK_FORMAT_VHDX)
		return json_error(place, "format",
				  "must be \"raw\", \"qcow2\" or \"vmdk\" behind another image");
	return 0;
}

static bool may_have_backing(enum disk_format format)
{
	return format == DISK_FORMAT_QCOW2 || format == DISK_FORMAT_VMDK;
}

static int read_backing(const struct json_place *place, const char *folder, struct disk_source *source)
{
	struct json_place outer = *place, inner;
	struct disk_backing **last = &source->backing;
	enum disk_format above = source->format;
	int code = json_object(&outer, "backing", &inner);

	for (unsigned depth = 0; code == 0 && inner.object; depth++) {
		if (!may_have_backing(above))
			return json_error(&outer, "backing", "is for \"format\": \"qcow2\" and \"vmdk\"");
		if (depth == DISK_BACKING_MAX)
			return json_error(&outer, "backing", "at most %d images behind one another",
					  DISK_BACKING_MAX);
		*last = calloc(1, sizeof(**last));
		if (!*last)
			return error_set(place->err, -ENOMEM, "out of memory");
		code = read_backing_image(&inner, folder, *last);
		if (code < 0)
			return code;
		above = (*last)->format;
		last = &(*last)->next;
		outer = inner;
		code = json_object(&outer, "backing", &inner);
	}
	return code;
}

/* --- NBD --- */

/* A name or an address, and nothing that a program would take for more. */
static bool host_valid(const char *host)
{
	return *host != '-' && strlen(host) <= HOST_MAX &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") ==
		       strlen(host);
}

/* Domain XML has no word for the others. */
static bool printable(const char *path)
{
	while ((unsigned char)*path >= ' ')
		path++;
	return !*path;
}

static int nbd_give_name(struct disk_nbd *nbd)
{
	const char *export = nbd->export ? nbd->export : "";
	int len = nbd->socket ? asprintf(&nbd->name, "nbd+unix:///%s?socket=%s", export, nbd->socket)
			      : asprintf(&nbd->name, "nbd://%s:%u/%s", nbd->host, nbd->port, export);

	if (len < 0)
		nbd->name = NULL;
	return len < 0 ? -ENOMEM : 0;
}

static int read_nbd(const struct json_place *place, struct disk_source *source)
{
	static const char *const keys[] = {"protocol", "host", "port", "socket", "name", NULL};
	static const char *const protocols[] = {"nbd", NULL};
	struct disk_nbd *nbd = &source->nbd;
	unsigned protocol = ARRAY_SIZE(protocols);
	uint64_t port = DISK_NBD_PORT;
	int code;

	if ((code = json_keys(place, keys)) < 0 ||
	    (code = json_word(place, "protocol", protocols, &protocol)) < 0 ||
	    (code = json_string(place, "host", &nbd->host)) < 0 ||
	    (code = json_uint(place, "port", 1, UINT16_MAX, &port)) < 0 ||
	    (code = json_path(place, "socket", "/", &nbd->socket)) < 0 ||
	    (code = json_string(place, "name", &nbd->export)) < 0)
		return code;
	if (nbd->socket && !printable(nbd->socket))
		return json_error(place, "socket", "must be a path without control characters");
	if (nbd->host && !host_valid(nbd->host))
		return json_error(place, "host", "must be a host's name or address");
	if (nbd->export && strlen(nbd->export) > EXPORT_MAX)
		return json_error(place, "name", "is longer than %u bytes", EXPORT_MAX);
	if (protocol == ARRAY_SIZE(protocols))
		return json_error(place, "protocol", "is missing: must be \"nbd\"");
	if (!nbd->host == !nbd->socket)
		return json_error(place, "host",
				  "where is the server? (host and port, or socket; one of the two)");
	nbd->port = (uint16_t)port;
	source->network = true;
	return nbd_give_name(nbd) < 0 ? error_set(place->err, -ENOMEM, "out of memory") : 0;
}

/* --- All of it --- */

static int read_reconnect(const struct json_place *place, struct disk_source *source)
{
	static const char *const keys[] = {"enabled", "timeout", NULL};
	struct json_place inner;
	uint64_t seconds = 1;
	int code = json_object(place, "reconnect", &inner);

	source->reconnect = true;
	source->reconnect_s = 1;
	if (code < 0 || !inner.object)
		return code;
	if ((code = json_keys(&inner, keys)) < 0 ||
	    (code = json_bool(&inner, "enabled", &source->reconnect)) < 0 ||
	    (code = json_uint(&inner, "timeout", 1, DISK_RECONNECT_MAX_S, &seconds)) < 0)
		return code;
	source->reconnect_s = (unsigned)seconds;
	return 0;
}

int disk_source_read(const struct json_place *place, const char *folder, struct disk_source *source)
{
	struct json_place inner;
	int code;

	if ((code = read_format(place, &source->format)) < 0 ||
	    (code = json_object(place, "source", &inner)) < 0 ||
	    (inner.object && (code = read_nbd(&inner, source)) < 0) ||
	    (code = read_backing(place, folder, source)) < 0 ||
	    (code = json_path(place, "secret", folder, &source->secret)) < 0 ||
	    (code = json_bool(place, "transient", &source->transient)) < 0 ||
	    (code = read_reconnect(place, source)) < 0)
		return code;
	if (source->network && source->format != DISK_FORMAT_RAW)
		return json_error(place, "format",
				  "must be \"raw\" with source: the server knows its image's format");
	if (source->format == DISK_FORMAT_LUKS && !source->secret)
		return json_error(place, "secret", "is missing: which file has the passphrase?");
	if (source->format != DISK_FORMAT_LUKS && source->secret)
		return json_error(place, "secret", "is for \"format\": \"luks\"");
	return 0;
}
