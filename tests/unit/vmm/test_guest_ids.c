/* User ids for guest processes, and the memory their cgroups allow. */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/util.h"
#include "vmm/jail/cgroup.h"
#include "vmm/jail/ids.h"

static struct error err;

Test(guest_ids, the_first_is_given_first)
{
	const struct guest_ids ids = {.first = 5000, .count = 3};

	cr_assert_eq(guest_ids_take(&ids, NULL, 0, &err), 0);
}

Test(guest_ids, those_in_use_are_not_given)
{
	const struct guest_ids ids = {.first = 5000, .count = 3};
	const int used[] = {2, -1, 0};

	cr_assert_eq(guest_ids_take(&ids, used, 3, &err), 1);
}

Test(guest_ids, a_gap_is_filled)
{
	const struct guest_ids ids = {.first = 5000, .count = 10};
	const int used[] = {0, 1, 3, 4};

	cr_assert_eq(guest_ids_take(&ids, used, 4, &err), 2);
}

Test(guest_ids, of_an_older_larger_range_do_not_count)
{
	const struct guest_ids ids = {.first = 5000, .count = 2};
	const int used[] = {700, 0};

	cr_assert_eq(guest_ids_take(&ids, used, 2, &err), 1);
}

Test(guest_ids, when_all_are_taken_that_is_said)
{
	const struct guest_ids ids = {.first = 5000, .count = 2};
	const int used[] = {1, 0};

	cr_assert_eq(guest_ids_take(&ids, used, 2, &err), -ENOSPC);
	cr_assert_str_eq(
		err.text,
		"all 2 user ids for guests (from 5000 on) are in use; a larger \"guest_ids\" in vmm.json "
		"has more");
}

Test(guest_ids, a_range_must_be_one)
{
	static const struct guest_ids bad[] = {
		{0, 10},
		{1000, 0},
		{4294967290U, 6},
		{4294967295U, 1},
		{1000, GUEST_IDS_MAX + 1},
		{4294967294U, 65536},
	};
	static const struct guest_ids good[] = {
		{1, 1},
		{4294967290U, 5},
		{4294967294U, 1},
		{1000, GUEST_IDS_MAX},
		{GUEST_IDS_FIRST, GUEST_IDS_COUNT},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(guest_ids_check(&bad[i], &err), -EINVAL, "%u", i);
	for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
		cr_assert_eq(guest_ids_check(&good[i], &err), 0, "%u: %s", i, err.text);
}

Test(cgroup, memory_is_the_ram_and_what_documentation_says)
{
	cr_assert_eq(cgroup_memory_for(MIB(512)), MIB(512 + 16 + 96));
	cr_assert_eq(cgroup_memory_for(GIB(64)), GIB(66) + MIB(96));
}

Test(cgroup, one_that_is_gone_is_removed)
{
	cr_assert_eq(cgroup_remove(NULL, &err), 0);
	cr_assert_eq(cgroup_remove("/sys/fs/cgroup/rastos-test-that-is-not-there", &err), 0);
}
