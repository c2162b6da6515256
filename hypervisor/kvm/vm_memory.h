/*
 * A guest's RAM: one memfd, mapped, laid out around the hole under 4 GiB (hypervisor/x86_64/layout.h), so
 * that a vhost-user backend can map it too. Needs no VM. Without options it is ordinary pages, which the
 * kernel may join, with no reservation, from wherever the kernel finds them. It is in no core dump.
 *
 * Huge pages come from the host's pools (Linux Documentation/admin-guide/mm/hugetlbpage.rst) and are reserved
 * here: a pool that is too small is an error now, not a SIGBUS of the running guest. Those bound to nodes are
 * allocated here too, because a reservation is not of a node. NUMA policies are those of mbind(2), set before
 * any page is touched; they hold for whoever maps the memfd.
 *
 * Memory devices lie behind the RAM in the same memfd, and are regions of blocks of their own
 * (common/guest_memory.h), all unplugged: holes, mapped once for devices and once, with no access, for the
 * vCPUs.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

enum vm_memory_policy {
	VM_MEMORY_BIND,       /* from these nodes or not at all */
	VM_MEMORY_PREFERRED,  /* from the first of these nodes while it has some */
	VM_MEMORY_INTERLEAVE, /* page by page from all of them */
};

/* Memory that comes and goes while the guest runs (devmodel/virtio/mem.h). */
struct vm_memory_device {
	uint64_t size;  /* bytes, whole blocks */
	uint64_t block; /* a power of two */
};

#define VM_MEMORY_DEVICES_MAX 2

struct vm_memory_options {
	uint64_t page_size; /* bytes of a huge page, a power of two; 0: ordinary pages */
	uint64_t nodes;     /* bit N: node N; 0: any */
	enum vm_memory_policy policy;
	unsigned device_count; /* ordinary pages only */
	struct vm_memory_device devices[VM_MEMORY_DEVICES_MAX];
};

/* Where the region of a memory device is: above RAM of that size, the devices before it, and 4 GiB. */
uint64_t vm_memory_device_base(uint64_t ram, const struct vm_memory_options *options, unsigned device);

/* Allocates RAM of `size` bytes, a whole number of pages, in a memfd named `name`. options may be NULL. */
int vm_memory_create(struct guest_memory *memory, uint64_t size, const char *name,
		     const struct vm_memory_options *options, struct error *err);
void vm_memory_destroy(struct guest_memory *memory); /* after vm_close */
