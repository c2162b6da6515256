/* Definitions as libvirt domain XML, for `dumpxml` and `convert`. */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/exit_code.h"

/* Else the sentence was said; it begins with name. The caller frees *xml, which ends with a newline. */
enum exit_code xml_of_definition(const char *name, const cJSON *definition, char **xml);
