/*
 * %specifiers in the values of unit files (systemd.unit(5), "Specifiers"). Pure: what the machine is called
 * comes with the question. rinit runs the system, so %u is root, %t is /run and so on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct specifiers {
	const char *unit;          /* its full name: a.service, a@b.service */
	const char *host, *kernel; /* NULL: not known, expands to nothing */
	const char *machine_id, *boot_id;
};

/*
 * Copies text to out with the specifiers expanded; quoted: so that word_split makes one word of each
 * expansion, whatever it holds. A specifier that is not known is copied as it is and its letter put in
 * *unknown (else 0); a % at the end stands for itself. 0, or -E2BIG when out is too small.
 */
int specifiers_expand(const struct specifiers *values, const char *text, bool quoted, char *out, size_t size,
		      char *unknown);

/* systemd-escape(1) backwards: - is /, \xHH is that byte. out has room for strlen(text) + 1. */
void unit_name_unescape(const char *text, char *out);

/* Of a@b.service: where the instance "b" is. Returns its length, -1 when the name has no @. */
int unit_name_instance(const char *name, const char **instance);
/* a@b.service -> a@.service; false when it isn't an instance or does not fit. */
bool unit_name_template(const char *name, char *out, size_t size);
/* a@.service and b -> a@b.service; false when it does not fit. */
bool unit_name_instantiate(const char *template_name, const char *instance, size_t length, char *out,
			   size_t size);
