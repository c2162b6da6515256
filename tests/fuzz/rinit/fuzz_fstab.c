/* /etc/fstab, and a value of the kernel's parameter that adds to it: any bytes; every entry's options too, and its unit's name. What can be written into a unit file
 * is read from there as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/fstab.h"
#include "rinit/generate.h"
#include "rinit/ini.h"
#include "rinit/mount_options.h"
#include "rinit/path_escape.h"

static void on_value(void *context, const char *value)
{
	(void)context;
	(void)value;
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	(void)context;
	(void)line;
	(void)why;
}

/* A % is doubled, a word is quoted. */
static void on_value_again(void *context, const struct ini_entry *entry)
{
	const char *value = context, *text = entry->value;
	char word[2 * FSTAB_LINE_MAX];

	if (!strcmp(entry->key, "Word") && (word_split(&text, word, sizeof(word)) != 1 || *text))
		abort();
	if (!strcmp(entry->key, "Word"))
		text = word;
	for (; *value; value++, text++)
		if (*text != *value || (*value == '%' && *++text != '%'))
			abort();
	if (*text)
		abort();
}

static void round_trip(const char *value)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return;
	if (key_write(stream, "Key", value) != key_write_word(stream, "Word", value))
		abort();
	fclose(stream);
	ini_parse(text, length,
		  &(struct ini_reader){.context = (void *)value, .entry = on_value_again, .fault = on_fault});
	free(text);
}

static void on_entry(void *context, const struct fstab_entry *entry)
{
	static struct mount_options options;
	char name[64];

	path_to_unit_name(entry->where, ".mount", name, sizeof(name));
	mount_options_parse(&options, entry->options, entry->type, context, on_value);
	fstab_option_each(entry->options, "x-systemd.after", context, on_value);
	round_trip(entry->what);
	round_trip(entry->options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fstab_reader reader = {.entry = on_entry, .fault = on_fault};
	char *value = strndup((const char *)data, size);

	fstab_parse((const char *)data, size, &reader);
	if (value)
		fstab_parse_parameter(value, &reader);
	free(value);
	return 0;
}
