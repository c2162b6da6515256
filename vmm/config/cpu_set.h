/*
 * A set of small numbers: host CPUs, or NUMA nodes, in the list format of the kernel and of libvirt's cpuset
 * attributes: "0-3,8,10-11". A definition may also leave single numbers out, "0-7,^3", as libvirt allows
 * (format domain, "cpuset").
 *
 * Sets are values: copied by assignment, {0} is the empty one, comparable with cpu_set_equal. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_SET_MAX      1024 /* numbers are below; as cpu_set_t of sched_setaffinity(2) */
#define CPU_SET_TEXT_MAX 4096 /* bytes that hold every set as text */

struct cpu_set {
	uint64_t words[CPU_SET_MAX / 64];
};

/* Blanks and one newline at the end are allowed, an empty list too. -EINVAL: no such list, -ERANGE: a number
 * from CPU_SET_MAX on, or a range that runs backwards; *set is then unchanged. */
int cpu_set_parse(const char *text, struct cpu_set *set);
/* In ascending order, ranges joined; "" for the empty set. Returns text. */
const char *cpu_set_format(const struct cpu_set *set, char text[CPU_SET_TEXT_MAX]);

void cpu_set_add(struct cpu_set *set, unsigned number);
void cpu_set_remove(struct cpu_set *set, unsigned number);
bool cpu_set_has(const struct cpu_set *set, unsigned number);
unsigned cpu_set_count(const struct cpu_set *set);
bool cpu_set_empty(const struct cpu_set *set);
bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b);
bool cpu_set_within(const struct cpu_set *inner, const struct cpu_set *outer);
struct cpu_set cpu_set_and(const struct cpu_set *a, const struct cpu_set *b);
struct cpu_set cpu_set_or(const struct cpu_set *a, const struct cpu_set *b);
struct cpu_set cpu_set_minus(const struct cpu_set *a, const struct cpu_set *b);
/* The smallest number from `from` on, or CPU_SET_MAX. */
unsigned cpu_set_next(const struct cpu_set *set, unsigned from);

#define CPU_SET_FOREACH(number, set)                                                                         \
	for (unsigned number = cpu_set_next(set, 0); number < CPU_SET_MAX;                                   \
	     number = cpu_set_next(set, number + 1))
