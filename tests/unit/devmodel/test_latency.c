/* The histogram of how long requests took. */
#include <criterion/criterion.h>

#include "devmodel/latency.h"

Test(latency, bounds_grow)
{
	for (unsigned i = 1; i < LATENCY_BUCKETS - 1; i++)
		cr_expect_gt(latency_bounds_ns[i], latency_bounds_ns[i - 1]);
}

/* A bound belongs to its bucket, as "le" says. */
Test(latency, each_bound_and_beside_it)
{
	for (unsigned i = 0; i < LATENCY_BUCKETS - 1; i++) {
		struct latency latency = {0};

		latency_add(&latency, latency_bounds_ns[i]);
		latency_add(&latency, latency_bounds_ns[i] + 1);
		cr_expect_eq(counter_read(&latency.counts[i]), 1);
		cr_expect_eq(counter_read(&latency.counts[i + 1]), 1);
		cr_expect_eq(counter_read(&latency.sum_ns), 2 * latency_bounds_ns[i] + 1);
	}
}

Test(latency, the_shortest_and_the_longest)
{
	struct latency latency = {0};

	latency_add(&latency, 0);
	latency_add(&latency, UINT64_MAX / 2);
	cr_expect_eq(counter_read(&latency.counts[0]), 1);
	cr_expect_eq(counter_read(&latency.counts[LATENCY_BUCKETS - 1]), 1);
}
