/* What a control group tells of its end. The files are as in the kernel's admin-guide/cgroup-v2.rst. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/jail/cgroup.h"

/* Asks a control group with this memory.events; text NULL: there is none. */
static bool out_of_memory(const char *text, bool *at_limit)
{
	char folder[] = "/tmp/rastos-cgroup-XXXXXX";
	char path[64];
	bool result;

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/memory.events", folder);
	if (text) {
		FILE *file = fopen(path, "w");

		cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
	}
	result = cgroup_out_of_memory(folder, at_limit);
	unlink(path);
	rmdir(folder);
	return result;
}

Test(cgroup, killed_at_its_limit)
{
	bool at_limit = false;

	cr_assert(out_of_memory("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n", &at_limit));
	cr_assert(at_limit);
}

Test(cgroup, killed_for_the_host)
{
	bool at_limit = true;

	cr_assert(out_of_memory("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n", &at_limit));
	cr_assert_not(at_limit);
}

Test(cgroup, not_killed)
{
	bool at_limit;

	cr_assert_not(
		out_of_memory("low 0\nhigh 0\nmax 7\noom 2\noom_kill 0\noom_group_kill 5\n", &at_limit));
	cr_assert_not(out_of_memory("", &at_limit));
	cr_assert_not(out_of_memory("oom_kill\noom_kill x\nfoom_kill 3", &at_limit));
	cr_assert_not(out_of_memory(NULL, &at_limit));
	cr_assert_not(cgroup_out_of_memory(NULL, &at_limit));
}
