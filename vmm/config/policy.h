/*
 * How the host's CPUs and memory are divided among guests, as vmm.json says it (docs/configuration.md):
 *
 *      "reserve":    { "cpus": 1, "memory_mib": 512 }       kept from guests
 *      "overcommit": { "cpus": 4.0, "memory": 1.5 }         how far guests may have more than there is
 *      "desktop":    { "server_percent": 25 }               the server guest's part in desktop mode
 *      "memory":     { "wait_seconds": 45 }                 how long a start waits for what others give back
 */
#pragma once

#include <stdint.h>

#include "vmm/config/json.h"

#define POLICY_UNSAID           UINT64_MAX
#define POLICY_OVERCOMMIT_MAX   100
#define POLICY_SERVER_PERCENT   25
#define POLICY_MEMORY_WAIT_S    45
#define POLICY_MEMORY_WAIT_MAX  3600
#define POLICY_RESERVE_CPUS_MAX 1023

struct resource_policy {
	uint64_t reserve_cpus;      /* POLICY_UNSAID: plan.h's default for the host */
	uint64_t reserve_mib;       /* the same */
	unsigned overcommit_cpus;   /* hundredths: 100 allows as many vCPUs as CPUs */
	unsigned overcommit_memory; /* hundredths */
	unsigned server_percent;    /* of what other guests' numbers leave, in desktop mode */
	uint64_t memory_wait_s;     /* how long a start waits for memory that running guests are to give back */
};

/* What holds when vmm.json says nothing. */
struct resource_policy policy_default(void);
/* Reads reserve, overcommit, desktop and memory. */
int policy_read(const struct json_place *root, struct resource_policy *policy);
