/*
 * Other programs' elements in <metadata>, kept as they are: one for each namespace, as libvirt wants it
 * (format domain, "Custom metadata"). The definition has their text by namespace:
 *
 *      "metadata": { "http://libosinfo.org/xmlns/libvirt/domain/1.0": "<libosinfo:libosinfo
 * xmlns:libosinfo=...>" }
 */
#pragma once

#include "vmm/domain_xml/to_json.h"

int metadata_read(struct reader *reader, const xmlNode *element);
