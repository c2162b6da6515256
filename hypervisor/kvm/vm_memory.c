#include "hypervisor/kvm/vm_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define GUEST_PAGE       4096
#define DEVICE_ALIGNMENT GIB(2) /* what Linux adds memory in on large machines, at most */
#define NODES_BITS       65     /* of a 64 bit mask: mbind(2) counts one more than it reads */

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

/* --- Memory devices --- */

static uint64_t devices_size(const struct vm_memory_options *options)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < options->device_count; i++)
		size += options->devices[i].size;
	return size;
}

uint64_t vm_memory_device_base(uint64_t ram, const struct vm_memory_options *options, unsigned device)
{
	uint64_t high = ram - MIN(ram, LAYOUT_LOW_RAM_END);
	uint64_t base = ALIGN_UP(LAYOUT_HIGH_RAM + high, DEVICE_ALIGNMENT);

	for (unsigned i = 0; i < device; i++)
		base = ALIGN_UP(base + options->devices[i].size, DEVICE_ALIGNMENT);
	return base;
}

/* offset: where it lies in the memfd, and behind host. */
static int device_add(struct guest_memory *memory, const struct vm_memory_device *device, uint64_t base,
		      uint8_t *host, uint64_t offset)
{
	uint64_t words = (device->size / device->block + 63) / 64;
	_Atomic uint64_t *bits = calloc(words, sizeof(*bits));
	uint8_t *vcpus =
		mmap(NULL, device->size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, memory->fd, (off_t)offset);
	int code = bits && vcpus != MAP_FAILED
			   ? guest_memory_add(memory, base, device->size, host + offset, offset)
			   : -ENOMEM;

	if (code < 0) {
		if (vcpus != MAP_FAILED)
			munmap(vcpus, device->size);
		free(bits);
		return code;
	}
	madvise(vcpus, device->size, MADV_HUGEPAGE);
	guest_memory_set_blocks(memory, (unsigned)__builtin_ctzll(device->block), bits, vcpus);
	return madvise(vcpus, device->size, MADV_DONTDUMP) < 0 ? -errno : 0;
}

static int devices_add(struct guest_memory *memory, uint64_t ram, uint8_t *host, const char *name,
		       const struct vm_memory_options *options, struct error *err)
{
	uint64_t offset = ram;
	int code = 0;

	for (unsigned i = 0; i < options->device_count && code == 0; i++) {
		code = device_add(memory, &options->devices[i], vm_memory_device_base(ram, options, i), host,
				  offset);
		offset += options->devices[i].size;
	}
	return code < 0 ? error_set(err, code, "guest %s: cannot make room for its memory devices: %s", name,
				    strerror(-code))
			: 0;
}

/* --- The whole --- */

static int memory_map(struct guest_memory *memory, uint64_t size, const char *name,
		      const struct vm_memory_options *options, struct error *err)
{
	int flags = MAP_SHARED | (options->page_size ? 0 : MAP_NORESERVE);
	uint64_t low = MIN(size, LAYOUT_LOW_RAM_END);
	uint64_t all = size + devices_size(options);
	uint8_t *host = mmap(NULL, all, PROT_READ | PROT_WRITE, flags, memory->fd, 0);

	if (host == MAP_FAILED && options->page_size && errno == ENOMEM)
		return refused_pages(name, size, options->page_size, "", err);
	if (host == MAP_FAILED)
		return error_set(err, -errno, "guest %s: cannot map %llu MiB of memory: %m", name,
				 (unsigned long long)(all >> 20));
	guest_memory_add(memory, 0, low, host, 0);
	if (size > low)
		guest_memory_add(memory, LAYOUT_HIGH_RAM, size - low, host + low, low);
	/* Fewer faults at boot, fewer TLB misses after it. A host that has no huge pages for memfds, as
	 * /sys/kernel/mm/transparent_hugepage/shmem_enabled tells, goes without. */
	if (!options->page_size)
		madvise(host, all, MADV_HUGEPAGE);
	if (madvise(host, all, MADV_DONTDUMP) < 0)
		return error_set(err, -errno, "guest %s: cannot keep its memory out of core dumps: %m", name);
	if (devices_add(memory, size, host, name, options, err) < 0)
		return -ENOMEM;
	return memory_bind(host, all, name, options, err);
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
	if (devices_size(options) > INT64_MAX - size || (options->device_count && options->page_size))
		return error_set(err, -EINVAL, "guest %s: memory devices are of ordinary pages", name);
	memory->fd = memory_open(size + devices_size(options), name, options->page_size, err);
	if (memory->fd < 0)
		return memory->fd;
	code = memory_map(memory, size, name, options, err);
	if (code < 0)
		vm_memory_destroy(memory);
	return code;
}

void vm_memory_destroy(struct guest_memory *memory)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];

		all += region->size;
		if (region->vcpus)
			munmap(region->vcpus, region->size);
		free(region->blocks.bits);
	}
	if (memory->count) /* the regions lie in one mapping, one after the other */
		munmap(memory->regions[0].host, all);
	if (memory->fd >= 0)
		close(memory->fd);
	*memory = (struct guest_memory){.fd = -1};
}
