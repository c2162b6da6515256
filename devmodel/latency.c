#include "devmodel/latency.h"

const uint64_t latency_bounds_ns[LATENCY_BUCKETS - 1] = {
	10000, 30000, 100000, 300000, 1000000, 3000000, 10000000, 30000000, 100000000, 300000000, 1000000000,
};

void latency_add(struct latency *latency, uint64_t ns)
{
	unsigned bucket = 0;

	while (bucket < LATENCY_BUCKETS - 1 && ns > latency_bounds_ns[bucket])
		bucket++;
	counter_add(&latency->counts[bucket], 1);
	counter_add(&latency->sum_ns, ns);
}

void latency_sum(struct latency *sum, const struct latency *latency)
{
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		counter_add(&sum->counts[i], counter_read(&latency->counts[i]));
	counter_add(&sum->sum_ns, counter_read(&latency->sum_ns));
}
