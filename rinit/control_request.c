#include "rinit/control_request.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int control_request_parse(const char *data, size_t size, struct control_request *request, const char **why)
{
	const char *blank = size ? memchr(data, ' ', size) : NULL;
	size_t verb = blank ? (size_t)(blank - data) : size;
	size_t rest = blank ? verb + 1 : size;

	*request = (struct control_request){0};
	*why = "the request is too long";
	if (size >= CONTROL_REQUEST_MAX)
		return -EINVAL;
	*why = "the request has a control character in it";
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)data[i] < ' ' || data[i] == 0x7f)
			return -EINVAL;
	*why = "rinit does not know that request";
	if (!verb || verb >= CONTROL_VERB_MAX)
		return -EINVAL;
	memcpy(request->verb, data, verb);
	memcpy(request->argument, data + rest, size - rest);
	return 0;
}

static int count_parse(const char **at, unsigned long *count)
{
	char *end;

	*at += 3;
	if (**at < '0' || **at > '9')
		return -EINVAL;
	*count = strtoul(*at, &end, 10);
	if (*end && *end != ' ')
		return -EINVAL;
	*at = end;
	return 0;
}

int log_request_parse(const char *argument, struct log_request *request)
{
	*request = (struct log_request){.newest = ULONG_MAX};
	while (*argument == '-') {
		if (!strncmp(argument, "-n ", 3)) {
			if (count_parse(&argument, &request->newest))
				return -EINVAL;
		} else if (argument[1] == 'f' && (!argument[2] || argument[2] == ' ')) {
			request->follow = true;
			argument += 2;
		} else {
			return -EINVAL;
		}
		argument += *argument == ' ';
	}
	request->unit = argument;
	return 0;
}
