#include "vmm/net/firewall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/net/ruleset.h"
#include "vmm/net/tool.h"

static unsigned count_rules(const struct live_network *live)
{
	unsigned count = 0;

	for (unsigned i = 0; i < live->port_count; i++)
		count += live->ports[i].publish_count;
	return count;
}

/* The published ports of one network; the caller frees them. */
static int collect_ports(const struct live_network *live, struct ruleset_port **ports, unsigned *count)
{
	*count = 0;
	*ports = calloc(count_rules(live) + 1, sizeof(**ports));
	if (!*ports)
		return -ENOMEM;
	for (unsigned i = 0; i < live->port_count; i++) {
		const struct network_port *port = &live->ports[i];

		for (unsigned j = 0; j < port->publish_count; j++) {
			struct ruleset_port *rule = &(*ports)[*count];

			rule->address = port->address;
			if (publish_parse(port->publish[j], &rule->publish, NULL) == 0)
				(*count)++;
		}
	}
	return 0;
}

static int run_nft(const char *ruleset, struct error *err)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};
	struct tool tool = {.argv = argv, .package = "nftables", .input = ruleset};

	if (!ruleset)
		return error_set(err, -ENOMEM, "packet filter: out of memory");
	return tool_run(&tool, err);
}

int firewall_apply(const struct networks *networks, struct error *err)
{
	struct ruleset_network rules[VIRTUAL_NETWORKS_MAX];
	struct ruleset_port *ports[VIRTUAL_NETWORKS_MAX] = {NULL};
	AUTO_FREE char *text = NULL;
	unsigned count = 0;
	int code = 0;

	for (unsigned i = 0; i < networks->count && code == 0; i++) {
		const struct live_network *live = networks->live[i];

		if (!virtual_network_has_addresses(&live->network))
			continue;
		rules[count].network = &live->network;
		code = collect_ports(live, &ports[count], &rules[count].port_count);
		rules[count].ports = ports[count];
		count++;
	}
	if (code == 0)
		text = ruleset_text(rules, count);
	code = run_nft(text, err);
	for (unsigned i = 0; i < count; i++)
		free(ports[i]);
	return code;
}
