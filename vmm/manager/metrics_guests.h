/* The metrics of guests and of their devices; part of metrics.c. */
#pragma once

#include "vmm/manager/manager.h"
#include "vmm/manager/prometheus.h"

void metrics_guests(struct prometheus *out, const struct manager *manager);
