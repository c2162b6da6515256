/* The rate limiter, with times that are made up. */
#include <criterion/criterion.h>

#include "common/rate_limiter.h"

#define SECOND 1000000000ULL
#define MIB    (1ULL << 20)

static struct rate_limiter limiter;

/* Takes pieces as soon as they may be taken, until `end`; returns how much that was. */
static uint64_t taken_until(uint64_t start, uint64_t end, uint64_t piece)
{
	uint64_t taken = 0;

	for (uint64_t now = start; now < end;) {
		uint64_t wait = rate_limiter_wait(&limiter, now);

		now += wait;
		if (now >= end)
			break;
		rate_limiter_take(&limiter, now, piece);
		taken += piece;
	}
	return taken;
}

Test(rate_limiter, zeros_limit_nothing)
{
	rate_limiter_init(&limiter, &(struct rate){0});
	cr_assert_not(rate_limiter_limits(&limiter));
	rate_limiter_take(&limiter, 1, UINT64_MAX);
	cr_assert_eq(rate_limiter_wait(&limiter, 1), 0);
}

Test(rate_limiter, the_average_holds_over_time)
{
	static const uint64_t rates[] = {1, 7, 1000, MIB, 3 * MIB + 1, RATE_MAX};
	static const uint64_t pieces[] = {1, 512, 4096, MIB};

	for (unsigned r = 0; r < 6; r++) {
		for (unsigned p = 0; p < 4; p++) {
			uint64_t seconds = rates[r] > 1000 * pieces[p] ? 1 : 3600;
			uint64_t most = rates[r] * seconds + rates[r] / 10 + pieces[p];
			uint64_t taken;

			if (rates[r] / pieces[p] * seconds > 10000000)
				continue; /* too many steps */
			rate_limiter_init(&limiter, &(struct rate){.rate = rates[r]});
			taken = taken_until(5, 5 + seconds * SECOND, pieces[p]);
			cr_expect_leq(taken, most, "%lu a second in pieces of %lu", rates[r], pieces[p]);
			cr_expect_geq(taken, rates[r] * seconds * 99 / 100,
				      "%lu a second in pieces of %lu: %lu", rates[r], pieces[p], taken);
		}
	}
}

Test(rate_limiter, a_burst_is_there_at_once_and_only_once)
{
	rate_limiter_init(&limiter, &(struct rate){.rate = 100, .burst = 1000});
	cr_assert_eq(taken_until(SECOND, SECOND + 1, 1), 1001);
	cr_assert_eq(rate_limiter_wait(&limiter, SECOND), SECOND / 100);
	/* Saved up again, in as long as it takes; no more than it. */
	cr_assert_eq(taken_until(12 * SECOND, 12 * SECOND + 1, 1), 1001);
	cr_assert_eq(taken_until(3600 * SECOND, 3600 * SECOND + 1, 1), 1001);
}

Test(rate_limiter, a_burst_comes_at_its_peak)
{
	uint64_t first, all;

	rate_limiter_init(&limiter, &(struct rate){.rate = 100, .burst = 1000, .peak = 500});
	first = taken_until(SECOND, 2 * SECOND, 1);
	cr_assert(first >= 500 && first <= 506, "%lu", first);
	all = first + taken_until(2 * SECOND, 61 * SECOND, 1);
	cr_assert(all >= 6990 && all <= 7001, "%lu", all);
}

Test(rate_limiter, more_than_the_burst_is_served_and_paid_for)
{
	rate_limiter_init(&limiter, &(struct rate){.rate = 1000});
	rate_limiter_take(&limiter, SECOND, 10000);
	cr_assert_eq(rate_limiter_wait(&limiter, SECOND), 10 * SECOND - SECOND / 10);
	cr_assert_eq(rate_limiter_wait(&limiter, 10 * SECOND), 9 * SECOND / 10);
	cr_assert_eq(rate_limiter_wait(&limiter, 11 * SECOND), 0);
}

Test(rate_limiter, what_is_small_is_not_free)
{
	rate_limiter_init(&limiter, &(struct rate){.rate = RATE_MAX, .burst = 1});
	for (unsigned i = 0; i < 1000; i++)
		rate_limiter_take(&limiter, SECOND, 1);
	cr_assert_eq(rate_limiter_wait(&limiter, SECOND), 1000 - 1);
}

Test(rate_limiter, absurd_amounts_end)
{
	rate_limiter_init(&limiter, &(struct rate){.rate = 1, .burst = UINT64_MAX, .peak = 2});
	rate_limiter_take(&limiter, SECOND, UINT64_MAX);
	cr_assert_geq(rate_limiter_wait(&limiter, SECOND), 3600 * SECOND);
}
