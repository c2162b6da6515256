#include "vmm/domain_xml/document.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/domain_xml/xml.h"

/* What stopped the parser, besides its own errors. */
enum stop {
	STOP_NOT,
	STOP_DTD,
	STOP_DEPTH,
	STOP_NODES,
};

struct parsing {
	enum stop stop;
	unsigned depth;
	unsigned nodes;
	int line;
};

static void stop(void *context, enum stop why)
{
	xmlParserCtxt *parser = context;
	struct parsing *parsing = parser->_private;

	if (parsing->stop != STOP_NOT)
		return;
	parsing->stop = why;
	parsing->line = xmlSAX2GetLineNumber(parser);
	xmlStopParser(parser);
}

/* A document type declaration, before anything in it is read: the only way to entities. */
static void see_dtd(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name;
	(void)external;
	(void)system;
	stop(context, STOP_DTD);
}

static void start_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
			  int namespace_count, const xmlChar **namespaces, int attribute_count,
			  int defaulted_count, const xmlChar **attributes)
{
	struct parsing *parsing = ((xmlParserCtxt *)context)->_private;

	parsing->nodes += 1 + (unsigned)attribute_count + (unsigned)namespace_count;
	if (++parsing->depth > DOCUMENT_DEPTH_MAX)
		stop(context, STOP_DEPTH);
	else if (parsing->nodes > DOCUMENT_NODES_MAX)
		stop(context, STOP_NODES);
	else
		xmlSAX2StartElementNs(context, name, prefix, uri, namespace_count, namespaces,
				      attribute_count, defaulted_count, attributes);
}

static void end_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct parsing *parsing = ((xmlParserCtxt *)context)->_private;

	parsing->depth--;
	if (parsing->stop == STOP_NOT)
		xmlSAX2EndElementNs(context, name, prefix, uri);
}

/* Errors are asked for when it has ended. */
static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

static int why_stopped(const struct parsing *parsing, struct refusal *refusal)
{
	if (parsing->stop == STOP_DTD)
		return refuse(refusal, -EINVAL, NULL,
			      "line %d: has a document type declaration (<!DOCTYPE): domain XML needs none",
			      parsing->line);
	if (parsing->stop == STOP_DEPTH)
		return refuse(refusal, -EINVAL, NULL, "line %d: more than %d elements are in each other",
			      parsing->line, DOCUMENT_DEPTH_MAX);
	return refuse(refusal, -E2BIG, NULL, "line %d: there are more than %d elements and attributes",
		      parsing->line, DOCUMENT_NODES_MAX);
}

static int why_not_xml(const xmlError *error, struct refusal *refusal)
{
	const char *message = error && error->message ? error->message : "it is empty";

	if (error && error->code == XML_ERR_NO_MEMORY)
		return refuse(refusal, -ENOMEM, NULL, "out of memory");
	return refuse(refusal, -EINVAL, NULL, "line %d: is not well-formed XML: %.*s",
		      error ? error->line : 1, (int)strcspn(message, "\n"), message);
}

static void set_up(xmlParserCtxt *parser, struct parsing *parsing)
{
	parser->_private = parsing;
	parser->sax->internalSubset = see_dtd;
	parser->sax->startElementNs = start_element;
	parser->sax->endElementNs = end_element;
	parser->sax->error = say_nothing;
	parser->sax->warning = say_nothing;
	parser->sax->fatalError = say_nothing;
}

/* What the XML declaration says (XML 1.0, 4.3.3), as far as it may be said. */
static int check_encoding(const char *bytes, size_t size, struct refusal *refusal)
{
	static const char *const allowed[] = {"UTF-8", "UTF8", "US-ASCII", "ASCII"};
	const char *end = size > 5 && memcmp(bytes, "<?xml", 5) == 0 ? memmem(bytes, size, "?>", 2) : NULL;
	const char *encoding = end ? memmem(bytes, (size_t)(end - bytes), "encoding", 8) : NULL;
	const char *quote = encoding;
	size_t len = 0;

	while (quote && quote < end && *quote != '\'' && *quote != '"')
		quote++;
	while (quote && quote + 1 + len < end && quote[1 + len] != *quote)
		len++;
	if (memchr(bytes, 0, size))
		return refuse(refusal, -EINVAL, NULL, "is not text in UTF-8: it has bytes of value 0");
	if (!len)
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (strlen(allowed[i]) == len && strncasecmp(allowed[i], quote + 1, len) == 0)
			return 0;
	}
	return refuse(refusal, -EINVAL, NULL, "line 1: must be in UTF-8, not %.*s",
		      (int)(len > 40 ? 40 : len), quote + 1);
}

/* What begins at `at` and is no tag is left behind: a comment, a section, an instruction. NULL: it is a tag.
 */
static const char *skip_other(const char *at, const char *end)
{
	static const char *const others[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		size_t len = strlen(others[i][0]);
		const char *close;

		if ((size_t)(end - at) < len || memcmp(at, others[i][0], len) != 0)
			continue;
		close = memmem(at, (size_t)(end - at), others[i][1], strlen(others[i][1]));
		return close ? close : end;
	}
	return NULL;
}

/* The end of the tag at `at`, or of the bytes; *count: its attributes, as far as it has values in quotes. */
static const char *skip_tag(const char *at, const char *end, unsigned *count)
{
	for (*count = 0; at < end && *at != '>'; at++) {
		if (*at != '"' && *at != '\'')
			continue;
		++*count;
		at = memchr(at + 1, *at, (size_t)(end - at - 1));
		if (!at)
			return end;
	}
	return at;
}

/* Before the parser sees them: it compares each of an element's attributes with all the others. */
static int check_attributes(const char *bytes, size_t size, struct refusal *refusal)
{
	const char *end = bytes + size;
	const char *at = bytes;

	while (at < end && (at = memchr(at, '<', (size_t)(end - at)))) {
		const char *behind = skip_other(at, end);
		unsigned count = 0;

		at = behind ? behind : skip_tag(at, end, &count);
		if (count > DOCUMENT_ATTRIBUTES_MAX)
			return refuse(refusal, -E2BIG, NULL,
				      "is refused: an element has more than %u attributes",
				      DOCUMENT_ATTRIBUTES_MAX);
	}
	return 0;
}

int document_parse(const char *bytes, size_t size, xmlDoc **document, struct refusal *refusal)
{
	struct parsing parsing = {0};
	xmlParserCtxt *parser;
	int code = 0;

	*document = NULL;
	if (size > DOCUMENT_BYTES_MAX)
		return refuse(refusal, -E2BIG, NULL, "is larger than %u KiB", DOCUMENT_BYTES_MAX >> 10);
	code = check_encoding(bytes, size, refusal);
	if (code == 0)
		code = check_attributes(bytes, size, refusal);
	if (code < 0)
		return code;
	parser = xmlNewParserCtxt();
	if (!parser)
		return refuse(refusal, -ENOMEM, NULL, "out of memory");
	set_up(parser, &parsing);
	*document = xmlCtxtReadMemory(parser, bytes, (int)size, NULL, "UTF-8",
				      XML_PARSE_NONET | XML_PARSE_NOCDATA);
	if (parsing.stop != STOP_NOT)
		code = why_stopped(&parsing, refusal);
	else if (!*document || !parser->wellFormed || !parser->nsWellFormed)
		code = why_not_xml(xmlCtxtGetLastError(parser), refusal);
	if (code < 0) {
		xmlFreeDoc(*document);
		*document = NULL;
	}
	xmlFreeParserCtxt(parser);
	return code;
}

/* --- Lines --- */

static bool has_text(const xmlNode *element)
{
	for (const xmlNode *child = element->children; child; child = child->next) {
		if (child->type != XML_ELEMENT_NODE)
			return true;
	}
	return false;
}

static int add_line(xmlNode *parent, xmlNode *before, unsigned depth)
{
	char line[2 + 2 * DOCUMENT_DEPTH_MAX];
	xmlNode *text;

	snprintf(line, sizeof(line), "\n%*s", (int)MIN(2 * depth, 2U * DOCUMENT_DEPTH_MAX), "");
	text = xmlNewDocText(parent->doc, xml_bytes(line));
	if (!text)
		return -ENOMEM;
	return (before ? xmlAddPrevSibling(before, text) : xmlAddChild(parent, text)) ? 0 : -ENOMEM;
}

static int indent_inside(xmlNode *element, unsigned depth)
{
	xmlNode *child = element->children;
	int code = 0;

	if (!child || has_text(element) || (element->ns && !xml_is_ours(element)))
		return 0;
	while (child && code == 0) {
		xmlNode *next = child->next;

		code = add_line(element, child, depth + 1);
		if (code == 0)
			code = indent_inside(child, depth + 1);
		child = next;
	}
	return code == 0 ? add_line(element, NULL, depth) : code;
}

int document_indent(xmlDoc *document, struct refusal *refusal)
{
	int code = indent_inside(xmlDocGetRootElement(document), 0);

	return code < 0 ? refuse(refusal, code, NULL, "out of memory") : 0;
}
