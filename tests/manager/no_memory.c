/*
 * Preloaded (LD_PRELOAD) into a manager: makes allocations fail when a test says so.
 *
 * NO_MEMORY names a file of one struct no_memory, which the test maps, too (test_memory.py). While `pid` is
 * this process, `skip` is counted down with each allocation; then the next `fail` ones fail with ENOMEM.
 * Without the file nothing fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct no_memory {
	int64_t pid;
	int64_t skip;
	int64_t fail;
	int64_t failed; /* how many did */
};

/* The C library's own, below the names that this one takes. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct no_memory *plan;

static __attribute__((constructor)) void plan_open(void)
{
	const char *path = getenv("NO_MEMORY");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (map != MAP_FAILED)
		plan = map;
}

static bool fails(void)
{
	if (!plan || plan->pid != getpid() || (plan->skip == 0 && plan->fail == 0))
		return false;
	if (plan->skip > 0) {
		plan->skip--;
		return false;
	}
	plan->fail--;
	plan->failed++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	return fails() ? NULL : __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size)
{
	*pointer = memalign(alignment, size);
	return *pointer ? 0 : ENOMEM;
}
