/* The fuzzer's input, taken from the front; zeros after its end. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct fuzz_input {
	const uint8_t *data;
	size_t len;
};

static inline uint8_t input_byte(struct fuzz_input *input)
{
	if (!input->len)
		return 0;
	input->len--;
	return *input->data++;
}

static inline uint64_t input_u64(struct fuzz_input *input)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | input_byte(input);
	return value;
}

/* What must hold whatever the input is. */
#define REQUIRE(condition)                                                                                   \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)
