/* The division of a host: a table of hosts, divisions and guests, and what holds for every plan. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rows.h"
#include "table.h"

Test(plan, table)
{
	unsigned wrong = 0;

	cr_assert_geq(ARRAY_SIZE(rows), 80);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct row_input *input = row_read(row->host, row->division, row->guests);
		char text[ROW_TEXT_MAX];
		bool right;

		row_plan(input, text);
		right = *row->plan == '!' ? strncmp(text, row->plan, strlen(row->plan)) == 0
					  : strcmp(text, row->plan) == 0;
		if (!right)
			fprintf(stderr, "{\"%s\", \"%s\", \"%s\"}\n  wanted %s\n  got    %s\n", row->host,
				row->division, row->guests, row->plan, text);
		wrong += !right;
		free(input);
	}
	cr_assert_eq(wrong, 0, "%u rows are wrong", wrong);
}

/* --- What holds for every plan --- */

static void check_guest(const struct row_input *row, const struct plan *plan, unsigned i)
{
	const struct plan_guest *guest = &plan->guests[i];
	struct cpu_set usable = cpu_set_minus(&row->host.cpus, &plan->reserve_cpus);
	struct cpu_set pinned = {0};

	cr_assert_geq(guest->vcpus, 1);
	cr_assert_geq(guest->memory_mib, WANTS_MEMORY_MIN);
	cr_assert(cpu_set_within(&guest->placement.cpus, &usable));
	cr_assert_not(cpu_set_empty(&guest->placement.cpus));
	cr_assert(cpu_set_within(&guest->placement.nodes, &row->host.nodes));
	cr_assert_eq(guest->placement.pin_count, guest->exclusive ? guest->vcpus : 0);
	for (unsigned pin = 0; pin < guest->placement.pin_count; pin++) {
		cr_assert(cpu_set_has(&guest->placement.cpus, guest->placement.pins[pin]));
		cr_assert_not(cpu_set_has(&pinned, guest->placement.pins[pin]), "two vCPUs on a CPU");
		cpu_set_add(&pinned, guest->placement.pins[pin]);
	}
	if (!guest->exclusive)
		return;
	CPU_SET_FOREACH(cpu, &guest->placement.cpus)
	{
		struct cpu_set core = inventory_core(&row->host, cpu);

		cr_assert(cpu_set_within(&core, &guest->placement.cpus), "not a whole core");
	}
	for (unsigned j = 0; j < plan->count; j++) {
		struct cpu_set both = cpu_set_and(&guest->placement.cpus, &plan->guests[j].placement.cpus);

		cr_assert(i == j || cpu_set_empty(&both), "%s is not alone", guest->name);
	}
}

static void check_sums(const struct row_input *row, const struct plan *plan)
{
	uint64_t memory = 0, pools = 0, vcpus = 0;
	uint64_t ordinary = plan->memory_mib - plan->pool_mib - plan->reserve_mib;
	unsigned shared = cpu_set_count(&plan->shared_cpus);

	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_guest *guest = &plan->guests[i];

		memory += guest->placement.pages == PAGES_NORMAL ? plan_guest_memory(guest) : 0;
		pools += guest->placement.pages == PAGES_NORMAL ? 0 : guest->memory_mib;
		vcpus += guest->exclusive ? 0 : guest->vcpus;
	}
	cr_assert_leq(memory, ordinary * row->policy.overcommit_memory / 100);
	cr_assert_leq(pools, plan->pool_mib);
	cr_assert_leq(vcpus, (uint64_t)shared * row->policy.overcommit_cpus / 100);
	cr_assert_eq(plan->left_mib, memory < ordinary ? ordinary - memory : 0);
	cr_assert_eq(plan->left_cpus, vcpus < shared ? shared - vcpus : 0);
}

/* A plan, or a sentence that names a guest or a setting; the same again for the same input. Whether there is
 * one. */
static bool check_row(const struct row_input *row)
{
	struct error err = {0};
	struct plan plan;
	char first[ROW_TEXT_MAX], second[ROW_TEXT_MAX];

	cr_assert_str_eq(row_plan(row, first), row_plan(row, second));
	if (plan_make(&row->input, &plan, &err) < 0) {
		cr_assert(strncmp(err.text, "guest ", 6) == 0 || strncmp(err.text, "reserve.", 8) == 0, "%s",
			  err.text);
		cr_assert_lt(strlen(err.text), sizeof(err.text) - 1, "cut off: %s", err.text);
		return false;
	}
	for (unsigned i = 0; i < plan.count; i++)
		check_guest(row, &plan, i);
	check_sums(row, &plan);
	plan_free(&plan);
	return true;
}

Test(plan, promises_hold_for_the_table)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct row_input *row = row_read(rows[i].host, rows[i].division, rows[i].guests);

		check_row(row);
		free(row);
	}
}

static unsigned random_state = 1;

static unsigned any(unsigned count)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 16) % count;
}

static void random_guest(char *text, size_t size, unsigned index)
{
	static const char *const attributes[] = {"",    "",        "",      "",    "/x",  "/x",
						 "/p1", "/p0-1/x", "/p2-3", "/n0", "/n1", "/2M"};
	static const char letters[] = "SDDabc";
	char letter = letters[index ? 1 + any(5) : any(6)];

	snprintf(text, size, "%c%u=%u,%u%s ", letter, index, any(3) ? any(5) : 0, any(3) ? 16 * any(40) : 0,
		 attributes[any(ARRAY_SIZE(attributes))]);
}

Test(plan, promises_hold_for_any_input)
{
	static const char *const hosts[] = {"1x1 1024", "2x1 2048", "4x2 8192 2M=512", "4x1*2 8192",
					    "8x2*2 16384 2M=1024"};
	static const char *const divisions[] = {"server", "desktop", "server over=3.0,1.5",
						"desktop over=8.0,2.0", "server reserve=1,128"};
	unsigned plans = 0, refusals = 0;

	for (unsigned round = 0; round < 4000; round++) {
		char guests[1024] = "";
		struct row_input *row;
		unsigned count = any(8);

		for (unsigned i = 0; i < count; i++)
			random_guest(guests + strlen(guests), sizeof(guests) - strlen(guests), i);
		row = row_read(hosts[any(ARRAY_SIZE(hosts))], divisions[any(ARRAY_SIZE(divisions))], guests);
		*(check_row(row) ? &plans : &refusals) += 1;
		free(row);
	}
	cr_assert_gt(plans, 400);
	cr_assert_gt(refusals, 400);
}

Test(plan, most_guests_of_the_largest_host)
{
	struct row_input *row = row_read("512x2 1048576", "server", "S D1 a=4,64 b=255,1024/x");
	struct plan plan;
	struct error err = {0};

	cr_assert_eq(plan_make(&row->input, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(plan_find(&plan, "S")->vcpus, WANTS_VCPUS_MAX);
	cr_assert_null(plan_find(&plan, "D1"));
	plan_free(&plan);
	free(row);
}

/* A thread's own CPUs are the guest's, or it is refused with both. */
Test(plan, pins_of_threads_are_within_the_guests_cpus)
{
	static struct cpu_set pins[WANTS_VCPUS_MAX];
	struct row_input *input = row_read("4x1 4096", "server", "web=2,512/p0-1");
	char text[ROW_TEXT_MAX];

	input->guest_wants[0].vcpu_pins = pins;
	cpu_set_add(&pins[1], 1);
	cpu_set_add(&input->guest_wants[0].emulator_pin, 0);
	cr_assert_str_eq(row_plan(input, text), "web 2@0-1 512 | left 2 3072");
	cpu_set_add(&pins[1], 2);
	cr_assert_str_eq(row_plan(input, text),
			 "! guest web: cpus.vcpupin.1: 1-2 is not within the CPUs that it runs on, 0-1");
	cpu_set_remove(&pins[1], 2);
	cpu_set_add(&input->guest_wants[0].emulator_pin, 3);
	cr_assert_str_eq(row_plan(input, text),
			 "! guest web: cpus.emulatorpin: 0,3 is not within the CPUs that it runs on, 0-1");
	free(input);
}

/* On a host of several nodes the plan keeps a guest on one, but for one that says where its threads are. */
Test(plan, who_pins_threads_is_not_kept_on_a_node)
{
	static struct cpu_set pins[WANTS_VCPUS_MAX];
	struct row_input *input = row_read("2x1*2 4096", "server", "web=2,512");
	char text[ROW_TEXT_MAX];

	cr_assert_str_eq(row_plan(input, text), "web 2@0-1 512 n0 | left 2 3072");
	input->guest_wants[0].vcpu_pins = pins;
	cpu_set_add(&pins[0], 3);
	cr_assert_str_eq(row_plan(input, text), "web 2@0-3 512 | left 2 3072");
	free(input);
}

/* Of vCPUs that come and go those count that are there. */
Test(plan, vcpus_that_are_not_there_do_not_count)
{
	struct row_input *input = row_read("4x1 4096", "server", "S web=8,512");
	char text[ROW_TEXT_MAX];

	cr_assert_eq(strncmp(row_plan(input, text), "! guest", 7), 0);
	input->guest_wants[1].current_vcpus = 1;
	cr_assert_str_eq(row_plan(input, text), "S 3@0-3 3072 | web 1@0-3 512 | left 0 0");
	free(input);
}
