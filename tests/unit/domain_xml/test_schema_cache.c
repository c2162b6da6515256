/* What libxml2 makes or looks up for each value: it is the same, and made once. */
#include <criterion/criterion.h>
#include <libxml/xmlregexp.h>
#include <libxml/xmlschemastypes.h>
#include <stdio.h>

#include "vmm/domain_xml/schema_cache.h"

#define SCHEMA_TYPES "http://www.w3.org/2001/XMLSchema"

static xmlRegexp *compile(const char *pattern)
{
	return xmlRegexpCompile((const xmlChar *)pattern);
}

Test(domain_xml_schema_cache, a_pattern_is_compiled_once)
{
	xmlRegexp *hex = compile("(0x)?[0-9a-f]+");
	xmlRegexp *other = compile("(0x)?[0-9a-g]+");

	cr_assert_not_null(hex);
	cr_assert_neq(hex, other);
	xmlRegFreeRegexp(hex);
	cr_assert_eq(compile("(0x)?[0-9a-f]+"), hex);
	cr_assert_eq(xmlRegexpExec(hex, (const xmlChar *)"0x1f"), 1);
	cr_assert_eq(xmlRegexpExec(hex, (const xmlChar *)"0x1g"), 0);
	cr_assert_eq(xmlRegexpExec(other, (const xmlChar *)"0x1g"), 1);
}

Test(domain_xml_schema_cache, a_pattern_that_is_none_stays_none)
{
	cr_assert_null(compile("[0-9"));
	cr_assert_null(compile("[0-9"));
	cr_assert_null(xmlRegexpCompile(NULL));
	xmlRegFreeRegexp(NULL);
}

Test(domain_xml_schema_cache, patterns_beyond_the_number_are_made_anew)
{
	char pattern[32];

	for (unsigned i = 0; i < 2 * PATTERNS_MAX; i++) {
		xmlRegexp *compiled;

		snprintf(pattern, sizeof(pattern), "a{%u}b", i + 1);
		compiled = compile(pattern);
		cr_assert_not_null(compiled);
		xmlRegFreeRegexp(compiled);
	}
	cr_assert_eq(xmlRegexpExec(compile("a{3}b"), (const xmlChar *)"aaab"), 1);
	cr_assert_eq(xmlRegexpExec(compile("a{1000}b"), (const xmlChar *)"aaab"), 0);
}

Test(domain_xml_schema_cache, types_are_those_of_their_namespace)
{
	xmlSchemaType *type =
		xmlSchemaGetPredefinedType((const xmlChar *)"unsignedInt", (const xmlChar *)SCHEMA_TYPES);

	cr_assert_not_null(type);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(xmlSchemaGetPredefinedType((const xmlChar *)"unsignedInt",
							(const xmlChar *)SCHEMA_TYPES),
			     type);
		cr_assert_neq(xmlSchemaGetPredefinedType((const xmlChar *)"unsignedLong",
							 (const xmlChar *)SCHEMA_TYPES),
			      type);
		cr_assert_null(xmlSchemaGetPredefinedType((const xmlChar *)"unsignedInt",
							  (const xmlChar *)"urn:other"));
		cr_assert_null(
			xmlSchemaGetPredefinedType((const xmlChar *)"lunch", (const xmlChar *)SCHEMA_TYPES));
		cr_assert_null(xmlSchemaGetPredefinedType(NULL, (const xmlChar *)SCHEMA_TYPES));
	}
}
