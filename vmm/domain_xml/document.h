/*
 * Bytes of unknown origin -> an XML document, by libxml2 with everything off that reaches beyond the bytes:
 * no DTD, so no entities but XML's five, no network, no XInclude; at most DOCUMENT_DEPTH_MAX elements in each
 * other. Encodings are those that libxml2 has inside (icu_none.c).
 *
 * XML 1.0 (fifth edition), Namespaces in XML 1.0. Not for threads that share a document.
 */
#pragma once

#include <libxml/tree.h>
#include <stddef.h>

#include "vmm/domain_xml/refusal.h"

#define DOCUMENT_BYTES_MAX      (1U << 20)
#define DOCUMENT_DEPTH_MAX      32
#define DOCUMENT_NODES_MAX      65536 /* elements and attributes */
#define DOCUMENT_ATTRIBUTES_MAX 256   /* of one element */

/* 0, or -EINVAL, -E2BIG, -ENOMEM with the sentence. The caller frees *document (xmlFreeDoc). */
int document_parse(const char *bytes, size_t size, xmlDoc **document, struct refusal *refusal);
/* Puts each element of a domain on a line of its own; what is in other programs' metadata stays as it is. 0
 * or -ENOMEM. */
int document_indent(xmlDoc *document, struct refusal *refusal);
