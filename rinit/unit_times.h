/*
 * When a unit was queued, when its turn came and when it was up: what rinitctl's blame, chart and why are
 * made of. Pure: manager.c tells of every change of a unit's state.
 */
#pragma once

#include <stdint.h>

#include "rinit/service.h"

/* By clock_ms(), of the newest start; 0: has not happened. */
struct unit_times {
	uint64_t queued_ms;  /* somebody wanted it */
	uint64_t started_ms; /* nothing was left to wait for */
	uint64_t ready_ms;   /* it was up, or had ended or failed instead */
};

void unit_times_moved(struct unit_times *times, enum service_state from, enum service_state to,
		      uint64_t now_ms);
