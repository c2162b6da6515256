/* What a control group tells of its end. The files are as in the kernel's admin-guide/cgroup-v2.rst. */
#include <criterion/criterion.h>
#include <errno.h>
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

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

Test(cgroup, memory_that_it_holds)
{
	char folder[] = "/tmp/rastos-cgroup-XXXXXX";
	char path[96];
	uint64_t bytes;

	cr_assert_eq(cgroup_memory_held(NULL, &bytes), -ENOENT);
	cr_assert(mkdtemp(folder));
	cr_assert_eq(cgroup_memory_held(folder, &bytes), -ENOENT, "the kernel does not count");
	write_file(folder, "memory.stat", "anon 1000\nfile 9000\nshmem 8192\nshmem_thp 4096\n");
	cr_assert_eq(cgroup_memory_held(folder, &bytes), 0);
	cr_assert_eq(bytes, 8192);
	write_file(folder, "memory.swap.current", "4096\n");
	cr_assert_eq(cgroup_memory_held(folder, &bytes), 0);
	cr_assert_eq(bytes, 8192 + 4096);
	snprintf(path, sizeof(path), "%s/memory.stat", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/memory.swap.current", folder);
	unlink(path);
	rmdir(folder);
}

/* What is in a file of the group after its limits were set. */
static void limits_write(const struct cgroup_limits *limits, char text[64])
{
	char folder[] = "/tmp/rastos-cgroup-XXXXXX";
	struct cgroups cgroups = {.folder = folder, .controllers = UINT32_MAX};
	struct error err;
	char path[64];
	FILE *file;

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	file = fopen(path, "w");
	cr_assert(file && fputs("max 100000", file) >= 0 && fclose(file) == 0);
	cr_assert_eq(cgroup_limit(&cgroups, folder, limits, &err), 0, "%s", err.text);
	file = fopen(path, "r");
	cr_assert(file && fgets(text, 64, file));
	fclose(file);
	unlink(path);
	rmdir(folder);
	cr_assert(cgroups_limit_time(&cgroups));
	cgroups.controllers = 0;
	cr_assert_not(cgroups_limit_time(&cgroups));
}

Test(cgroup, time_is_limited_when_it_is_said)
{
	struct cgroup_limits limits = {.quota_us = 150000, .period_us = 50000};
	char text[64];

	limits_write(&limits, text);
	cr_assert_str_eq(text, "150000 50000");
	limits.quota_us = 0;
	limits_write(&limits, text);
	cr_assert_str_eq(text, "max 100000", "what the kernel has by itself");
}
