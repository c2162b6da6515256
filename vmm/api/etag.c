#include "vmm/api/etag.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

/* FNV-1a. Whoever may change a definition need not forge its version: no cryptographic hash is needed. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return value;
}

bool etag_of(const cJSON *json, const char *form, char etag[ETAG_MAX])
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);

	if (text)
		snprintf(etag, ETAG_MAX, "\"%016llx%s\"", (unsigned long long)hash(text), form);
	return text != NULL;
}

bool etag_listed(const char *list, const char *etag, bool weak)
{
	size_t len = strlen(etag);

	list += strspn(list, " \t");
	if (*list == '*')
		return true;
	while (*list) {
		bool is_weak = strncmp(list, "W/", 2) == 0;
		const char *tag = is_weak ? list + 2 : list;
		const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;

		if (!end)
			return false;
		if ((weak || !is_weak) && (size_t)(end + 1 - tag) == len && memcmp(tag, etag, len) == 0)
			return true;
		list = end + 1;
		list += strspn(list, " \t,");
	}
	return false;
}

/* Behind an entity tag (RFC 9110, 8.8.3), or NULL: there is none. */
static const char *skip_tag(const char *text)
{
	if (strncmp(text, "W/", 2) == 0)
		text += 2;
	if (*text++ != '"')
		return NULL;
	while (*text && *text != '"' && (unsigned char)*text > ' ' && *text != '\x7f')
		text++;
	return *text == '"' ? text + 1 : NULL;
}

/* Empty places in a list count as none (RFC 9110, 5.6.1.2). */
bool etag_list_valid(const char *list)
{
	unsigned tags = 0;

	list += strspn(list, " \t");
	if (*list == '*')
		return list[1 + strspn(list + 1, " \t")] == '\0';
	for (;;) {
		list += strspn(list, " \t,");
		if (!*list)
			return tags > 0;
		list = skip_tag(list);
		if (!list)
			return false;
		tags++;
		list += strspn(list, " \t");
		if (*list && *list != ',')
			return false;
	}
}
