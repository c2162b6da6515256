/*
 * Makes the system-call filter of programs that meet hostile files (sandbox.c), when rastos-vmm is built:
 * libseccomp turns the list below into BPF, which is printed as C.
 *
 *      sandbox_filter_make sandbox_filter.inc
 *
 *      sandbox_filter   of programs that work on files, and end
 *      daemon_filter    of those that serve a guest over a socket, and may have servers of their own
 *      owners_filter    of those that serve a directory, and act for the owners of its files
 *
 * The programs are other people's, and what they call changes: so this is a list of what is denied (EPERM),
 * all that reaches beyond files and a program's own children. A call of another architecture ends the
 * program.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/util.h"
#include "vmm/jail/filter_print.h"

/* sockets, which a path may name though Landlock hides files */
static const int denied_sockets[] = {
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
};

static const int denied[] = {
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(kcmp),

	/* the kernel: what is large, seldom used, and often at fault */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(syslog),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(open_by_handle_at),

	/* other views of the system */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(setns),
};

/* The same, of programs that serve no directory. */
static const int denied_roots[] = {
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
};

/* Of clone's flags. */
static const unsigned namespaces[] = {
	CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP,
};

static void check(int code)
{
	if (code < 0)
		filter_give_up("cannot add a rule", code);
}

static void deny(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0));
}

/* It changes its root, and threads part from each other's working directory and umask. A user who is not root
 * may not give up groups in a user namespace (user_namespaces(7)), which they have told that they have none
 * of. */
static void allow_owners(scmp_filter_ctx filter)
{
	check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
			       SCMP_CMP64(0, SCMP_CMP_NE, CLONE_FS, 0)));
	check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(getgroups), 0));
}

static scmp_filter_ctx filter_build(bool sockets, bool owners)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		filter_give_up("cannot begin a filter", -ENOMEM);
	check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
	deny(filter, denied, ARRAY_SIZE(denied));
	if (!sockets)
		deny(filter, denied_sockets, ARRAY_SIZE(denied_sockets));
	if (owners)
		allow_owners(filter);
	else
		deny(filter, denied_roots, ARRAY_SIZE(denied_roots));
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i])));
	/* Its flags are in memory, where no filter sees them; the C library then takes clone. */
	check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
	check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socketpair), 1,
			       SCMP_CMP64(0, SCMP_CMP_NE, AF_UNIX, 0)));
	return filter;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: sandbox_filter_make OUT\n");
		return EXIT_FAILURE;
	}
	filter_print_to(argv[1]);
	filter_print("sandbox_filter", filter_build(false, false));
	filter_print("daemon_filter", filter_build(true, false));
	filter_print("owners_filter", filter_build(true, true));
	return EXIT_SUCCESS;
}
