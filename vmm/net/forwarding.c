#include "vmm/net/forwarding.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"
#include "vmm/net/sysctl.h"

#define SWITCH "ipv4/ip_forward"
#define REDIRECTS                                                                                            \
	"ipv4/conf/all/accept_redirects" /* the kernel changes it with the switch (inet_forward_change) */
#define CONF       "/proc/sys/net/ipv4/conf"
#define RECORD_MAX (1U << 20)

/* A line each: a switch and what it was. */
static char *describe_switches(void)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct dirent **entries = NULL;
	int count = out ? scandir(CONF, &entries, NULL, alphasort) : 0;

	if (!out)
		return NULL;
	fprintf(out, REDIRECTS " %d\n", sysctl_read(REDIRECTS));
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		/* `all` is the switch itself; an interface's own setting survives only if it is put back. */
		snprintf(path, sizeof(path), "ipv4/conf/%s/forwarding", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && strcmp(entries[i]->d_name, "all") != 0 &&
		    sysctl_read(path) == 1)
			fprintf(out, "%s 1\n", path);
		free(entries[i]);
	}
	free(entries);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

int forwarding_enable(const char *record, struct error *err)
{
	AUTO_FREE char *before = NULL;
	int code = 0;

	if (sysctl_read(SWITCH) == 1)
		return 0;
	if (access(record, F_OK) < 0) {
		before = describe_switches();
		code = before ? file_write_text("forwarding record", record, before, 0644, err)
			      : error_set(err, -ENOMEM, "out of memory");
	}
	return code < 0 ? code : sysctl_write(SWITCH, 1, err);
}

/* "ipv4/conf/eth0/forwarding 1"; an interface that is gone needs nothing. */
static void restore_line(const char *line)
{
	char path[PATH_MAX];
	int value;

	if (sscanf(line, "%4095s %d", path, &value) == 2 && sysctl_read(path) >= 0)
		sysctl_write(path, value, NULL);
}

int forwarding_restore(const char *record, struct error *err)
{
	AUTO_FREE char *text = NULL;
	char *rest;
	char *line;
	int code;

	if (access(record, F_OK) < 0)
		return 0;
	code = file_read_text("forwarding record", record, RECORD_MAX, &text, err);
	if (code == 0)
		code = sysctl_write(SWITCH, 0, err);
	if (code < 0)
		return code;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		restore_line(line);
	return unlink(record) < 0 ? error_set(err, -errno, "forwarding record %s: cannot remove: %m", record)
				  : 0;
}
