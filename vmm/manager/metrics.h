/*
 * What the manager and its guests do, as metrics for Prometheus (prometheus.h); docs/metrics.md lists them.
 * Guests' processes are asked for their counters first (stats_ask): what one did not tell is absent. Loop
 * thread only.
 */
#pragma once

#include "vmm/manager/operations.h"

/* NULL when out of memory; the caller frees it. */
char *metrics_text(const struct operations *operations);
