/* .network files and rinit.conf: any bytes. */
#include <stdint.h>

#include "rinit/config.h"
#include "rinit/network.h"

static void ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

static void ignore_sentence(const char *sentence)
{
	(void)sentence;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unit_warnings warnings = {.warn = ignore};
	struct network_config network = {0};
	struct config config = {0};
	struct error err;

	if (!network_parse(&network, "/f", (const char *)data, size, &warnings, &err))
		network_config_matches(&network, "eth0");
	network_config_clear(&network);
	config_parse(&config, "/f", (const char *)data, size, ignore_sentence);
	return 0;
}
