#include "rinit/unit_times.h"

void unit_times_moved(struct unit_times *times, enum service_state from, enum service_state to,
		      uint64_t now_ms)
{
	if (from == to)
		return;
	if (to == STATE_WAITING)
		*times = (struct unit_times){.queued_ms = now_ms};
	if (from == STATE_WAITING)
		times->started_ms = now_ms;
	if (times->started_ms && !times->ready_ms && service_is_settled(to))
		times->ready_ms = now_ms;
}
