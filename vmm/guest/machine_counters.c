#include "vmm/guest/machine_state.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/counter.h"
#include "common/util.h"
#include "devmodel/virtio/blk.h"

static void count_vcpus(const struct machine *machine, struct machine_counters *counters)
{
	counters->vcpu_count = machine->vcpu_count;
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		const struct machine_vcpu *self = &machine->vcpus[i];
		struct timespec time = {0};
		clockid_t clock;

		for (unsigned kind = 0; kind < VCPU_EXIT_KINDS; kind++) {
			uint64_t exits = counter_read(&self->vcpu.exits[kind]);

			counters->vcpus[i].exits += exits;
			counters->exits[kind] += exits;
		}
		if (self->running && pthread_getcpuclockid(self->thread, &clock) == 0 &&
		    clock_gettime(clock, &time) == 0)
			counters->vcpus[i].cpu_ns =
				(uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
	}
}

static void count_device(const struct virtio_device *device, const char *id, struct device_counters *counters)
{
	struct virtio_counters sum;

	virtio_device_count(device, &sum);
	*counters = (struct device_counters){
		.notifications = sum.notifications,
		.requests = sum.requests,
		.errors = sum.errors,
		.interrupts = sum.interrupts,
		.to_guest = sum.to_guest,
		.from_guest = sum.from_guest,
	};
	snprintf(counters->device, sizeof(counters->device), "%s", id);
}

static void count_disk(const struct virtio_device *device, const char *id, struct machine_counters *counters)
{
	unsigned disk = counters->disk_count++;

	count_device(device, id, &counters->disks[disk]);
	for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++) {
		struct latency_counters *into = &counters->latencies[disk][kind];
		struct latency latency;

		virtio_blk_latency(device, (enum virtio_blk_kind)kind, &latency);
		for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
			into->counts[bucket] = counter_read(&latency.counts[bucket]);
		into->sum_ns = counter_read(&latency.sum_ns);
	}
}

static void count_network(const struct virtio_device *device, const char *id,
			  struct machine_counters *counters)
{
	count_device(device, id, &counters->networks[counters->network_count++]);
}

static void count_balloon(const struct machine *machine, struct balloon_counters *counters)
{
	struct virtio_device *balloon = machine->devices.services.balloon;
	uint64_t memory = MIB(machine->config.definition->memory_mib);
	struct virtio_balloon_state state;

	if (!balloon)
		return;
	virtio_balloon_read(balloon, &state);
	counters->present = true;
	counters->target_bytes = memory - MIN(state.wanted, memory);
	counters->current_bytes = memory - MIN(state.actual, memory);
	counters->returned_bytes = state.returned;
	counters->known = state.stats_known;
	counters->age_ms = monotonic_ms() - state.stats_time;
	memcpy(counters->stats, state.stats, sizeof(counters->stats));
}

static void count_memory(const struct machine *machine, struct memory_counters *counters)
{
	struct machine_memory memory;

	machine_memory_read(machine, &memory);
	counters->size_bytes = memory.size;
	counters->requested_bytes = memory.requested;
	counters->plugged_bytes = memory.plugged;
}

void machine_count(const struct machine *machine, struct machine_counters *counters)
{
	*counters = (struct machine_counters){0};
	count_vcpus(machine, counters);
	count_balloon(machine, &counters->balloon);
	count_memory(machine, &counters->memory);
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &machine->devices.virtio[i];
		const struct virtio_device *device = virtio_slot_device(slot);

		if (device && device->id == VIRTIO_ID_BLOCK && counters->disk_count < DEFINITION_DISKS_MAX)
			count_disk(device, slot->id, counters);
		else if (device && device->id == VIRTIO_ID_NET &&
			 counters->network_count < DEFINITION_NETWORKS_MAX)
			count_network(device, slot->id, counters);
		else if (device && counters->other_count < COUNTERS_OTHERS_MAX)
			count_device(device, slot->id, &counters->others[counters->other_count++]);
	}
}
