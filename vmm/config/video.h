/*
 * A guest's displays, as its definition has them: "video" (docs/configuration.md). The words are libvirt's
 * (format domain, "Video devices"); what shows them is "graphics". Part of definition.h.
 */
#pragma once

#include <stdint.h>

#include "vmm/config/json.h"

struct video_definition {
	unsigned heads;         /* displays; 0: the guest has none */
	uint32_t width, height; /* pixels that each would like at first */
	uint64_t vram_kib;      /* the most of the host's memory that the guest's pictures take */
};

/* "video": an object. */
int video_definition_read(const struct json_place *root, struct video_definition *video);
