/*
 * A line as libc's syslog() sends it to /dev/log, RFC 3164 without the host's name:
 *
 *      <PRI>Mmm dd hh:mm:ss TAG[PID]: text
 *
 * Pure. Nothing is an error: what is missing has a default, and the whole is the text where there is no tag.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rinit/log.h"

struct syslog_message {
	uint8_t priority; /* user.notice where there is none; kern becomes user, as in every syslogd */
	char tag[LOG_WHO_MAX + 1];
	const char *text; /* in the message: behind the time, with the tag in front */
	size_t length;    /* without line ends and zeros at its end */
};

void syslog_parse(const char *data, size_t size, struct syslog_message *message);
