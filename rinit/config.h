/* /etc/rinit/rinit.conf: Key=Value lines, in no section or in [Rinit]. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum config_getty {
	GETTY_AUTO, /* a login on every console, none in a container */
	GETTY_YES,
	GETTY_NO,
};

struct config {
	enum config_getty getty; /* Getty=auto|yes|no */
	bool credit_seed;        /* CreditRandomSeed=yes|no */
	char autologin[33];      /* Autologin=USER; empty: logins ask */
};

/* Pure: fills config (zeroed: the defaults) from text; warn gets a sentence for each line that has no effect.
 */
void config_parse(struct config *config, const char *path, const char *text, size_t length,
		  void (*warn)(const char *sentence));
/* A file that is not there is an empty one; faults are logged. */
void config_read(struct config *config, const char *path);
