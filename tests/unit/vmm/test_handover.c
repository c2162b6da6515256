/* What a manager hands to a guest process arrives there; who was handed nothing, or something else, is told
 * so. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "vmm/guest/handover.h"
#include "vmm/jail/descriptors.h"

static const char text[] =
	"{\"name\":\"web\",\"kernel\":{\"path\":\"/boot/vmlinux\",\"cmdline\":\"quiet\"},\"memory_mib\":64,"
	"\"disks\":[{\"path\":\"/disk\"},{\"path\":\"/other\"}],\"vsock\":{\"cid\":7}}";

static struct guest_definition *definition;
static struct guest_resources resources;
static struct guest_process_config config;
static struct error err;

/* A descriptor that is known again by what can be read from it. */
static int marked(char mark)
{
	int fd = memfd_create("mark", MFD_CLOEXEC);

	cr_assert_eq(pwrite(fd, &mark, 1, 0), 1);
	return fd;
}

static char mark_of(int fd)
{
	char mark = 0;

	return pread(fd, &mark, 1, 0) == 1 ? mark : 0;
}

static void setup(void)
{
	cr_assert_eq(definition_parse("test", "/", text, &definition, &err), 0, "%s", err.text);
	guest_resources_init(&resources);
	resources.kvm_fd = marked('k');
	resources.image.fd = marked('i');
	resources.disks[0] = (struct disk_resource){.fd = marked('0'), .size = 4096};
	resources.disks[1] = (struct disk_resource){.fd = marked('1'), .size = 1ULL << 40};
	config = (struct guest_process_config){
		.definition = definition,
		.resources = &resources,
		.control_fd = marked('c'),
		.listen_fd = -1,
		.last_words_fd = marked('w'),
		.console_log_fd = -1,
		.broker_fd = -1,
		.confinement = GUEST_JAILED,
	};
}

TestSuite(handover, .init = setup, .timeout = 20);

/* In a process that has the descriptors, and nothing else of this one's that it would look at. */
static int in_guest_process(const int *descriptors, unsigned count, int (*check)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (descriptors_place(descriptors, count, NULL, 0) < 0)
			_exit(100);
		_exit(check());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

#define WANT(what)                                                                                           \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			return __LINE__ % 100 + 1;                                                           \
	} while (0)

static int take_all(void)
{
	struct handed_over handed;
	const struct guest_definition *given;

	WANT(handover_take(&handed, &err) == 0);
	given = handed.definition;
	WANT(strcmp(given->name, "web") == 0 && strcmp(given->cmdline, "quiet") == 0);
	WANT(given->memory_mib == 48 && given->placement.weight == 70 && given->placement.pin_count == 2 &&
	     given->placement.pins[1] == 5);
	WANT(handed.started_ns == 123456789012345 && handed.config.confinement == GUEST_JAILED);
	WANT(mark_of(handed.config.control_fd) == 'c' && mark_of(handed.config.last_words_fd) == 'w');
	WANT(mark_of(handed.resources.kvm_fd) == 'k' && mark_of(handed.resources.image.fd) == 'i');
	WANT(mark_of(handed.resources.disks[0].fd) == '0' && mark_of(handed.resources.disks[1].fd) == '1');
	WANT(handed.resources.disks[0].size == 4096 && handed.resources.disks[1].size == 1ULL << 40);
	WANT(handed.config.listen_fd == -1 && handed.config.console_log_fd == -1 &&
	     handed.config.broker_fd == -1);
	WANT(handed.resources.vsock_listen_fd == -1 && handed.resources.disks[2].fd == -1);
	WANT(strcmp(handed.resources.image.path, "/boot/vmlinux") == 0);
	WANT(handed.resources.key_count == 1 && strcmp(handed.resources.keys[0].text, "PEM\n") == 0);
	WANT(fcntl(HANDOVER_MEMORY_FD, F_GETFD) < 0); /* it is read once */
	WANT(fcntl(handed.resources.kvm_fd, F_GETFD) == FD_CLOEXEC);
	handed_over_free(&handed);
	return 0;
}

Test(handover, arrives_as_it_was)
{
	struct handover handover;

	resources.keys[0] = (struct fit_key){.name = "me", .path = "/keys/me.pem", .text = "PEM\n"};
	resources.key_count = 1;
	definition->memory_mib = 48; /* what the plan says counts, not the definition */
	definition->placement.weight = 70;
	definition->placement.pin_count = 2;
	definition->placement.pins[0] = 4;
	definition->placement.pins[1] = 5;
	cr_assert_eq(handover_make(&config, STDERR_FILENO, 123456789012345, &handover, &err), 0, "%s",
		     err.text);
	cr_assert_lt(pwrite(handover.memory, "x", 1, 0), 0, "it can be changed still");
	cr_expect_eq(in_guest_process(handover.descriptors, handover.count, take_all), 0);
	handover_close(&handover);
}

static int refuse(void)
{
	struct handed_over handed;
	struct error why = {0};

	WANT(handover_take(&handed, &why) == -EINVAL);
	WANT(*why.text && !strchr(why.text, '\n'));
	return 0;
}

/* lines, with all places but the first, empty, in the place of %s. */
static int memory_with(const char *lines)
{
	int memory = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char none[HANDOVER_GUEST_MAX] = "";

	memset(none, '-', sizeof(none) - 1);
	cr_assert_geq(dprintf(memory, lines, none), 0);
	return memory;
}

/* Three descriptors as any process has them, that memory, and one more. */
static int refused(const char *lines, bool sealed)
{
	int memory = memory_with(lines);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int descriptors[] = {null_fd, null_fd, STDERR_FILENO, memory, config.control_fd};
	int result;

	if (sealed)
		fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	result = in_guest_process(descriptors, 5, refuse);
	close(memory);
	close(null_fd);
	return result;
}

#define DEFINITION "\n{\"name\":\"web\",\"kernel\":{\"path\":\"/k\"}}\n"
#define NUMBERS    "\"numbers\":{\"memory_mib\":16},\"descriptors\""

Test(handover, anything_else_is_refused)
{
	static const char *const bad[] = {
		"",
		"\n",
		"{}",
		"{}\n{}\n",
		"[]" DEFINITION,
		"{\"jail\":1}" DEFINITION,
		"{\"jails\":true}" DEFINITION,
		"{" NUMBERS ":[]}" DEFINITION,
		"{" NUMBERS ":\"\"}" DEFINITION,
		"{" NUMBERS ":\"-%s-\"}" DEFINITION,
		"{" NUMBERS ":\"%s\"}" DEFINITION,
		"{" NUMBERS ":\"4%s\"}" DEFINITION,
		"{" NUMBERS ":\"-%s\",\"disks\":[5]}" DEFINITION,
		"{" NUMBERS ":\"-%s\",\"keys\":[{\"name\":\"a\"}]}" DEFINITION,
		"{\"numbers\":{\"memory_mib\":-1},\"descriptors\":\"-%s\"}" DEFINITION,
		"{\"descriptors\":\"-%s\"}" DEFINITION,
	};
	char more_than_there_are[HANDOVER_GUEST_MAX + 200] = "{" NUMBERS ":\"";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_eq(refused(bad[i], true), 0, "%s", bad[i]);
	memset(more_than_there_are + strlen(more_than_there_are), '+', HANDOVER_GUEST_MAX);
	strcat(more_than_there_are, "\"}" DEFINITION);
	cr_expect_eq(refused(more_than_there_are, true), 0);
	cr_expect_eq(refused("{" NUMBERS ":\"-%s\"}" DEFINITION, false), 0, "it is not sealed");
}

static int accept_it(void)
{
	struct handed_over handed;

	return handover_take(&handed, &err) == 0 ? 0 : 1;
}

/* What the ones above are wrong in is all that they are wrong in. */
Test(handover, least_that_is_accepted)
{
	int memory = memory_with("{" NUMBERS ":\"+%s\"}" DEFINITION);
	const int descriptors[] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO, memory, config.control_fd};

	cr_assert_eq(fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	cr_expect_eq(in_guest_process(descriptors, 5, accept_it), 0);
}
