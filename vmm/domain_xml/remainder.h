/* What of a definition domain XML has no elements for, kept in the metadata (to_xml.h). */
#pragma once

#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"

/* Compares the definition that is written with `back`, what its XML so far is read as, and adds the
 * difference. */
int remainder_write(struct writer *writer, xmlNode *domain, const cJSON *back);
/* Puts what the metadata held (reader->values) into the definition. */
int remainder_apply(struct reader *reader);
