/* What a client of the control socket sends, taken apart. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_REQUEST_MAX 256 /* bytes of one request, with a zero at the end */
#define CONTROL_VERB_MAX    16

struct control_request {
	char verb[CONTROL_VERB_MAX];
	char argument[CONTROL_REQUEST_MAX]; /* the rest of the line; "" when there is none */
};

/* "VERB [ARGUMENT]": 0, or -EINVAL with *why a phrase. Control characters and zeros are refused. */
int control_request_parse(const char *data, size_t size, struct control_request *request, const char **why);

/* log's argument: "[-f] [-n COUNT] [UNIT]". */
struct log_request {
	bool follow;
	unsigned long newest; /* show only so many lines; ULONG_MAX: all */
	const char *unit;     /* in the argument; "" for all */
};
int log_request_parse(const char *argument, struct log_request *request);
