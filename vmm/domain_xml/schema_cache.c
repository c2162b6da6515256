#include "vmm/domain_xml/schema_cache.h"

#include <stdint.h>
#include <string.h>

/* Libxml2's own. */
xmlRegexp *__real_xmlRegexpCompile(const xmlChar *pattern);
void __real_xmlRegFreeRegexp(xmlRegexp *compiled);
xmlSchemaType *__real_xmlSchemaGetPredefinedType(const xmlChar *name, const xmlChar *ns);

struct kept_pattern {
	uint32_t hash;
	xmlChar *pattern;
	xmlRegexp *compiled;
};

/* Libxml2 calls with nothing of ours in its hands. */
static struct kept_pattern kept[PATTERNS_MAX];
static unsigned kept_count;
static xmlSchemaType *types[TYPES_MAX];
static unsigned type_count;

/* --- Patterns --- */

/* FNV-1a. */
static uint32_t hash_of(const xmlChar *pattern)
{
	uint32_t hash = 2166136261U;

	while (*pattern)
		hash = (hash ^ *pattern++) * 16777619U;
	return hash;
}

static void keep(uint32_t hash, const xmlChar *pattern, xmlRegexp *compiled)
{
	xmlChar *copy = kept_count < PATTERNS_MAX ? xmlStrdup(pattern) : NULL;

	if (copy)
		kept[kept_count++] =
			(struct kept_pattern){.hash = hash, .pattern = copy, .compiled = compiled};
}

xmlRegexp *__wrap_xmlRegexpCompile(const xmlChar *pattern)
{
	xmlRegexp *compiled;
	uint32_t hash;

	if (!pattern)
		return NULL;
	hash = hash_of(pattern);
	for (unsigned i = 0; i < kept_count; i++) {
		if (kept[i].hash == hash && xmlStrcmp(kept[i].pattern, pattern) == 0)
			return kept[i].compiled;
	}
	compiled = __real_xmlRegexpCompile(pattern);
	if (compiled)
		keep(hash, pattern, compiled);
	return compiled;
}

void __wrap_xmlRegFreeRegexp(xmlRegexp *compiled)
{
	for (unsigned i = 0; i < kept_count; i++) {
		if (kept[i].compiled == compiled)
			return;
	}
	__real_xmlRegFreeRegexp(compiled);
}

/* --- Types --- */

/* They live as long as libxml2 does. */
xmlSchemaType *__wrap_xmlSchemaGetPredefinedType(const xmlChar *name, const xmlChar *ns)
{
	xmlSchemaType *type;

	for (unsigned i = 0; name && ns && i < type_count; i++) {
		if (strcmp((const char *)types[i]->name, (const char *)name) == 0 &&
		    strcmp((const char *)types[i]->targetNamespace, (const char *)ns) == 0)
			return types[i];
	}
	type = __real_xmlSchemaGetPredefinedType(name, ns);
	if (type && type->name && type->targetNamespace && type_count < TYPES_MAX)
		types[type_count++] = type;
	return type;
}
