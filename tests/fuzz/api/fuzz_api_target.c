/* The target of a request: whatever it is, it is refused, or its parts are printable UTF-8 and it is found a
 * route, or not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/printable.h"
#include "vmm/api/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	if (!text_is_utf8(text))
		abort();
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			abort();
	}
}

static void check_route(const struct path *path)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", ""};
	static const char *const variables[] = {"guest", "network", "disk", "device", "task", "port", "name"};
	char allow[ROUTE_ALLOW_MAX];
	struct error err = {0};

	for (unsigned i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		const struct route *route = route_find(methods[i], path, allow, &err);

		if (!route && (!*err.text || strlen(allow) >= sizeof(allow) - 1))
			abort();
		for (unsigned v = 0; route && v < sizeof(variables) / sizeof(*variables); v++) {
			const char *value = route_variable(route, path, variables[v]);

			if (value && !*value)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *target = malloc(size + 1);
	struct error err = {0};
	struct path path;
	struct query query;

	memcpy(target, data, size);
	target[size] = '\0';
	if (target_parse(target, &path, &query, &err) < 0) {
		if (!*err.text)
			abort();
	} else {
		for (unsigned i = 0; i < path.count; i++)
			check_text(path.segments[i]);
		for (unsigned i = 0; i < query.count; i++) {
			check_text(query.arguments[i].value);
			if (query_get(&query, query.arguments[i].name) != query.arguments[i].value)
				abort(); /* two of a name */
		}
		check_route(&path);
	}
	free(target);
	return 0;
}
