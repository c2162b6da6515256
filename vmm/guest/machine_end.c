#include "vmm/guest/machine_end.h"

#include <string.h>

#include "common/util.h"

static const char *const end_names[] = {
	[MACHINE_RUNNING] = "running",   [MACHINE_POWERED_OFF] = "powered-off", [MACHINE_RESET] = "reset",
	[MACHINE_CRASHED] = "crashed",   [MACHINE_FAILED] = "failed",           [MACHINE_KILLED] = "killed",
	[MACHINE_WATCHDOG] = "watchdog", [MACHINE_REFUSED] = "refused",
};

const char *machine_end_name(enum machine_end end)
{
	return end_names[end];
}

enum machine_end machine_end_parse(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(end_names); i++) {
		if (strcmp(end_names[i], name) == 0)
			return (enum machine_end)i;
	}
	return MACHINE_FAILED;
}

bool machine_end_is_fault(enum machine_end end)
{
	return end == MACHINE_FAILED || end == MACHINE_CRASHED || end == MACHINE_WATCHDOG ||
	       end == MACHINE_REFUSED;
}
