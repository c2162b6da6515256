#include "vmm/plan/apply.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

int plan_make_for(const struct inventory *host, enum mode mode, const struct resource_policy *policy,
		  struct guest_definition *const *definitions, unsigned count, struct plan *plan,
		  struct error *err)
{
	AUTO_FREE struct plan_want *wants = calloc(count + 1, sizeof(*wants));
	struct plan_input input = {
		.host = host,
		.mode = mode,
		.policy = policy,
		.count = count,
		.wants = wants,
	};

	if (!wants)
		return error_set(err, -ENOMEM, "plan: out of memory");
	for (unsigned i = 0; i < count; i++) {
		wants[i] = (struct plan_want){
			.name = definitions[i]->name,
			.role = definitions[i]->role,
			.wants = &definitions[i]->wants,
		};
	}
	return plan_make(&input, plan, err);
}

void plan_apply_definition(const struct plan_guest *guest, struct guest_definition *definition)
{
	unsigned vcpus = definition->wants.current_vcpus ? definition->wants.vcpus : guest->vcpus;
	unsigned threads = vcpus % guest->threads == 0 ? guest->threads : 1;

	if (!definition->wants.topology)
		definition->topology = (struct cpu_topology){
			.sockets = 1,
			.cores = vcpus / threads,
			.threads = threads,
		};
	definition->memory_mib = guest->memory_mib;
	definition->placement = guest->placement;
}

void plan_apply_live(const struct plan_guest *guest, struct guest_definition *definition)
{
	struct guest_placement placement = guest->placement;

	placement.pages = definition->placement.pages;
	placement.nodes = definition->placement.nodes;
	placement.numa_mode = definition->placement.numa_mode;
	definition->placement = placement;
}

static bool wants_placement(const struct guest_wants *wants)
{
	return wants->exclusive || wants->vcpu_pins || wants->pages != PAGES_NORMAL ||
	       !cpu_set_empty(&wants->emulator_pin) || !cpu_set_empty(&wants->pin) ||
	       !cpu_set_empty(&wants->nodes);
}

int plan_apply_alone(struct guest_definition *definition, struct error *err)
{
	AUTO_FREE struct inventory *host = NULL;
	struct guest_wants wants = definition->wants;
	struct plan_want want = {.name = definition->name, .role = GUEST_ROLE_GUEST, .wants = &wants};
	/* Nobody divides the host here: what the user says is not limited, only what cannot be. */
	struct resource_policy policy = {
		.overcommit_cpus = 100 * WANTS_VCPUS_MAX,
		.overcommit_memory = 100 * POLICY_OVERCOMMIT_MAX,
		.server_percent = POLICY_SERVER_PERCENT,
	};
	struct plan_input input = {.mode = MODE_SERVER, .policy = &policy, .count = 1, .wants = &want};
	struct plan plan;
	int code;

	if (!wants_placement(&wants))
		return 0;
	host = malloc(sizeof(*host));
	if (!host)
		return error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	input.host = host;
	code = inventory_read("/", host, err);
	if (code == 0)
		code = plan_make(&input, &plan, err);
	if (code < 0)
		return code;
	plan_apply_definition(&plan.guests[0], definition);
	plan_free(&plan);
	return 0;
}
