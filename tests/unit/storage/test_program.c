/* Programs that meet hostile files: what they get, what they cannot do, and what is said when they fail. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../vmm/scratch.h"
#include "namespaces.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/storage/program.h"
#include "vmm/storage/source_view.h"

static struct error err;

static void setup(void)
{
	if (!namespaces_work())
		cr_skip_test("no user namespaces here");
	scratch_make();
}

TestSuite(program, .init = setup, .fini = scratch_remove, .timeout = 20);

static int shell(const char *script, char **text)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct program program = program_of(argv, "dash", "disk web");
	int folder = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code;

	program.folder = folder;
	program.file_max = 1 << 20;
	program.seconds = 2;
	code = text ? program_read(&program, text, &err) : program_run(&program, &err);
	close(folder);
	return code;
}

Test(program, output_is_read)
{
	char *text = NULL;

	cr_assert_eq(shell("echo hello; pwd; id -u", &text), 0, "%s", err.text);
	cr_assert(strstr(text, "hello\n/"), "%s", text);
	cr_assert(strstr(text, "\n0\n"), "root in its namespace: %s", text);
	free(text);
}

Test(program, last_line_is_the_reason)
{
	cr_assert_eq(shell("echo first >&2; printf 'no \\033[2J good\\n' >&2; exit 3", NULL), -EIO);
	cr_assert_str_eq(err.text, "disk web: sh: no ?[2J good");
}

struct heard {
	struct progress progress;
	unsigned times;
	uint64_t done, total;
	int percent;
};

static void hear(struct progress *progress, const char *step, int percent)
{
	struct heard *heard = (struct heard *)progress;

	cr_assert_str_eq(step, "writing");
	heard->times++;
	heard->done = progress->done;
	heard->total = progress->total;
	heard->percent = percent;
}

/* Of 4000, so many as the file that it writes has. */
static bool written_bytes(const struct program *program, uint64_t *done, uint64_t *total)
{
	struct stat status;

	if (fstatat(*(const int *)program->context, "file", &status, 0) < 0)
		return false;
	*done = (uint64_t)status.st_size;
	*total = 4000;
	return true;
}

static struct heard write_slowly(bool (*bytes)(const struct program *, uint64_t *, uint64_t *))
{
	const char *const argv[] = {"sh", "-c", "printf %1000d 1 >file; sleep 1", NULL};
	struct program program = program_of(argv, "dash", "disk web");
	struct heard heard = {.progress.report = hear};
	int folder = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	program.folder = folder;
	program.file_max = 1 << 20;
	program.progress = &heard.progress;
	program.step = "writing";
	program.bytes = bytes;
	program.context = &folder;
	cr_assert_eq(program_run(&program, &err), 0, "%s", err.text);
	close(folder);
	return heard;
}

Test(program, how_far_it_is_is_told_in_bytes)
{
	struct heard heard = write_slowly(written_bytes);

	cr_assert_gt(heard.times, 1);
	cr_assert_eq(heard.done, 1000);
	cr_assert_eq(heard.total, 4000);
	cr_assert_eq(heard.percent, 25);
}

Test(program, how_far_it_is_nobody_knows)
{
	struct heard heard = write_slowly(NULL);

	cr_assert_gt(heard.times, 1);
	cr_assert_eq(heard.total, 0);
	cr_assert_eq(heard.percent, PROGRESS_UNKNOWN);
}

Test(program, missing_program_names_its_package)
{
	static const char *const argv[] = {"no-such-program", NULL};
	struct program program = program_of(argv, "some-package", "disk web");

	cr_assert_eq(program_run(&program, &err), -ENOENT);
	cr_assert_str_eq(err.text,
			 "disk web: no-such-program is not installed: apt-get install some-package");
}

Test(program, time_is_up_for_all_it_started)
{
	cr_assert_eq(shell("sleep 30 & sleep 30", NULL), -ETIMEDOUT);
	cr_assert_str_eq(err.text, "disk web: sh was not done after 2 s");
}

Test(program, file_that_grows_too_large)
{
	cr_assert_lt(shell("exec yes >large", NULL), 0);
	cr_assert(strstr(err.text, "more than 1 MiB"), "%s", err.text);
}

Test(program, signal_that_ends_it)
{
	cr_assert_eq(shell("kill -ABRT $$", NULL), -EIO);
	cr_assert_str_eq(err.text, "disk web: sh was ended by signal 6");
}

Test(program, no_network_and_no_rights)
{
	char *text = NULL;

	cr_assert_eq(shell("exec cat /proc/self/net/dev", &text), 0, "%s", err.text);
	cr_assert(strstr(text, "lo:"), "%s", text);
	cr_assert_not(strstr(text, "eth"), "%s", text);
	free(text);
	cr_assert_eq(shell("exec cat /proc/self/status", &text), 0, "%s", err.text);
	cr_assert(strstr(text, "NoNewPrivs:\t1"), "%s", text);
	free(text);
	cr_assert_lt(shell("mount -t tmpfs none /mnt", NULL), 0);
	cr_assert_lt(shell("mknod null c 1 3", NULL), 0);
}

/* A kernel without Landlock, for the rest of this test: seccomp(2) answers in its place. */
static void forget_landlock(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), 0);
	cr_assert_lt(syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), 0);
}

static void nothing_else(void)
{
	char script[256];

	cr_assert_lt(shell("cat /etc/hostname", NULL), 0);
	cr_assert_lt(shell("ls /home /root /var /sys /run", NULL), 0);
	cr_assert_eq(shell("[ $(ls /proc | grep -c '^[0-9]') -lt 8 ]", NULL), 0, "others' processes: %s",
		     err.text);
	cr_assert_eq(shell("echo x >inside && cat inside >copy && cat copy", NULL), 0, "%s", err.text);
	cr_assert_lt(shell("echo x >/outside", NULL), 0);
	cr_assert_lt(shell("echo x >/usr/outside", NULL), 0);
	cr_assert_lt(shell("echo x >../outside", NULL), 0);
	snprintf(script, sizeof(script), "echo x >%s-outside", scratch);
	cr_assert_lt(shell(script, NULL), 0);
}

Test(program, nothing_else_is_read_or_written)
{
	nothing_else();
}

Test(program, nothing_else_is_read_or_written_without_landlock)
{
	forget_landlock();
	nothing_else();
}

/* As root a program is not root outside, and leaves nothing of root's. */
Test(program, is_a_user_of_its_own)
{
	struct stat status;
	char *text = NULL;
	char path[256];

	if (geteuid() != 0)
		cr_skip_test("not root");
	cr_assert_eq(shell("echo x >made; id -u", &text), 0, "%s", err.text);
	cr_assert_str_eq(text, "0\n");
	free(text);
	snprintf(path, sizeof(path), "%s/made", scratch);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_geq(status.st_uid, 1910000000U);
	cr_assert_eq(status.st_uid, status.st_gid);
}

/* A socket in the folder, where Landlock hides nothing. */
static int socket_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", scratch);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

#define CONNECT                                                                                              \
	"perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or die \"socket: $!\\n\"; "                    \
	"connect(S, pack_sockaddr_un(\"socket\")) or die \"connect: $!\\n\"'"

Test(program, nobody_is_reached_through_a_socket)
{
	int listening = socket_listen();
	char outside[256];

	snprintf(outside, sizeof(outside), "cd %s && " CONNECT, scratch);
	cr_assert_eq(system(outside), 0, "the same works outside");
	cr_assert_lt(shell(CONNECT, NULL), 0);
	cr_assert_str_eq(err.text, "disk web: sh: socket: Operation not permitted");
	close(listening);
}

Test(program, nobody_else_is_signalled)
{
	char script[64];
	int status = 0;
	pid_t victim = fork();

	if (victim == 0) {
		pause();
		_exit(0);
	}
	snprintf(script, sizeof(script), "kill -9 %d", (int)victim);
	cr_assert_lt(shell(script, NULL), 0);
	cr_assert(strstr(err.text, "No such process"), "%s", err.text);
	cr_assert_eq(waitpid(victim, &status, WNOHANG), 0, "ended by signal %d", WTERMSIG(status));
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* What a shell says of its source, which is at this path outside. */
static int reader(const char *script, const char *path)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct program program = program_of(argv, "dash", "disk web");
	char *text = NULL;
	int code;

	program.source = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(program.source, 0);
	code = program_read(&program, &text, &err);
	close(program.source);
	free(text);
	return code;
}

#define IS_NOT_ROOT "read inside outside count </proc/self/uid_map && [ $outside = 1910000000 ]"

static void readers(void)
{
	char path[256], moved[300];
	const char *const argv[] = {"cat", PROGRAM_SOURCE, NULL};
	struct program program = program_of(argv, "coreutils", "disk web");
	int fd;

	snprintf(path, sizeof(path), "%s/private", scratch);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(reader("cat " PROGRAM_SOURCE, path), 0, "its own file: %s", err.text);
	cr_assert_eq(reader("cat " PROGRAM_SOURCE, "/etc/passwd"), 0, "one for all: %s", err.text);
	cr_assert_lt(reader("cat /etc/shadow", "/etc/passwd"), 0);
	cr_assert_lt(reader("cat /etc/shadow", path), 0);
	cr_assert_lt(reader("echo x >" PROGRAM_SOURCE, path), 0, "it may write");
	cr_assert_lt(reader("echo x >" PROGRAM_SOURCE "/file", scratch), 0, "it may write");
	cr_assert_eq(reader("ls " PROGRAM_SOURCE "/private", scratch), 0, "%s", err.text);

	/* Of root's own file it reads what it may, and is not root, where the file system can say so. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (geteuid() == 0) {
		int view = source_view_make(fd, 1910000000, 1, true);

		cr_assert_eq(reader(view >= 0 ? IS_NOT_ROOT " && cat " PROGRAM_SOURCE : "cat " PROGRAM_SOURCE,
				    path),
			     0, "%s", err.text);
		cr_assert_eq(reader(view >= 0 ? "! [ -w " PROGRAM_SOURCE " ]" : "true", path), 0, "%s",
			     err.text);
		if (view >= 0)
			close(view);
	}
	close(fd);

	/* A name that is another file's by now. */
	if (chmod(path, 0644) < 0) /* with a view a name is no matter */
		cr_assert_fail();
	program.source = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(moved, sizeof(moved), "%s.moved", path);
	cr_assert_eq(symlink("/etc/shadow", moved), 0);
	cr_assert_eq(rename(moved, path), 0);
	cr_assert_lt(program_run(&program, &err), 0);
	close(program.source);
}

Test(program, readers_read_their_source)
{
	readers();
}

Test(program, readers_read_their_source_without_landlock)
{
	forget_landlock();
	readers();
}

/* A folder of the host's, whose owners are seen as they are. */
Test(program, a_folder_of_the_host)
{
	const char *const argv[] = {"sh", "-c", IS_NOT_ROOT " && stat -c %u:%g " PROGRAM_SOURCE "/*", NULL};
	struct program program = program_of(argv, "dash", "disk web");
	char *text = NULL;
	char path[256];
	int view;

	if (geteuid() != 0)
		cr_skip_test("not root");
	snprintf(path, sizeof(path), "%s/a", scratch);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/b", scratch);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_eq(chown(path, 1000, 70000), 0);
	program.source = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	program.owners = PROGRAM_OWNERS_REAL;
	view = source_view_make(program.source, 1910000000, 1U << 24, true);
	if (view < 0)
		cr_skip_test("this file system cannot show owners as others");
	close(view);
	cr_assert_eq(program_read(&program, &text, &err), 0, "%s", err.text);
	cr_assert_str_eq(text, "0:0\n1000:70000\n");
	free(text);
	close(program.source);
}

Test(program, no_namespaces_within)
{
	cr_assert_lt(shell("exec unshare -U true", NULL), 0);
	cr_assert(strstr(err.text, "Operation not permitted"), "%s", err.text);
}

Test(program, deadline_before_its_own_time)
{
	static const char *const argv[] = {"sleep", "30", NULL};
	struct program program = program_of(argv, "coreutils", "disk web");
	uint64_t began = monotonic_ms();

	program.seconds = 15;
	program.deadline_ms = began + 500;
	cr_assert_eq(program_run(&program, &err), -ETIMEDOUT);
	cr_assert_str_eq(err.text, "disk web: sleep was not done in time");
	cr_assert_lt(monotonic_ms() - began, 10000);
}

Test(program, descriptors_of_ours_are_not_its)
{
	char *text = NULL;
	int leaked = open("/etc/hostname", O_RDONLY); /* without O_CLOEXEC, as libraries do */

	cr_assert_eq(dup2(leaked, 50), 50);
	cr_assert_eq(shell("exec ls /proc/self/fd", &text), 0, "%s", err.text);
	cr_assert_not(strstr(text, "50"), "%s", text);
	free(text);
	close(50);
	close(leaked);
}

Test(program, too_much_output_is_cut_off)
{
	char *text = NULL;

	cr_assert_lt(shell("yes | head -c 200000", &text), 1);
	if (text)
		cr_assert_leq(strlen(text), PROGRAM_MESSAGES_MAX);
	free(text);
}

/* Whoever may write to the folder of a disk's file must not have another one handed over in its place. */
Test(program, a_file_that_was_replaced_is_not_handed_over)
{
	AUTO_FREE char *path = NULL, *other = NULL;
	int fd, tree;

	cr_assert(asprintf(&path, "%s/disk", scratch) > 0 && asprintf(&other, "%s/other", scratch) > 0);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	tree = source_tree_open(path, fd);
	if (tree == -EPERM)
		cr_skip_test("no mounts can be made here");
	cr_assert_geq(tree, 0, "%s", strerror(-tree));
	close(tree);
	cr_assert_eq(rename(other, path), 0);
	cr_assert_eq(source_tree_open(path, fd), -ESTALE);
	tree = source_tree_open(path, -1);
	cr_assert_geq(tree, 0, "nobody said which");
	close(tree);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_assert_eq(source_tree_open(path, fd), -ESTALE);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(source_tree_open(path, fd), -ENOENT);
	close(fd);
}
