/* Small things that C lacks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds this member. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

#define MIN(a, b)                                                                                            \
	({                                                                                                   \
		__typeof__(a) min_a_ = (a);                                                                  \
		__typeof__(b) min_b_ = (b);                                                                  \
		min_a_ < min_b_ ? min_a_ : min_b_;                                                           \
	})

#define MAX(a, b)                                                                                            \
	({                                                                                                   \
		__typeof__(a) max_a_ = (a);                                                                  \
		__typeof__(b) max_b_ = (b);                                                                  \
		max_a_ > max_b_ ? max_a_ : max_b_;                                                           \
	})

/* alignment is a power of two */
#define ALIGN_UP(value, alignment)   (((value) + ((alignment)-1)) & ~((__typeof__(value))(alignment)-1))
#define ALIGN_DOWN(value, alignment) ((value) & ~((__typeof__(value))(alignment)-1))

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define WHOLE_ALL 9007199254740992.0 /* 2^53: from there on a double has no fraction */

/* Whether a number has no fraction; not of NaN. floor(3) would do it with a library of its own, which every
 * guest's process would pay for when it starts. */
static inline bool number_is_whole(double number)
{
	if (number > -WHOLE_ALL && number < WHOLE_ALL)
		return number == (double)(int64_t)number;
	return number == number;
}
