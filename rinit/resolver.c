#include "rinit/resolver.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"

#define RESOLVER_PATH      "/etc/resolv.conf"
#define RESOLVER_FALL_BACK "/run/rinit/resolv.conf"

int resolver_write(const char *const *servers, size_t count, const char *domain)
{
	char text[1024] = "# written by rinit\n";
	size_t used = strlen(text);
	int rc;

	if (domain)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "search %s\n", domain);
	for (size_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "nameserver %s\n", servers[i]);
	if (used >= sizeof(text))
		strcpy(text + sizeof(text) - 2, "\n"); /* cut; the line that is cut is no server's */
	rc = file_write(RESOLVER_PATH, text);
	if (rc)
		log_warning(RESOLVER_PATH ": cannot write: %s; it is in " RESOLVER_FALL_BACK, strerror(-rc));
	return rc ? file_write(RESOLVER_FALL_BACK, text) : 0;
}
