/*
 * Libvirt's own schema of domain XML (RELAX NG, package libvirt0), as virt-xml-validate has it: read once,
 * then asked. What is other programs' (the elements in <metadata>, which may be anything) is not looked at.
 */
#pragma once

#include <libxml/tree.h>

#include "vmm/domain_xml/refusal.h"

#define SCHEMA_FOLDER "/usr/share/libvirt/schemas"

struct schema;

/* NULL with the sentence: the files are not there, or are no schema. */
struct schema *schema_read(struct refusal *refusal);
void schema_free(struct schema *schema); /* NULL is allowed */
/* 0 or -EINVAL. The document is changed meanwhile, and as before afterwards. */
int schema_check(const struct schema *schema, xmlDoc *document, struct refusal *refusal);
