/* What only shows when a whole domain has been seen: part of to_json.h. */
#pragma once

#include "vmm/domain_xml/to_json.h"

int read_end(struct reader *reader);
