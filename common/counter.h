/*
 * A number that grows, written by one thread at a time (whose lock it is, or whose thread) and read by any at any
 * time: no locked instruction is needed.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void counter_add(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, counter_read(counter) + more, memory_order_relaxed);
}
