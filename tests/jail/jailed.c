#include "jailed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
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

static unsigned char secret[JAILED_SECRET];

void jailed_give_secret(const unsigned char masked[JAILED_SECRET])
{
	memcpy(secret, masked, JAILED_SECRET);
}

static uintptr_t page_of(const void *address)
{
	return (uintptr_t)address & ~(uintptr_t)4095;
}

void jailed_layout_take(struct jailed_layout *layout)
{
	char *on_heap = malloc(1);

	*layout = (struct jailed_layout){{
		page_of((const void *)jailed_main),
		page_of((const void *)getpid),
		page_of(on_heap),
		page_of(__builtin_frame_address(0)),
	}};
	free(on_heap);
}

static void host_prepare(struct jailed_host *host)
{
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*host = (struct jailed_host){.manager = getpid(), .shm_key = getpid()};
	memcpy(host->masked, secret, JAILED_SECRET);
	jailed_layout_take(&host->layout);
	host->folder = fcntl(folder, F_DUPFD_CLOEXEC, 100); /* a number that the jailed process has not got */
	close(folder);
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

/* --- The jailed process: this program, executed again --- */

enum {
	ORDER_FD = STDERR_FILENO + 1,
	FILE_FD,
	ANSWER_FD,
};

/* What it shall do. Functions are elsewhere in another process, but as far apart as in this one. */
struct order {
	struct jailed_host host;
	bool open;     /* the jail stays open */
	bool filtered; /* by the filter of ... */
	enum filter_kind kind;
	ptrdiff_t attempt; /* from jailed_main */
};

static ptrdiff_t attempt_place(jailed_attempt attempt)
{
	return (const char *)attempt - (const char *)jailed_main;
}

void jailed_main(void)
{
	const struct jail_limits limits = {.name = "hostile", .files = 64, .file_size = JAILED_FILE_MAX};
	struct order order;
	struct error err;
	int result;

	if (pread(ORDER_FD, &order, sizeof(order), 0) != sizeof(order))
		_exit(2);
	close(ORDER_FD);
	if ((!order.open && jail_close(&limits, &err) < 0) ||
	    (order.filtered && filter_install(order.kind, &err) < 0)) {
		dprintf(STDERR_FILENO, "%s\n", err.text);
		_exit(2);
	}
	order.host.file = FILE_FD;
	result = ((jailed_attempt)((const char *)jailed_main + order.attempt))(&order.host);
	_exit(write(ANSWER_FD, &result, sizeof(result)) == sizeof(result) ? 0 : 3);
}

/* --- The test --- */

static pid_t jailed_spawn(const struct jail_config *config, const struct order *order, int answer,
			  struct error *err)
{
	char *const argv[] = {(char[]){"jail"}, (char[]){JAILED_ARGUMENT}, NULL};
	int memory = memfd_create("order", MFD_CLOEXEC);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int descriptors[] = {null_fd, null_fd, STDERR_FILENO, memory, order->host.file, answer};
	const struct jail_program program = {
		.argv = argv,
		.descriptors = descriptors,
		.count = ARRAY_SIZE(descriptors),
	};
	int pidfd = -1;
	pid_t pid;

	cr_assert_eq(write(memory, order, sizeof(*order)), sizeof(*order));
	pid = jail_spawn(config, &program, &pidfd, err);
	cleanup_close(&pidfd);
	close(memory);
	close(null_fd);
	return pid;
}

static int jailed_start(enum jailed_user user, struct order *order, struct jailed_end *end, struct error *err)
{
	struct jail_config config = {.name = "hostile", .on = true, .cgroup_fd = -1};
	int pipes[2];
	int status;
	pid_t pid;

	config.uid = user == JAILED_ROOT ? JAILED_ID : geteuid();
	config.gid = user == JAILED_ROOT ? JAILED_ID : getegid();
	host_prepare(&order->host);
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid = jailed_spawn(&config, order, pipes[1], err);
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
	host_clean(&order->host);
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

static struct jailed_end run(enum jailed_user user, struct order *order)
{
	struct jailed_end end = {0};
	struct error err = {0};

	if (user == JAILED_ROOT && geteuid() != 0)
		cr_skip_test("only root can give it a user of its own");
	if (order->filtered && !filter_works())
		cr_skip_test("a build with sanitizers has no filters");
	if (user == JAILED_ROOTLESS)
		become_nobody();
	if (jailed_start(user, order, &end, &err) < 0)
		cr_skip_test("%s", err.text);
	return end;
}

struct jailed_end jailed_run(enum jailed_user user, const enum filter_kind *kind, jailed_attempt attempt)
{
	struct order order = {
		.filtered = kind != NULL,
		.kind = kind ? *kind : FILTER_MAIN,
		.attempt = attempt_place(attempt),
	};

	return run(user, &order);
}

struct jailed_end jailed_run_open(enum jailed_user user, jailed_attempt attempt)
{
	struct order order = {.open = true, .attempt = attempt_place(attempt)};

	return run(user, &order);
}

static int succeed(const struct jailed_host *host)
{
	(void)host;
	return 0;
}

bool jailed_possible(void)
{
	const struct jail_config config = {
		.name = "probe",
		.on = true,
		.uid = geteuid() == 0 ? JAILED_ID : geteuid(),
		.gid = geteuid() == 0 ? JAILED_ID : getegid(),
		.cgroup_fd = -1,
	};
	AUTO_CLOSE int answer = memfd_create("answer", MFD_CLOEXEC);
	const struct order order = {.open = true, .host.file = answer, .attempt = attempt_place(succeed)};
	struct error err;
	pid_t pid = jailed_spawn(&config, &order, answer, &err);

	if (pid < 0) {
		printf("skipped: %s\n", err.text);
		return false;
	}
	waitpid(pid, NULL, 0);
	return true;
}
