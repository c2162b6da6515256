/*
 * A guest's definition out of a file that a user names: JSON, or libvirt domain XML, which rastos-domain-xml
 * turns into JSON (vmm/domain_xml/run.h). Which of them it is, is seen by its first character; "-" is
 * standard input.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "vmm/exit_code.h"

struct definition_file {
	const char *name; /* for sentences: the path, or "standard input" */
	char *text;       /* JSON, which has yet to be parsed as a definition */
	char *folder;     /* that its relative paths are relative to */
	cJSON *ignored;   /* of XML: what was left out; NULL: it was JSON */
};

/* EXIT_DONE: the caller frees it. Else the sentence was said. no_validate: XML without libvirt's schema. */
enum exit_code definition_file_read(const char *path, bool no_validate, struct definition_file *file);
void definition_file_free(struct definition_file *file);
/* Says what was left out of XML, once a rule, on standard error. */
void definition_file_tell(const struct definition_file *file);

/* By its name: NAME.xml, NAME.json. */
bool definition_file_is_xml(const char *path);
bool definition_file_is_definition(const char *path);
