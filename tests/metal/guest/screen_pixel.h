/* Pictures of the tests: every pixel is told by its place and a seed. */
#pragma once

#include <stdint.h>

#define COLOR_BITS 0xffffffU

static inline uint32_t pixel_of(uint32_t x, uint32_t y, uint32_t seed)
{
	return (x * 2654435761U ^ y * 40503U ^ seed * 97U) & COLOR_BITS;
}
