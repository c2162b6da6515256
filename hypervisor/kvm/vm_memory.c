#include "hypervisor/kvm/vm_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define GUEST_PAGE 4096
#define NODES_BITS 65 /* of a 64 bit mask: mbind(2) counts one more than it reads */

/* In the units of the pools' names. */
static const char *page_name(uint64_t page_size)
{
	return page_size == GIB(1) ? "1G" : page_size == MIB(2) ? "2M" : "huge";
}

static int refused_pages(const char *name, uint64_t size, uint64_t page_size, const char *where,
			 struct error *err)
{
	return error_set(err, -ENOMEM,
			 "guest %s: the host has not %llu MiB of free %s pages%s; "
			 "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages makes more",
			 name, (unsigned long long)(size >> 20), page_name(page_size), where,
			 (unsigned long long)(page_size >> 10));
}

/* A memfd that nobody it is shared with can shrink under our feet. */
static int memory_open(uint64_t size, const char *name, uint64_t page_size, struct error *err)
{
	unsigned huge = page_size ? MFD_HUGETLB | (unsigned)__builtin_ctzll(page_size) << MFD_HUGE_SHIFT : 0;
	AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);

	if (fd < 0 && page_size && (errno == ENODEV || errno == EINVAL))
		return error_set(err, -ENODEV, "guest %s: this kernel has no %s pages", name,
				 page_name(page_size));
	if (fd < 0)
		return error_set(err, -errno, "guest %s: cannot make its memory: %m", name);
	if (ftruncate(fd, (off_t)size) < 0)
		return error_set(err, -errno, "guest %s: cannot make %llu MiB of memory: %m", name,
				 (unsigned long long)(size >> 20));
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_set(err, -errno, "guest %s: cannot seal its memory's size: %m", name);
	return TAKE_FD(fd);
}

static int memory_bind(void *host, uint64_t size, const char *name, const struct vm_memory_options *options,
		       struct error *err)
{
	static const int modes[] = {
		[VM_MEMORY_BIND] = MPOL_BIND,
		[VM_MEMORY_PREFERRED] = MPOL_PREFERRED,
		[VM_MEMORY_INTERLEAVE] = MPOL_INTERLEAVE,
	};

	if (!options->nodes)
		return 0;
	if (syscall(SYS_mbind, host, size, modes[options->policy], &options->nodes, NODES_BITS, 0) < 0)
		return error_set(err, -errno, "guest %s: cannot have its memory on these NUMA nodes: %m",
				 name);
	if (!options->page_size || options->policy != VM_MEMORY_BIND)
		return 0;
	if (madvise(host, size, MADV_POPULATE_WRITE) < 0 &&
	    errno != EINVAL) /* EINVAL: older than Linux 5.14 */
		return refused_pages(name, size, options->page_size, " on its NUMA nodes", err);
	return 0;
}

static int memory_map(struct guest_memory *memory, uint64_t size, const char *name,
		      const struct vm_memory_options *options, struct error *err)
{
	int flags = MAP_SHARED | (options->page_size ? 0 : MAP_NORESERVE);
	uint64_t low = MIN(size, LAYOUT_LOW_RAM_END);
	uint8_t *host = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, memory->fd, 0);

	if (host == MAP_FAILED && options->page_size && errno == ENOMEM)
		return refused_pages(name, size, options->page_size, "", err);
	if (host == MAP_FAILED)
		return error_set(err, -errno, "guest %s: cannot map %llu MiB of memory: %m", name,
				 (unsigned long long)(size >> 20));
	guest_memory_add(memory, 0, low, host, 0);
	if (size > low)
		guest_memory_add(memory, LAYOUT_HIGH_RAM, size - low, host + low, low);
	/* Fewer faults at boot, fewer TLB misses after it. A host that has no huge pages for memfds, as
	 * /sys/kernel/mm/transparent_hugepage/shmem_enabled tells, goes without. */
	if (!options->page_size)
		madvise(host, size, MADV_HUGEPAGE);
	if (madvise(host, size, MADV_DONTDUMP) < 0)
		return error_set(err, -errno, "guest %s: cannot keep its memory out of core dumps: %m", name);
	return memory_bind(host, size, name, options, err);
}

int vm_memory_create(struct guest_memory *memory, uint64_t size, const char *name,
		     const struct vm_memory_options *options, struct error *err)
{
	static const struct vm_memory_options ordinary = {0};
	uint64_t page;
	int code;

	options = options ? options : &ordinary;
	page = options->page_size ? options->page_size : GUEST_PAGE;
	*memory = (struct guest_memory){.fd = -1};
	if (size == 0 || size % page || size > INT64_MAX)
		return error_set(err, -EINVAL, "guest %s: %llu bytes of memory are not a whole number of %s",
				 name, (unsigned long long)size, options->page_size ? "huge pages" : "pages");
	memory->fd = memory_open(size, name, options->page_size, err);
	if (memory->fd < 0)
		return memory->fd;
	code = memory_map(memory, size, name, options, err);
	if (code < 0)
		vm_memory_destroy(memory);
	return code;
}

void vm_memory_destroy(struct guest_memory *memory)
{
	if (memory->count) /* the regions lie in one mapping, one after the other */
		munmap(memory->regions[0].host, guest_memory_size(memory));
	if (memory->fd >= 0)
		close(memory->fd);
	*memory = (struct guest_memory){.fd = -1};
}
