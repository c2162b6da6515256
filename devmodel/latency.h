/*
 * How long requests took, as a histogram: how many took no longer than each bound, and how long all took
 * together. Written by one thread at a time, read by any (common/counter.h).
 */
#pragma once

#include "common/counter.h"

#define LATENCY_BUCKETS 12 /* the last has no bound */

struct latency { /* zero it */
	_Atomic uint64_t counts[LATENCY_BUCKETS];
	_Atomic uint64_t sum_ns;
};

/* Upper bounds, each belonging to its bucket, growing; nanoseconds. */
extern const uint64_t latency_bounds_ns[LATENCY_BUCKETS - 1];

void latency_add(struct latency *latency, uint64_t ns);
/* Adds one's counts to a sum, which nobody else knows. */
void latency_sum(struct latency *sum, const struct latency *latency);
