/* Network definitions: any text is either read or refused with one sentence; what was read makes files for
 * the tools whose lines say no more than they should. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/virtual_network.h"
#include "vmm/net/dnsmasq.h"
#include "vmm/net/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void check_network(const struct virtual_network *network)
{
	struct dnsmasq dnsmasq = {.network = network, .folder = "/run"};
	struct ruleset_network ruleset = {.network = network};
	char *config = dnsmasq_config_text(&dnsmasq, "nobody");
	char *rules = ruleset_text(&ruleset, 1);

	if (count_lines(config) > 20 || count_lines(rules) > 20 || strpbrk(network->bridge, "\" ;\n{}") ||
	    strpbrk(network->domain, " \n/,"))
		abort();
	free(config);
	free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtual_network network;
	struct error err = {0};
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (virtual_network_parse("fuzz.json", text, &network, &err) == 0) {
		if (virtual_network_has_addresses(&network))
			check_network(&network);
	} else if (!err.text[0]) {
		abort();
	}
	free(text);
	return 0;
}
