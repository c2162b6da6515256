#include "vmm/api/negotiate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define QUALITY_MAX 1000

bool media_type_is(const char *value, const char *type)
{
	size_t len = strlen(type);

	return strncasecmp(value, type, len) == 0 && strchr(" \t;", value[len]) != NULL;
}

/* How exactly a range of len bytes names the type: 3 in full, 2 as application/ *, 1 as * / *, 0 not. */
static unsigned range_fits(const char *range, size_t len, const char *type)
{
	size_t family = strcspn(type, "/") + 1;

	if (len == strlen(type) && strncasecmp(range, type, len) == 0)
		return 3;
	if (len == family + 1 && range[family] == '*' && strncasecmp(range, type, family) == 0)
		return 2;
	return len == 3 && memcmp(range, "*/*", 3) == 0;
}

/* Thousandths: "0.5" is 500; what is no quality is none. */
static unsigned parse_quality(const char *text)
{
	unsigned value = 0;

	if (*text == '1')
		return QUALITY_MAX;
	if (strncmp(text, "0.", 2) != 0)
		return 0;
	text += 2;
	for (unsigned place = 100; place > 0 && isdigit((unsigned char)*text); place /= 10)
		value += place * (unsigned)(*text++ - '0');
	return value;
}

/* The quality in the parameters that follow a range: ";q=0.5". */
static unsigned quality_of(const char *parameters, const char *end)
{
	while (parameters < end && *parameters == ';') {
		parameters++;
		parameters += strspn(parameters, " \t");
		if (strncasecmp(parameters, "q=", 2) == 0)
			return parse_quality(parameters + 2);
		parameters += strcspn(parameters, ";,");
	}
	return QUALITY_MAX;
}

/* The most exact range counts, not the best. */
static unsigned quality_for(const char *accept, const char *type)
{
	unsigned exactness = 0;
	unsigned quality = 0;

	while (*accept) {
		const char *range = accept + strspn(accept, " \t,");
		const char *end = range + strcspn(range, ",");
		size_t len = strcspn(range, " \t;,");
		unsigned fits = range_fits(range, len, type);

		if (fits > exactness) {
			exactness = fits;
			quality = quality_of(range + len + strspn(range + len, " \t"), end);
		}
		accept = end;
	}
	return quality;
}

int negotiate(const char *accept, const char *const *types)
{
	unsigned best_quality = 0;
	int best = -1;

	if (!accept || !accept[strspn(accept, " \t")])
		return 0;
	for (int i = 0; types[i]; i++) {
		unsigned quality = quality_for(accept, types[i]);

		if (quality > best_quality) {
			best_quality = quality;
			best = i;
		}
	}
	return best;
}
