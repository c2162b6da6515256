#include "vmm/manager/metrics_guests.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/process_usage.h"
#include "vmm/manager/stats.h"

#define NS_PER_SECOND 1e9

/* A guest, and what is known of it now. */
struct sample {
	const struct managed_guest *guest;
	bool alive;
	bool measured; /* usage is known */
	struct process_usage usage;
	const struct machine_counters *counters; /* NULL: it told none */
};

struct samples {
	unsigned count;
	struct sample list[];
};

static const char *guest_name(const struct sample *sample)
{
	return sample->guest->definition->name;
}

static void take_sample(const struct managed_guest *guest, struct sample *sample)
{
	*sample = (struct sample){.guest = guest, .alive = guest_alive(guest)};
	if (sample->alive)
		sample->measured = process_usage_read(guest->record.process.pid, &sample->usage);
	if (stats_counted(guest))
		sample->counters = &guest->counters;
}

/* --- One number a guest --- */

struct guest_metric {
	const char *name, *type, *help;
	bool (*value)(const struct sample *sample, double *value);
};

static bool uptime(const struct sample *sample, double *value)
{
	*value = (double)(monotonic_ns() - sample->guest->record.started_ns) / NS_PER_SECOND;
	return sample->alive;
}

static bool boot(const struct sample *sample, double *value)
{
	const struct boot_step_time *ready = &sample->guest->report.steps[BOOT_STEP_READY];

	*value = (double)ready->wall_ns / NS_PER_SECOND;
	return sample->alive && ready->reached;
}

static bool restarts(const struct sample *sample, double *value)
{
	*value = sample->guest->record.restarts;
	return true;
}

static bool vcpus(const struct sample *sample, double *value)
{
	*value = guest_vcpus(sample->guest);
	return sample->alive;
}

static bool memory(const struct sample *sample, double *value)
{
	*value = (double)sample->guest->definition->memory_mib * 1048576;
	return sample->alive;
}

static bool cpu(const struct sample *sample, double *value)
{
	*value = (double)sample->usage.cpu_ns / NS_PER_SECOND;
	return sample->measured;
}

static bool resident(const struct sample *sample, double *value)
{
	*value = (double)sample->usage.resident_bytes;
	return sample->measured;
}

static bool own(const struct sample *sample, double *value)
{
	*value = (double)sample->usage.own_bytes;
	return sample->measured;
}

static const struct guest_metric guest_metrics[] = {
	{"rastos_guest_restarts", "gauge", "Restarts after a crash, in a row.", restarts},
	{"rastos_guest_uptime_seconds", "gauge", "Since the guest's process was started.", uptime},
	{"rastos_guest_boot_seconds", "gauge", "From its start to READY=1 of its init.", boot},
	{"rastos_guest_vcpus", "gauge", "The guest's vCPUs.", vcpus},
	{"rastos_guest_memory_bytes", "gauge", "The guest's RAM.", memory},
	{"rastos_guest_cpu_seconds_total", "counter",
	 "CPU time of the guest's process, the guest's own included.", cpu},
	{"rastos_guest_resident_memory_bytes", "gauge",
	 "Memory of the guest's process that is there, the guest's RAM included.", resident},
	{"rastos_guest_own_memory_bytes", "gauge", "Memory of the guest's process beside the guest's RAM.",
	 own},
};

static void write_guest_metrics(struct prometheus *out, const struct samples *samples)
{
	for (unsigned i = 0; i < ARRAY_SIZE(guest_metrics); i++) {
		const struct guest_metric *metric = &guest_metrics[i];

		prometheus_family(out, metric->name, metric->type, metric->help);
		for (unsigned j = 0; j < samples->count; j++) {
			const struct sample *sample = &samples->list[j];
			const struct prometheus_label labels[] = {{"guest", guest_name(sample)},
								  {NULL, NULL}};
			double value;

			if (metric->value(sample, &value))
				prometheus_sample(out, "", labels, value);
		}
	}
}

static void write_states(struct prometheus *out, const struct samples *samples)
{
	prometheus_family(out, "rastos_guest_state", "gauge",
			  "1 for the state that the guest is in, 0 for others.");
	for (unsigned i = 0; i < samples->count; i++) {
		for (unsigned state = 0; state < LIFE_STATES; state++) {
			const struct prometheus_label labels[] = {
				{"guest", guest_name(&samples->list[i])},
				{"state", life_state_name((enum life_state)state)},
				{NULL, NULL},
			};

			prometheus_sample(out, "", labels, samples->list[i].guest->state == state);
		}
	}
}

/* --- Its vCPUs --- */

static void write_vcpus(struct prometheus *out, const struct samples *samples, bool exits)
{
	for (unsigned i = 0; i < samples->count; i++) {
		const struct machine_counters *counters = samples->list[i].counters;

		for (unsigned j = 0; counters && j < counters->vcpu_count; j++) {
			char number[12];
			const struct prometheus_label labels[] = {
				{"guest", guest_name(&samples->list[i])}, {"vcpu", number}, {NULL, NULL}};

			snprintf(number, sizeof(number), "%u", j);
			prometheus_sample(out, "", labels,
					  exits ? (double)counters->vcpus[j].exits
						: (double)counters->vcpus[j].cpu_ns / NS_PER_SECOND);
		}
	}
}

static void write_exits(struct prometheus *out, const struct samples *samples)
{
	prometheus_family(out, "rastos_guest_exits_total", "counter",
			  "How often KVM came back to the guest's process, by reason.");
	for (unsigned i = 0; i < samples->count; i++) {
		const struct machine_counters *counters = samples->list[i].counters;

		for (unsigned kind = 0; counters && kind < VCPU_EXIT_KINDS; kind++) {
			const struct prometheus_label labels[] = {
				{"guest", guest_name(&samples->list[i])},
				{"reason", counters_exit_names[kind]},
				{NULL, NULL},
			};

			prometheus_sample(out, "", labels, (double)counters->exits[kind]);
		}
	}
}

/* --- Its devices --- */

enum device_kind {
	DEVICE_DISK = 1,
	DEVICE_NETWORK = 2,
	DEVICE_OTHER = 4,
	DEVICE_ANY = 7,
};

struct device_metric {
	const char *name, *help;
	size_t offset; /* in struct device_counters */
	unsigned kinds;
};

#define COUNTER(field) offsetof(struct device_counters, field)

static const struct device_metric device_metrics[] = {
	{"rastos_guest_device_notifications_total", "Times that the driver's notifications were answered.",
	 COUNTER(notifications), DEVICE_ANY},
	{"rastos_guest_device_requests_total", "Requests and buffers taken from the driver's queues.",
	 COUNTER(requests), DEVICE_ANY},
	{"rastos_guest_device_errors_total", "Requests that failed, and faults that stopped the device.",
	 COUNTER(errors), DEVICE_ANY},
	{"rastos_guest_device_interrupts_total", "Interrupts of the device's queues.", COUNTER(interrupts),
	 DEVICE_ANY},
	{"rastos_guest_disk_read_bytes_total", "Bytes that the guest has read.", COUNTER(to_guest),
	 DEVICE_DISK},
	{"rastos_guest_disk_written_bytes_total", "Bytes that the guest has written.", COUNTER(from_guest),
	 DEVICE_DISK},
	{"rastos_guest_network_received_bytes_total", "Bytes that the guest has received.", COUNTER(to_guest),
	 DEVICE_NETWORK},
	{"rastos_guest_network_sent_bytes_total", "Bytes that the guest has sent.", COUNTER(from_guest),
	 DEVICE_NETWORK},
};

static void write_devices(struct prometheus *out, const struct device_metric *metric,
			  const struct sample *sample, const struct device_counters *devices, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct prometheus_label labels[] = {
			{"guest", guest_name(sample)}, {"device", devices[i].device}, {NULL, NULL}};
		const uint64_t *value = (const uint64_t *)((const char *)&devices[i] + metric->offset);

		if (devices[i].device[0])
			prometheus_sample(out, "", labels, (double)*value);
	}
}

static void write_device_metrics(struct prometheus *out, const struct samples *samples)
{
	for (unsigned i = 0; i < ARRAY_SIZE(device_metrics); i++) {
		const struct device_metric *metric = &device_metrics[i];

		prometheus_family(out, metric->name, "counter", metric->help);
		for (unsigned j = 0; j < samples->count; j++) {
			const struct sample *sample = &samples->list[j];
			const struct machine_counters *counters = sample->counters;

			if (counters && metric->kinds & DEVICE_DISK)
				write_devices(out, metric, sample, counters->disks, counters->disk_count);
			if (counters && metric->kinds & DEVICE_NETWORK)
				write_devices(out, metric, sample, counters->networks,
					      counters->network_count);
			if (counters && metric->kinds & DEVICE_OTHER)
				write_devices(out, metric, sample, counters->others, counters->other_count);
		}
	}
}

/* --- Its balloon --- */

struct balloon_metric {
	const char *name, *type, *help;
	size_t offset;     /* in struct balloon_counters */
	uint32_t when_bit; /* of `known`; 0: always */
};

#define BALLOON(field) offsetof(struct balloon_counters, field), 0
#define SAID(tag)      offsetof(struct balloon_counters, stats[tag]), 1U << (tag)

static const struct balloon_metric balloon_metrics[] = {
	{"rastos_guest_balloon_target_bytes", "gauge", "Memory that the guest is to have.",
	 BALLOON(target_bytes)},
	{"rastos_guest_balloon_current_bytes", "gauge", "Memory that the guest has.", BALLOON(current_bytes)},
	{"rastos_guest_balloon_returned_bytes_total", "counter",
	 "Memory given back to the host, each time it was.", BALLOON(returned_bytes)},
	{"rastos_guest_said_memory_bytes", "gauge", "Memory, as the guest says.", SAID(VIRTIO_BALLOON_TOTAL)},
	{"rastos_guest_said_free_bytes", "gauge", "Free memory, as the guest says.",
	 SAID(VIRTIO_BALLOON_FREE)},
	{"rastos_guest_said_available_bytes", "gauge",
	 "Memory that could be had without swapping, as the guest says.", SAID(VIRTIO_BALLOON_AVAILABLE)},
	{"rastos_guest_said_cache_bytes", "gauge", "Caches that could be dropped, as the guest says.",
	 SAID(VIRTIO_BALLOON_CACHES)},
	{"rastos_guest_said_swap_in_bytes_total", "counter", "Swapped in, as the guest says.",
	 SAID(VIRTIO_BALLOON_SWAP_IN)},
	{"rastos_guest_said_swap_out_bytes_total", "counter", "Swapped out, as the guest says.",
	 SAID(VIRTIO_BALLOON_SWAP_OUT)},
	{"rastos_guest_said_major_faults_total", "counter", "Major faults, as the guest says.",
	 SAID(VIRTIO_BALLOON_MAJOR_FAULTS)},
};

static void write_balloons(struct prometheus *out, const struct samples *samples)
{
	for (unsigned i = 0; i < ARRAY_SIZE(balloon_metrics); i++) {
		const struct balloon_metric *metric = &balloon_metrics[i];

		prometheus_family(out, metric->name, metric->type, metric->help);
		for (unsigned j = 0; j < samples->count; j++) {
			const struct machine_counters *counters = samples->list[j].counters;
			const struct prometheus_label labels[] = {{"guest", guest_name(&samples->list[j])},
								  {NULL, NULL}};

			if (!counters || !counters->balloon.present ||
			    (metric->when_bit && !(counters->balloon.known & metric->when_bit)))
				continue;
			prometheus_sample(out, "", labels,
					  (double)*(const uint64_t *)((const char *)&counters->balloon +
								      metric->offset));
		}
	}
}

/* --- Memory that is plugged in --- */

static void write_memory(struct prometheus *out, const struct samples *samples)
{
	static const struct {
		const char *name, *help;
		size_t offset; /* in struct memory_counters */
	} metrics[] = {
		{"rastos_guest_memory_devices_size_bytes", "Memory that can be plugged in.",
		 offsetof(struct memory_counters, size_bytes)},
		{"rastos_guest_memory_devices_requested_bytes", "Memory that is to be plugged in.",
		 offsetof(struct memory_counters, requested_bytes)},
		{"rastos_guest_memory_devices_plugged_bytes", "Memory that is plugged in.",
		 offsetof(struct memory_counters, plugged_bytes)},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(metrics); i++) {
		prometheus_family(out, metrics[i].name, "gauge", metrics[i].help);
		for (unsigned j = 0; j < samples->count; j++) {
			const struct machine_counters *counters = samples->list[j].counters;
			const struct prometheus_label labels[] = {{"guest", guest_name(&samples->list[j])},
								  {NULL, NULL}};

			if (counters && counters->memory.size_bytes)
				prometheus_sample(
					out, "", labels,
					(double)*(const uint64_t *)((const char *)&counters->memory +
								    metrics[i].offset));
		}
	}
}

/* --- How long its disks' requests took --- */

enum {
	LABEL_LE = 3, /* the place that is free for it */
	LABELS = 5,
};

static void write_latency(struct prometheus *out, struct prometheus_label labels[LABELS],
			  const struct latency_counters *latency)
{
	double count = 0;
	char bound[24];

	labels[LABEL_LE].name = "le";
	for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
		bool last = bucket == LATENCY_BUCKETS - 1;

		count += (double)latency->counts[bucket];
		snprintf(bound, sizeof(bound), "%g",
			 last ? 0 : (double)latency_bounds_ns[bucket] / NS_PER_SECOND);
		labels[LABEL_LE].value = last ? "+Inf" : bound;
		prometheus_sample(out, "_bucket", labels, count);
	}
	labels[LABEL_LE].name = NULL;
	prometheus_sample(out, "_sum", labels, (double)latency->sum_ns / NS_PER_SECOND);
	prometheus_sample(out, "_count", labels, count);
}

static void write_latencies(struct prometheus *out, const struct samples *samples)
{
	prometheus_family(
		out, "rastos_guest_disk_request_duration_seconds", "histogram",
		"How long the disk's requests took, from when they were taken to when they were done.");
	for (unsigned i = 0; i < samples->count; i++) {
		const struct machine_counters *counters = samples->list[i].counters;

		for (unsigned disk = 0; counters && disk < counters->disk_count; disk++) {
			for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++) {
				struct prometheus_label labels[LABELS] = {
					{"guest", guest_name(&samples->list[i])},
					{"device", counters->disks[disk].device},
					{"operation", counters_blk_names[kind]},
				};

				if (counters->disks[disk].device[0])
					write_latency(out, labels, &counters->latencies[disk][kind]);
			}
		}
	}
}

void metrics_guests(struct prometheus *out, const struct manager *manager)
{
	AUTO_FREE struct samples *samples =
		calloc(1, sizeof(*samples) + manager->guest_count * sizeof(struct sample));

	if (!samples)
		return;
	samples->count = manager->guest_count;
	for (unsigned i = 0; i < samples->count; i++)
		take_sample(manager->guests[i], &samples->list[i]);
	write_states(out, samples);
	write_guest_metrics(out, samples);
	prometheus_family(out, "rastos_guest_vcpu_cpu_seconds_total", "counter",
			  "CPU time of the vCPU's thread, the guest's own included.");
	write_vcpus(out, samples, false);
	prometheus_family(out, "rastos_guest_vcpu_exits_total", "counter",
			  "How often KVM came back to the vCPU's thread.");
	write_vcpus(out, samples, true);
	write_exits(out, samples);
	write_device_metrics(out, samples);
	write_balloons(out, samples);
	write_memory(out, samples);
	write_latencies(out, samples);
}
