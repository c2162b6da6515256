/* Unit files: any bytes. Services, a target, a socket, a mount and swap of the same text also go through the
 * graph. */
#include <stdlib.h>

#include "rinit/unit_graph.h"

static void ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unit_warnings warnings = {.warn = ignore};
	static const char *const names[] = {"a.service", "b.service", "sysinit.target",
					    "s.socket",  "a-b.mount", "dev-vda.swap"};
	struct unit_set set = {0};
	struct error err;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct unit *unit = unit_set_add(&set, names[i]);

		unit->run.wanted = true;
		unit_parse(&unit->config, "/f", (const char *)data, size, &warnings, &err);
	}
	if (graph_resolve(&set, set.items[2], &warnings))
		abort();
	unit_set_clear(&set);
	return 0;
}
