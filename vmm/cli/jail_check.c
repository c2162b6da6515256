#include "vmm/cli/jail_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/jail/jail.h"

/* Its standard output is a pipe to who checks: what cannot be done goes there. */
enum exit_code command_jail_check(void)
{
	const struct jail_limits limits = {.name = "check", .files = 64};
	struct error err;

	if (jail_close(&limits, &err) == 0)
		return EXIT_DONE;
	fputs(err.text, stdout);
	return EXIT_FAILED;
}

static int spawn_check(const struct settings *settings, int output, int *pidfd, struct error *err)
{
	const struct jail_config config = {
		.name = "check",
		.on = true,
		.uid = geteuid() == 0 ? settings->guest_ids.first : geteuid(),
		.gid = geteuid() == 0 ? settings->guest_ids.first : getegid(),
		.cgroup_fd = -1,
	};
	char *const argv[] = {(char[]){"rastos-vmm"}, (char[]){JAIL_CHECK_COMMAND}, NULL};
	AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int descriptors[] = {null_fd, output, null_fd};
	const struct jail_program program = {
		.argv = argv,
		.descriptors = descriptors,
		.count = ARRAY_SIZE(descriptors),
	};

	if (null_fd < 0)
		return error_set(err, -errno, "/dev/null: cannot open: %m");
	return MIN(jail_spawn(&config, &program, pidfd, err), 0);
}

int jail_check(const struct settings *settings, struct error *err)
{
	AUTO_CLOSE int pidfd = -1;
	siginfo_t end = {0};
	ssize_t got;
	int ends[2];
	int code;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %m");
	code = spawn_check(settings, ends[1], &pidfd, err);
	close(ends[1]);
	if (code == 0) {
		got = read(ends[0], err->text, sizeof(err->text) - 1);
		err->text[MAX(got, 0)] = '\0';
		if (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) < 0 || end.si_code != CLD_EXITED ||
		    end.si_status != EXIT_DONE)
			code = *err->text ? -EPERM : error_set(err, -EPERM, "guest check: its process died");
	}
	close(ends[0]);
	return code;
}
