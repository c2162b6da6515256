/*
 * rastos-domain-xml: libvirt domain XML <-> a guest's definition (docs/domain-xml.md), for rastos-vmm, which
 * runs it (run.h).
 *
 *      rastos-domain-xml to-json [--no-validate] < XML
 * {"definition":{...},"ignored":[{"xpath","count","why"}]} rastos-domain-xml to-xml < JSON XML
 *      rastos-domain-xml table                             the table of elements
 *
 * Exit status: 0 done, 1 failed, 2 usage, 4 the input is refused. When it is not 0, standard output has
 * {"error":SENTENCE,"xpath":PLACE} ("pointer" for to-xml).
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/confine.h"
#include "vmm/domain_xml/document.h"
#include "vmm/domain_xml/heap.h"
#include "vmm/domain_xml/print_table.h"
#include "common/sanitized.h"
#include "vmm/domain_xml/schema.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/exit_code.h"

static const char usage[] =
	"Usage: rastos-domain-xml to-json [--no-validate] | to-xml | table\n\n"
	"Libvirt domain XML on standard input becomes a guest's definition on standard output, or the other way round.\n"
	"For rastos-vmm(1), whose `define`, `dumpxml` and `convert` are for people.\n";

/* --- Bytes --- */

/* One byte more than is allowed is read, to tell. */
static int read_all(char **bytes, size_t *size, struct refusal *refusal)
{
	ssize_t got;

	*size = 0;
	*bytes = malloc(DOCUMENT_BYTES_MAX + 2);
	if (!*bytes)
		return refuse(refusal, -ENOMEM, NULL, "out of memory");
	while (*size <= DOCUMENT_BYTES_MAX &&
	       (got = read(STDIN_FILENO, *bytes + *size, DOCUMENT_BYTES_MAX + 1 - *size)) != 0) {
		if (got < 0 && errno != EINTR)
			return refuse(refusal, -EIO, NULL, "standard input: cannot read: %m");
		*size += got > 0 ? (size_t)got : 0;
	}
	if (*size > DOCUMENT_BYTES_MAX)
		return refuse(refusal, -E2BIG, NULL, "is larger than %u KiB", DOCUMENT_BYTES_MAX >> 10);
	(*bytes)[*size] = '\0';
	return 0;
}

static int write_all(const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t put = write(STDOUT_FILENO, bytes, size);

		if (put < 0 && errno != EINTR)
			return -errno;
		bytes += put > 0 ? put : 0;
		size -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

/* On one line. Frees json. */
static int print_json(cJSON *json)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	int code = text ? write_all(text, strlen(text)) : -ENOMEM;

	cJSON_Delete(json);
	return code == 0 ? write_all("\n", 1) : code;
}

/* --- XML to JSON --- */

static int convert_document(xmlDoc *document, const struct schema *schema, struct refusal *refusal)
{
	cJSON *definition = NULL;
	cJSON *ignored = NULL;
	cJSON *answer;
	int code = domain_to_json(document, &definition, &ignored, refusal);

	/* Our own sentences are said first: they know what is supported. */
	if (code == 0 && schema)
		code = schema_check(schema, document, refusal);
	if (code < 0) {
		cJSON_Delete(definition);
		cJSON_Delete(ignored);
		return code;
	}
	answer = cJSON_CreateObject();
	cJSON_AddItemToObject(answer, "definition", definition);
	cJSON_AddItemToObject(answer, "ignored", ignored);
	code = print_json(answer);
	return code < 0 ? refuse(refusal, code, NULL, "standard output: cannot write: %s", strerror(-code))
			: 0;
}

/* The process ends when this is done: only a sanitizer wants each of a hundred thousand pieces given back. */
static int to_json(const char *bytes, size_t size, const struct schema *schema, struct refusal *refusal)
{
	xmlDoc *document = NULL;
	int code = document_parse(bytes, size, &document, refusal);

	if (code == 0)
		code = convert_document(document, schema, refusal);
	if (SANITIZED)
		xmlFreeDoc(document);
	return code;
}

/* --- JSON to XML --- */

static int print_document(xmlDoc *document, struct refusal *refusal)
{
	xmlChar *text = NULL;
	int size = 0;
	int code;

	xmlDocDumpMemoryEnc(document, &text, &size, "UTF-8");
	/* Without the declaration, as libvirt prints it. */
	if (text) {
		const char *start = memchr(text, '\n', (size_t)size);

		start = start ? start + 1 : (const char *)text;
		code = write_all(start, (size_t)size - (size_t)(start - (const char *)text));
	} else {
		code = -ENOMEM;
	}
	xmlFree(text);
	return code < 0 ? refuse(refusal, code, NULL, "standard output: cannot write: %s", strerror(-code))
			: 0;
}

static int to_xml(const char *bytes, size_t size, struct refusal *refusal)
{
	cJSON *definition = cJSON_ParseWithLengthOpts(bytes, size + 1, NULL, true);
	xmlDoc *document = NULL;
	int code;

	if (!cJSON_IsObject(definition))
		code = refuse(refusal, -EINVAL, NULL, "is no definition: it must be a JSON object");
	else
		code = domain_to_xml(definition, &document, refusal);
	if (code == 0)
		code = document_indent(document, refusal);
	if (code == 0)
		code = print_document(document, refusal);
	xmlFreeDoc(document);
	cJSON_Delete(definition);
	return code;
}

/* --- The whole --- */

static int report(int code, bool xml, const struct refusal *refusal)
{
	bool refused = code == -EINVAL || code == -E2BIG;
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddStringToObject(answer, "error", refusal->err.text);
	cJSON_AddStringToObject(answer, xml ? "xpath" : "pointer", refusal->place);
	if (print_json(answer) < 0)
		return EXIT_FAILED;
	return refused ? EXIT_REFUSED : EXIT_FAILED;
}

static int convert(bool from_xml, bool validate)
{
	AUTO_FREE char *bytes = NULL;
	struct refusal refusal = {.place = ""};
	struct schema *schema = NULL;
	size_t size = 0;
	int code = confine_begin(&refusal.err);

	if (code == 0 && from_xml && validate) {
		schema = schema_read(&refusal);
		code = schema ? 0 : -EIO;
	}
	if (code == 0)
		code = confine_end(&refusal.err);
	if (code == 0)
		code = read_all(&bytes, &size, &refusal);
	if (code == 0)
		code = from_xml ? to_json(bytes, size, schema, &refusal) : to_xml(bytes, size, &refusal);
	if (SANITIZED)
		schema_free(schema);
	return code < 0 ? report(code, from_xml, &refusal) : EXIT_DONE;
}

static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	bool no_validate = argc == 3 && strcmp(argv[2], "--no-validate") == 0;

	heap_begin();
	xmlSetGenericErrorFunc(NULL, say_nothing);
	if (argc == 2 && strcmp(what, "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(what, "table") == 0) {
		table_print();
		return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
	}
	if (strcmp(what, "to-json") == 0 && (argc == 2 || no_validate))
		return convert(true, !no_validate);
	if (strcmp(what, "to-xml") == 0 && argc == 2)
		return convert(false, false);
	fputs(usage, stderr);
	return EXIT_USAGE;
}
