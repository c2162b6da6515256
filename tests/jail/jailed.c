#include "jailed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/jail/descriptors.h"
#include "vmm/jail/jail.h"

#define NOBODY 65534

static void host_listen(struct jailed_host *host, bool abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - abstract, "%s", host->socket);
	unlink(host->socket);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		  listen(fd, 1) == 0);
}

static void host_prepare(struct jailed_host *host)
{
	*host = (struct jailed_host){.manager = getpid(), .shm_key = getpid()};
	host->folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	host->file = memfd_create("file", MFD_CLOEXEC);
	snprintf(host->socket, sizeof(host->socket), "/tmp/rastos-jail-%d", (int)getpid());
	host_listen(host, false);
	host_listen(host, true);
	cr_assert_geq(shmget(host->shm_key, 4096, IPC_CREAT | 0666), 0);
}

static void host_clean(const struct jailed_host *host)
{
	unlink(host->socket);
	shmctl(shmget(host->shm_key, 0, 0), IPC_RMID, NULL);
}

static __attribute__((noreturn)) void jailed_main(const struct jailed_host *host, int answer,
						  const enum filter_kind *kind, jailed_attempt attempt)
{
	const struct jail_limits limits = {.name = "hostile", .files = 64, .file_size = JAILED_FILE_MAX};
	const int keep[] = {host->file, answer};
	struct error err;
	int result;

	if (descriptors_keep(keep, 2, &err) < 0 || jail_close(&limits, &err) < 0 ||
	    (kind && filter_install(*kind, &err) < 0)) {
		dprintf(STDERR_FILENO, "%s\n", err.text);
		_exit(2);
	}
	result = attempt(host);
	_exit(write(answer, &result, sizeof(result)) == sizeof(result) ? 0 : 3);
}

static int jailed_start(enum jailed_user user, const enum filter_kind *kind, jailed_attempt attempt,
			struct jailed_end *end, struct error *err)
{
	struct jail_config config = {.name = "hostile", .on = true, .cgroup_fd = -1};
	struct jailed_host host;
	int pipes[2];
	int pidfd;
	int status;
	pid_t pid;

	config.uid = user == JAILED_ROOT ? JAILED_ID : geteuid();
	config.gid = user == JAILED_ROOT ? JAILED_ID : getegid();
	host_prepare(&host);
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid = jail_fork(&config, &pidfd, err);
	if (pid == 0)
		jailed_main(&host, pipes[1], kind, attempt);
	close(pipes[1]);
	if (pid > 0) {
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		*end = (struct jailed_end){.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
		if (!end->signal) {
			cr_assert_eq(WEXITSTATUS(status), 0, "it did not come to the attempt");
			cr_assert_eq(read(pipes[0], &end->result, sizeof(end->result)), sizeof(end->result));
		}
	}
	close(pipes[0]);
	host_clean(&host);
	return MIN(pid, 0);
}

/* The test's process becomes an ordinary user's; its /proc files are that user's again. */
static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	cr_assert(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
	prctl(PR_SET_DUMPABLE, 1);
}

struct jailed_end jailed_run(enum jailed_user user, const enum filter_kind *kind, jailed_attempt attempt)
{
	struct jailed_end end = {0};
	struct error err = {""};

	if (user == JAILED_ROOT && geteuid() != 0)
		cr_skip_test("only root can give it a user of its own");
	if (kind && !filter_works())
		cr_skip_test("a build with sanitizers has no filters");
	if (user == JAILED_ROOTLESS)
		become_nobody();
	if (jailed_start(user, kind, attempt, &end, &err) < 0)
		cr_skip_test("%s", err.text);
	return end;
}

bool jailed_possible(void)
{
	struct jail_config config = {
		.name = "probe",
		.on = true,
		.uid = geteuid() == 0 ? JAILED_ID : geteuid(),
		.gid = geteuid() == 0 ? JAILED_ID : getegid(),
		.cgroup_fd = -1,
	};
	struct error err;
	int pidfd;
	pid_t pid = jail_fork(&config, &pidfd, &err);

	if (pid == 0)
		_exit(0);
	if (pid < 0) {
		printf("skipped: %s\n", err.text);
		return false;
	}
	waitpid(pid, NULL, 0);
	close(pidfd);
	return true;
}
