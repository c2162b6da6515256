/*
 * What libxml2's RELAX NG validator makes or looks up for each value, kept. It compiles a datatype's pattern
 * (XML Schema, part 2, 4.3.4) each time that it meets a value of that type and throws it away at once, and
 * looks each type up in a table by a name of 50 characters: together that is half of what a document with a
 * thousand devices costs. The linker hands us these calls (--wrap, ld(1)): what was made or found before is
 * given out again, and kept when it is to be freed.
 *
 * Patterns and types are the schema's, never the document's: what is kept is bounded by libvirt's files, and
 * by the numbers below; what is beyond them is made anew as before. It is kept until the process ends. One
 * thread.
 */
#pragma once

#include <libxml/schemasInternals.h>
#include <libxml/xmlregexp.h>

#define PATTERNS_MAX 512 /* libvirt 9.0 has 110 */
#define TYPES_MAX    64  /* XML Schema, part 2, has 46 */

/* What libxml2 calls in place of its own, by the linker's name for that. */
xmlRegexp *__wrap_xmlRegexpCompile(const xmlChar *pattern);
void __wrap_xmlRegFreeRegexp(xmlRegexp *compiled);
xmlSchemaType *__wrap_xmlSchemaGetPredefinedType(const xmlChar *name, const xmlChar *ns);
