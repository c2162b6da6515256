/*
 * Writes metrics in Prometheus' text format, version 0.0.4: families one after the other, each with its HELP
 * and TYPE, then its samples.
 *
 *      # HELP rastos_guest_cpu_seconds_total CPU time of the guest's process.
 *      # TYPE rastos_guest_cpu_seconds_total counter
 *      rastos_guest_cpu_seconds_total{guest="web"} 1.5
 *
 * A family without samples is not written. Labels' values may hold anything. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus {
	FILE *file;
	const char *name, *type, *help; /* of the family; they stay the caller's */
	bool begun;
};

/* Pairs of name and value; ends with a NULL name. */
struct prometheus_label {
	const char *name, *value;
};

/* help: one sentence. type: counter, gauge, histogram. */
void prometheus_family(struct prometheus *out, const char *name, const char *type, const char *help);
/* labels may be NULL. suffix: behind the family's name, "" but for a histogram's. */
void prometheus_sample(struct prometheus *out, const char *suffix, const struct prometheus_label *labels,
		       double value);
