/*
 * Makes the system-call filter of rastos-domain-xml (confine.c), when it is built: libseccomp turns the list
 * below into BPF, which is printed as C.
 *
 *      domain_xml_filter_make domain_xml_filter.inc
 *
 * It computes: bytes come in, bytes go out. Any other call ends it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/util.h"
#include "vmm/jail/filter_print.h"

static const int allowed[] = {
	SCMP_SYS(read),    SCMP_SYS(write), SCMP_SYS(brk),        SCMP_SYS(munmap),       SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(exit),  SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
};

static void check(int code)
{
	if (code < 0)
		filter_give_up("cannot add a rule", code);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (argc != 2) {
		fprintf(stderr, "usage: domain_xml_filter_make OUT\n");
		return EXIT_FAILURE;
	}
	if (!filter)
		filter_give_up("cannot begin a filter", -ENOMEM);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0));
	/* Memory, of no file, and never code. */
	check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			       SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)));
	filter_print_to(argv[1]);
	filter_print("domain_xml_filter", filter);
	return EXIT_SUCCESS;
}
