/*
 * From a plan to guests: the numbers that a definition starts with, and the CPUs that a running guest's
 * threads are on.
 */
#pragma once

#include <sys/types.h>

#include "vmm/plan/plan.h"

/* A plan for all these definitions, in their order. The plan refers to their names. */
int plan_make_for(const struct inventory *host, enum mode mode, const struct resource_policy *policy,
		  struct guest_definition *const *definitions, unsigned count, struct plan *plan,
		  struct error *err);

/* Before a guest starts: topology, memory and placement as planned. What the definition itself says (wants)
 * stays, so that it can be planned again. */
void plan_apply_definition(const struct plan_guest *guest, struct guest_definition *definition);
/* While it runs: only what can change under it, its CPUs and weight. placement_apply makes it so. */
void plan_apply_live(const struct plan_guest *guest, struct guest_definition *definition);

/* For `run`, which has no manager: a definition that wants exclusive CPUs, pins, nodes or huge pages gets
 * them as the host's only guest, with its numbers or their defaults. Reads the host's files only then. */
int plan_apply_alone(struct guest_definition *definition, struct error *err);
