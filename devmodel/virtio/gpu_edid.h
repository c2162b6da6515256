/*
 * What a virtio GPU's display says of itself, as a monitor would: VESA's Enhanced EDID, release A revision 2
 * (EDID 1.4), one block. The size that it would like is its preferred timing, at 60 Hz or as many as the
 * block can tell; a few common sizes stand beside it. 96 dots are an inch.
 */
#pragma once

#include <stdint.h>

#define GPU_EDID_SIZE 128 /* bytes */

/* Sides of 320 to 4095 pixels; index: of the display, which becomes its serial number. */
void gpu_edid_write(uint8_t edid[GPU_EDID_SIZE], unsigned index, uint32_t width, uint32_t height);
