/*
 * What a guest process starts with of its maker's: nothing but what it is given. Hostile code in its place
 * looks through its memory for a secret of the manager's, compares its address layout with the manager's,
 * counts its descriptors, and tries to make a file grow that it holds as memory only.
 */
#include "jailed.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/guest/fixed_file.h"

#define MASK      0x5a /* the secret itself is nowhere in the jailed process, not even to be compared with */
#define FILE_SIZE 8192

/* --- The secret --- */

static bool region_has(const unsigned char *start, size_t size, const unsigned char *masked)
{
	for (size_t i = 0; i + JAILED_SECRET <= size; i++) {
		size_t same = 0;

		while (same < JAILED_SECRET && (start[i + same] ^ MASK) == masked[same])
			same++;
		if (same == JAILED_SECRET)
			return true;
	}
	return false;
}

/* Whether the calling process has it anywhere in its memory; -errno. */
static int memory_has(const unsigned char *masked)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned regions = 0;
	bool found = false;
	char line[512];

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		char rights[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3 || rights[0] != 'r' ||
		    strstr(line, "[v")) /* vvar, vsyscall: the kernel's */
			continue;
		regions++;
		found = region_has((const unsigned char *)start, end - start, masked);
	}
	if (maps)
		fclose(maps);
	if (!found && regions < 5)
		return -EIO; /* it has looked at nothing */
	return found;
}

static int look_for_the_secret(const struct jailed_host *host)
{
	int found = memory_has(host->masked);

	return found < 0 ? found : found ? 0 : -ENOENT;
}

/* In the manager's heap, stack, static memory and environment, as another guest's definition may be. */
static void expect_secret_is_not_found(enum jailed_user user)
{
	static char fixed[JAILED_SECRET + 1];
	char on_stack[JAILED_SECRET + 1] = "";
	char *on_heap = malloc(JAILED_SECRET + 1);
	unsigned char masked[JAILED_SECRET];
	struct jailed_end end;

	cr_assert_eq(getrandom(masked, sizeof(masked), 0), sizeof(masked));
	for (size_t i = 0; i < JAILED_SECRET; i++) {
		on_stack[i] = (char)('a' + masked[i] % 26);
		masked[i] = (unsigned char)on_stack[i] ^ MASK;
	}
	strcpy(on_heap, on_stack);
	strcpy(fixed, on_stack);
	setenv("RASTOS_SECRET", fixed, 1);
	cr_assert_eq(memory_has(masked), 1, "the search does not find what is there");
	jailed_give_secret(masked);
	end = jailed_run_open(user, look_for_the_secret);
	cr_assert_eq(end.signal, 0, "ended by signal %d", end.signal);
	cr_assert_eq(end.result, -ENOENT, "%d: it is in the process' memory", end.result);
	cr_assert_str_eq(on_heap, fixed); /* which the compiler keeps until now */
}

Test(root, secret_of_the_manager)
{
	expect_secret_is_not_found(JAILED_ROOT);
}

Test(rootless, secret_of_the_manager)
{
	expect_secret_is_not_found(JAILED_ROOTLESS);
}

/* --- The layout --- */

/* Who knows the manager's knows where to jump to there. */
static int compare_layouts(const struct jailed_host *host)
{
	struct jailed_layout mine;

	jailed_layout_take(&mine);
	for (size_t i = 0; i < ARRAY_SIZE(mine.pages); i++) {
		if (mine.pages[i] == host->layout.pages[i])
			return 0;
	}
	return -ENOENT;
}

static void expect_another_layout(enum jailed_user user)
{
	FILE *file = fopen("/proc/sys/kernel/randomize_va_space", "re");
	struct jailed_end end;
	int randomize = 0;

	if (!file || fscanf(file, "%d", &randomize) != 1 || randomize != 2)
		cr_skip_test("this host does not randomize addresses (kernel.randomize_va_space)");
	fclose(file);
	end = jailed_run_open(user, compare_layouts);
	cr_assert_eq(end.signal, 0, "ended by signal %d", end.signal);
	cr_assert_eq(end.result, -ENOENT, "%d: something is where the manager has it", end.result);
}

Test(root, layout_of_the_manager)
{
	expect_another_layout(JAILED_ROOT);
}

Test(rootless, layout_of_the_manager)
{
	expect_another_layout(JAILED_ROOTLESS);
}

/* --- Descriptors --- */

/* How many are there beside 0, 1, 2, those of jailed_host and the answer's: 0 is what the test fears, the
 * number otherwise is the result. */
static int count_descriptors(const struct jailed_host *host)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	int count = 0;

	(void)host;
	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	return folder ? count - 1 : -errno; /* the folder's own */
}

Test(rootless, descriptors_of_the_manager)
{
	int inherited = dup(STDERR_FILENO); /* without FD_CLOEXEC */
	struct jailed_end end = jailed_run_open(JAILED_ROOTLESS, count_descriptors);

	cr_assert_geq(inherited, 0);
	cr_assert_eq(end.result, 3 + JAILED_DESCRIPTORS, "%d", end.result);
}

/* --- A file that is only memory --- */

static sigjmp_buf beyond;

static void bus_error(int number)
{
	(void)number;
	siglongjmp(beyond, 1);
}

/* 0: the byte could be written. */
static int write_byte(volatile char *at)
{
	if (sigsetjmp(beyond, 1))
		return -EFBIG;
	*at = 'x';
	return 0;
}

static int grow_the_mapping(const struct jailed_host *host)
{
	struct error err;
	struct stat status;
	int watch = dup(host->file);
	char *memory, *more;

	signal(SIGBUS, bus_error);
	if (ftruncate(host->file, FILE_SIZE) < 0)
		return -EIO;
	memory = fixed_file_map(host->file, FILE_SIZE, &err);
	if (!memory || write_byte(memory + FILE_SIZE - 1) < 0)
		return -EIO; /* what it may */
	more = mremap(memory, FILE_SIZE, 8UL * FILE_SIZE, MREMAP_MAYMOVE);
	if (more == MAP_FAILED)
		return -errno;
	if (write_byte(more + 4UL * FILE_SIZE) == 0)
		return 0;
	if (madvise(more, 8UL * FILE_SIZE, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (fcntl(host->file, F_GETFD) >= 0)
		return 0; /* it has the descriptor still */
	return fstat(watch, &status) == 0 && status.st_size == FILE_SIZE ? -EFBIG : 0;
}

Test(root, file_that_is_memory)
{
	struct jailed_end end = jailed_run(JAILED_ROOT, NULL, grow_the_mapping);

	cr_assert_eq(end.signal, 0, "ended by signal %d", end.signal);
	cr_assert_eq(end.result, -EFBIG, "%d: it grew", end.result);
}
