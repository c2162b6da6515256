/*
 * A rate limiter: so much a second on average, and after a pause more at once. Disks count requests and bytes
 * with it, network cards bytes.
 *
 *      rate   what comes in all over a long time, a second
 *      burst  what may come beyond that at once, after it was saved up: nothing was taken for burst / rate
 * seconds peak   the rate while the burst lasts; 0: as fast as it comes
 *
 * Two token buckets, kept as the time at which they will be full again: `rate` with room for `burst`, and
 * `peak` with room for a hundredth of a second. What is taken may be more than there is: the next one then
 * waits for it, so that a request larger than the burst is served all the same, once, and paid for. What is
 * taken at once is rounded up to a nanosecond of its rate.
 *
 *      uint64_t wait = rate_limiter_wait(&limiter, now);
 *
 *      if (wait)
 *              loop_timer_set(&timer, wait, 0);
 *      else
 *              rate_limiter_take(&limiter, now, bytes);
 *
 * Times are nanoseconds of monotonic_ns. Its owner's lock guards it; one of zeros limits nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_MAX (1ULL << 34) /* 16 GiB a second; times 10^9 it fits into 64 bits */

struct rate {
	uint64_t rate;  /* a second, at most RATE_MAX; 0: no limit, and the others mean nothing */
	uint64_t burst; /* 0: a tenth of a second's */
	uint64_t peak;  /* more than rate; 0: none */
};

struct token_bucket {
	uint64_t rate; /* 0: no limit */
	uint64_t room; /* ns that it takes to fill */
	uint64_t full; /* when it will be full */
};

struct rate_limiter {
	struct token_bucket average;
	struct token_bucket peak;
};

/* Full buckets. */
void rate_limiter_init(struct rate_limiter *limiter, const struct rate *rate);
/* How long until something may be taken; 0: now. */
uint64_t rate_limiter_wait(const struct rate_limiter *limiter, uint64_t now);
void rate_limiter_take(struct rate_limiter *limiter, uint64_t now, uint64_t amount);
static inline bool rate_limiter_limits(const struct rate_limiter *limiter)
{
	return limiter->average.rate != 0;
}
