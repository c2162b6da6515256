/*
 * Guests as libvirt domain XML: what guests.c does with JSON, with a conversion before or behind it, which
 * another program makes meanwhile (vmm/domain_xml/run.h). So many run at once as API_CONVERSIONS_MAX.
 * Internal to vmm/api.
 */
#pragma once

#include <cjson/cJSON.h>

struct exchange;
struct guest_xml;

#define API_CONVERSIONS_MAX 8

/* Answers with definition as XML, and its version. */
void guest_xml_show(struct exchange *exchange, const cJSON *definition);
/* Reads the body; then defined is called with the definition, which it takes over, unless it was answered. */
void guest_xml_read(struct exchange *exchange, void (*defined)(struct exchange *exchange, cJSON *definition));
/* What the reading left out: an array for the answer, taken over by the caller; NULL: nothing. */
cJSON *guest_xml_ignored(struct exchange *exchange);
void guest_xml_free(struct guest_xml *xml); /* NULL is allowed */
