#include "rinit/specifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX 256 /* longer than any unit's name */

int unit_name_instance(const char *name, const char **instance)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

	if (!at || !dot || dot < at)
		return -1;
	*instance = at + 1;
	return (int)(dot - at - 1);
}

bool unit_name_template(const char *name, char *out, size_t size)
{
	const char *instance;
	int length = unit_name_instance(name, &instance);

	return length > 0 &&
	       (size_t)snprintf(out, size, "%.*s%s", (int)(instance - name), name, instance + length) < size;
}

bool unit_name_instantiate(const char *template_name, const char *instance, size_t length, char *out,
			   size_t size)
{
	const char *here;
	int old = unit_name_instance(template_name, &here);

	return old >= 0 && (size_t)snprintf(out, size, "%.*s%.*s%s", (int)(here - template_name),
					    template_name, (int)length, instance, here + old) < size;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void unit_name_unescape(const char *text, char *out)
{
	for (; *text; text++) {
		if (*text == '-') {
			*out++ = '/';
		} else if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 &&
			   hex_digit(text[3]) >= 0) {
			*out++ = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static void cut(const char *text, size_t length, char part[PART_MAX])
{
	snprintf(part, PART_MAX, "%.*s", (int)length, text);
}

/* What the unit's name says, into part; false when the letter isn't about the name. */
static bool name_part(const char *unit, char letter, char part[PART_MAX])
{
	const char *dot = strrchr(unit, '.'), *instance = "", *dash;
	size_t length = dot ? (size_t)(dot - unit) : strlen(unit);
	int instance_length = unit_name_instance(unit, &instance);
	size_t prefix = instance_length >= 0 ? (size_t)(instance - unit - 1) : length;

	if (letter == 'n')
		cut(unit, strlen(unit), part);
	else if (letter == 'N')
		cut(unit, length, part);
	else if (letter == 'p' || letter == 'P' || letter == 'j' || letter == 'J' ||
		 (letter == 'f' && instance_length <= 0))
		cut(unit, prefix, part);
	else if (letter == 'i' || letter == 'I' || letter == 'f')
		cut(instance, instance_length > 0 ? (size_t)instance_length : 0, part);
	else
		return false;
	dash = strrchr(part, '-');
	if ((letter == 'j' || letter == 'J') && dash)
		memmove(part, dash + 1, strlen(dash + 1) + 1);
	if (strchr("IPJf", letter))
		unit_name_unescape(part, part);
	if (letter == 'f' && part[0] != '/' && strlen(part) + 2 <= PART_MAX) {
		memmove(part + 1, part, strlen(part) + 1);
		part[0] = '/';
	}
	return true;
}

/* NULL: not known. */
static const char *value_of(const struct specifiers *values, char letter, char part[PART_MAX])
{
	static const struct {
		char letter;
		const char *value;
	} fixed[] = {
		{'%', "%"},    {'t', "/run"}, {'S', "/var/lib"}, {'C', "/var/cache"}, {'L', "/var/log"},
		{'E', "/etc"}, {'T', "/tmp"}, {'V', "/var/tmp"}, {'u', "root"},       {'U', "0"},
		{'g', "root"}, {'G', "0"},    {'h', "/root"},    {'s', "/bin/sh"},
	};
	const struct {
		char letter;
		const char *value;
	} machine[] = {
		{'H', values->host},
		{'v', values->kernel},
		{'m', values->machine_id},
		{'b', values->boot_id},
	};

	if (name_part(values->unit, letter, part))
		return part;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].letter == letter)
			return fixed[i].value;
	for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++)
		if (machine[i].letter == letter)
			return machine[i].value ? machine[i].value : "";
	return NULL;
}

struct output {
	char *text;
	size_t used, size;
};

static void put_char(struct output *out, char c)
{
	if (out->used + 1 < out->size)
		out->text[out->used] = c;
	out->used++;
}

static void put(struct output *out, const char *text, bool quoted)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text; text++) {
		bool escaped = quoted && strchr(" \t\\\"'$;", *text);

		put_char(out, escaped ? '\\' : *text);
		if (!escaped)
			continue;
		put_char(out, 'x');
		put_char(out, digits[*text >> 4]);
		put_char(out, digits[*text & 15]);
	}
}

int specifiers_expand(const struct specifiers *values, const char *text, bool quoted, char *out, size_t size,
		      char *unknown)
{
	struct output output = {.text = out, .size = size};
	char part[PART_MAX];

	*unknown = '\0';
	for (; *text; text++) {
		const char *value = NULL;

		if (*text == '%' && text[1])
			value = value_of(values, text[1], part);
		if (value)
			put(&output, value, quoted && text[1] != '%');
		else
			put(&output, (char[]){*text, '\0'}, false);
		if (*text == '%' && text[1] && !value)
			*unknown = text[1];
		text += value != NULL;
	}
	if (output.used >= size)
		return -E2BIG;
	out[output.used] = '\0';
	return 0;
}
