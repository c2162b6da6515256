#include "common/rate_limiter.h"

#include "common/util.h"

#define NS_PER_SECOND 1000000000ULL
#define BURST_DEFAULT (NS_PER_SECOND / 10)
#define PEAK_ROOM     (NS_PER_SECOND / 100)
#define TIME_MAX      (UINT32_MAX * NS_PER_SECOND)

/* Rounded up: what is small costs something too. */
static uint64_t time_of(uint64_t rate, uint64_t amount)
{
	uint64_t seconds = amount / rate;

	if (seconds >= UINT32_MAX)
		return TIME_MAX;
	return seconds * NS_PER_SECOND + (amount % rate * NS_PER_SECOND + rate - 1) / rate;
}

static uint64_t bucket_wait(const struct token_bucket *bucket, uint64_t now)
{
	return bucket->rate && bucket->full > now + bucket->room ? bucket->full - now - bucket->room : 0;
}

static void bucket_take(struct token_bucket *bucket, uint64_t now, uint64_t amount)
{
	if (bucket->rate)
		bucket->full = MAX(bucket->full, now) + time_of(bucket->rate, amount);
}

void rate_limiter_init(struct rate_limiter *limiter, const struct rate *rate)
{
	*limiter = (struct rate_limiter){0};
	if (!rate->rate)
		return;
	limiter->average.rate = rate->rate;
	limiter->average.room = rate->burst ? time_of(rate->rate, rate->burst) : BURST_DEFAULT;
	limiter->peak.rate = rate->peak;
	limiter->peak.room = PEAK_ROOM;
}

uint64_t rate_limiter_wait(const struct rate_limiter *limiter, uint64_t now)
{
	uint64_t average = bucket_wait(&limiter->average, now);
	uint64_t peak = bucket_wait(&limiter->peak, now);

	return MAX(average, peak);
}

void rate_limiter_take(struct rate_limiter *limiter, uint64_t now, uint64_t amount)
{
	bucket_take(&limiter->average, now, amount);
	bucket_take(&limiter->peak, now, amount);
}
