#include "vmm/jail/jail.h"

#include "vmm/jail/landlock.h"
#include "vmm/jail/limits.h"
#include "vmm/jail/privileges.h"
#include "vmm/jail/root.h"

int jail_close(const struct jail_limits *limits, struct error *err)
{
	int code = root_empty(err);

	if (code == 0)
		code = limits_set(limits, err);
	if (code == 0)
		code = privileges_drop(err);
	if (code == 0)
		code = landlock_forbid_all(err);
	return code < 0 ? error_prefix(err, code, "guest %s", limits->name) : 0;
}
