#include "vmm/jail/filter_print.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void filter_give_up(const char *what, int code)
{
	fprintf(stderr, "filters: %s: %s\n", what, strerror(-code));
	exit(EXIT_FAILURE);
}

void filter_print_to(const char *path)
{
	if (!freopen(path, "we", stdout))
		filter_give_up(path, -errno);
}

void filter_print(const char *name, scmp_filter_ctx filter)
{
	FILE *file = tmpfile();
	struct sock_filter line;
	int code = file ? seccomp_export_bpf(filter, fileno(file)) : -errno;

	if (code < 0)
		filter_give_up("cannot export a filter", code);
	rewind(file);
	printf("static const struct sock_filter %s[] = {\n", name);
	while (fread(&line, sizeof(line), 1, file) == 1)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", line.code, line.jt, line.jf, line.k);
	printf("};\n");
	fclose(file);
	seccomp_release(filter);
	if (fflush(stdout) != 0)
		filter_give_up("cannot write", -errno);
}
