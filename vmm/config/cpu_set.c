#include "vmm/config/cpu_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

#define BITS   64
#define BLANKS " \t\n"

void cpu_set_add(struct cpu_set *set, unsigned number)
{
	set->words[number / BITS] |= 1ULL << number % BITS;
}

void cpu_set_remove(struct cpu_set *set, unsigned number)
{
	set->words[number / BITS] &= ~(1ULL << number % BITS);
}

bool cpu_set_has(const struct cpu_set *set, unsigned number)
{
	return number < CPU_SET_MAX && set->words[number / BITS] >> number % BITS & 1;
}

unsigned cpu_set_count(const struct cpu_set *set)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(set->words); i++)
		count += (unsigned)__builtin_popcountll(set->words[i]);
	return count;
}

bool cpu_set_empty(const struct cpu_set *set)
{
	return cpu_set_next(set, 0) == CPU_SET_MAX;
}

bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b)
{
	return memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

bool cpu_set_within(const struct cpu_set *inner, const struct cpu_set *outer)
{
	struct cpu_set outside = cpu_set_minus(inner, outer);

	return cpu_set_empty(&outside);
}

struct cpu_set cpu_set_and(const struct cpu_set *a, const struct cpu_set *b)
{
	struct cpu_set both;

	for (unsigned i = 0; i < ARRAY_SIZE(both.words); i++)
		both.words[i] = a->words[i] & b->words[i];
	return both;
}

struct cpu_set cpu_set_or(const struct cpu_set *a, const struct cpu_set *b)
{
	struct cpu_set any;

	for (unsigned i = 0; i < ARRAY_SIZE(any.words); i++)
		any.words[i] = a->words[i] | b->words[i];
	return any;
}

struct cpu_set cpu_set_minus(const struct cpu_set *a, const struct cpu_set *b)
{
	struct cpu_set rest;

	for (unsigned i = 0; i < ARRAY_SIZE(rest.words); i++)
		rest.words[i] = a->words[i] & ~b->words[i];
	return rest;
}

unsigned cpu_set_next(const struct cpu_set *set, unsigned from)
{
	for (unsigned i = from / BITS; i < ARRAY_SIZE(set->words); i++) {
		uint64_t word = set->words[i];

		if (i == from / BITS)
			word &= ~0ULL << from % BITS;
		if (word)
			return i * BITS + (unsigned)__builtin_ctzll(word);
	}
	return CPU_SET_MAX;
}

/* Digits at *text, which moves behind them; no blank, no sign. */
static int parse_number(const char **text, unsigned *number)
{
	unsigned value = 0;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		value = value * 10 + (unsigned)(**text - '0');
		if (value >= CPU_SET_MAX)
			return -ERANGE;
	}
	*number = value;
	return 0;
}

/* "3", "3-5" or "^3". */
static int parse_element(const char **text, struct cpu_set *set)
{
	bool leave_out = **text == '^';
	unsigned first, last;
	int code;

	*text += leave_out;
	code = parse_number(text, &first);
	last = first;
	if (code == 0 && !leave_out && **text == '-') {
		(*text)++;
		code = parse_number(text, &last);
	}
	if (code < 0)
		return code;
	if (last < first)
		return -ERANGE;
	for (unsigned number = first; number <= last; number++) {
		if (leave_out)
			cpu_set_remove(set, number);
		else
			cpu_set_add(set, number);
	}
	return 0;
}

int cpu_set_parse(const char *text, struct cpu_set *set)
{
	struct cpu_set parsed = {0};
	bool more;
	int code;

	text += strspn(text, BLANKS);
	for (more = *text != '\0'; more; text += more) {
		code = parse_element(&text, &parsed);
		if (code < 0)
			return code;
		more = *text == ',';
	}
	if (text[strspn(text, BLANKS)])
		return -EINVAL;
	*set = parsed;
	return 0;
}

const char *cpu_set_format(const struct cpu_set *set, char text[CPU_SET_TEXT_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned first = cpu_set_next(set, 0); first < CPU_SET_MAX;) {
		unsigned last = first;

		while (cpu_set_has(set, last + 1))
			last++;
		used += (size_t)snprintf(text + used, CPU_SET_TEXT_MAX - used, "%s%u", used ? "," : "",
					 first);
		if (last > first)
			used += (size_t)snprintf(text + used, CPU_SET_TEXT_MAX - used, "-%u", last);
		first = cpu_set_next(set, last + 1);
	}
	return text;
}
