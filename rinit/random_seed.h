/*
 * The random seed: what the kernel's generator knew at the last shutdown is stirred into it at boot, so that
 * it differs between boots of a machine with no source of randomness. It counts as entropy (random(4)) only
 * when rinit.conf says so: an image that is copied carries its seed along. A seed is used once: a new one is
 * saved at once, and at shutdown.
 */
#pragma once

#include <stdbool.h>

#include "rinit/clock.h"

#define RANDOM_SEED_FILE STATE_FOLDER "/random-seed"

void random_seed_load(bool credit);
/* safely: on the disk when it returns, at the price of waiting for that. */
void random_seed_save(bool safely);
