/* /etc/rinit/rinit.conf: Key=Value lines, in no section or in [Rinit]. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_getty {
	GETTY_AUTO, /* a login on every console, none in a container */
	GETTY_YES,
	GETTY_NO,
};

#define CONFIG_LOG_FILE      "/var/log/rinit/rinit.log"
#define CONFIG_LOG_FILE_MAX  (UINT64_C(1) << 20)
#define CONFIG_LOG_FILE_KEEP 4

struct config {
	enum config_getty getty; /* Getty=auto|yes|no */
	bool credit_seed;        /* CreditRandomSeed=yes|no */
	char autologin[33];      /* Autologin=USER; empty: logins ask */
	/* LogFile=, LogFileMax=, LogFileKeep= */
	char log_file[256];    /* empty: CONFIG_LOG_FILE */
	bool no_log_file;      /* LogFile=no */
	uint64_t log_file_max; /* bytes; 0: CONFIG_LOG_FILE_MAX */
	int log_file_keep;     /* old ones; 0: CONFIG_LOG_FILE_KEEP, negative: none */
};

/* Pure: fills config (zeroed: the defaults) from text; warn gets a sentence for each line that has no effect.
 */
void config_parse(struct config *config, const char *path, const char *text, size_t length,
		  void (*warn)(const char *sentence));
/* A file that is not there is an empty one; faults are logged. */
void config_read(struct config *config, const char *path);
