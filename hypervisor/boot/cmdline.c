#include "hypervisor/boot/cmdline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

void cmdline_init(struct cmdline *cmdline)
{
	cmdline->length = 0;
	cmdline->text[0] = '\0';
}

/* What Linux's isspace takes for a blank between parameters. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where the word "--" starts, or the end of the text. */
static size_t find_init_arguments(const char *text)
{
	bool quoted = false;
	bool word_start = true;
	size_t i;

	for (i = 0; text[i]; i++) {
		bool ends = text[i] == '-' && text[i + 1] == '-' && (!text[i + 2] || is_blank(text[i + 2]));

		if (word_start && ends)
			return i;
		if (text[i] == '"')
			quoted = !quoted;
		word_start = !quoted && is_blank(text[i]);
	}
	return i;
}

int cmdline_append(struct cmdline *cmdline, const char *parameters, struct error *err)
{
	size_t added = parameters ? strlen(parameters) : 0;
	size_t at = find_init_arguments(cmdline->text);
	size_t rest = cmdline->length - at;
	bool blank_before = at && !is_blank(cmdline->text[at - 1]);
	size_t blanks = (size_t)blank_before + (rest ? 1 : 0);
	char *into = cmdline->text + at;

	if (added == 0)
		return 0;
	if (added >= CMDLINE_CAPACITY || cmdline->length + added + blanks >= CMDLINE_CAPACITY)
		return error_set(err, -E2BIG, "command line: %zu bytes do not fit after %zu, %d are allowed",
				 added, cmdline->length, CMDLINE_CAPACITY - 1);
	memmove(into + added + blanks, into, rest + 1);
	if (blank_before)
		*into++ = ' ';
	memcpy(into, parameters, added); /* what stands behind it was moved, its NUL with it */
	if (rest)
		into[added] = ' ';
	cmdline->length += added + blanks;
	return 0;
}

int cmdline_load(const struct guest_memory *memory, const char *kernel, const char *text, size_t max,
		 struct error *err)
{
	size_t length = strlen(text);

	max = MIN(max, (size_t)LAYOUT_CMDLINE_MAX - 1);
	if (length > max)
		return error_set(err, -E2BIG,
				 "kernel %s: the command line has %zu bytes, this kernel takes at most %zu; "
				 "shorten it",
				 kernel, length, max);
	if (guest_memory_write(memory, LAYOUT_CMDLINE, text, length + 1))
		return error_set(err, -ENOMEM, "kernel %s: guest memory is too small for the command line",
				 kernel);
	return 0;
}
