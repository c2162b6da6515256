/*
 * Micro tests: guests of a few instructions on /dev/kvm, behind the project's own KVM layer and devices.
 *
 * One file is one test program, test_THING.c, and holds both sides. It is compiled twice: with MICRO_GUEST
 * defined, as a freestanding ELF program whose functions GUEST(name) are the guests; and without, as a
 * Criterion program that builds a machine and runs them in it.
 *
 *     #ifdef MICRO_GUEST
 *     #include "tests/micro/guest.h"
 *     GUEST(adds)
 *     {
 *             EXPECT(1 + 1 == 2);                          // else the guest ends with this line's number
 *             return 0;
 *     }
 *     #else
 *     #include "tests/micro/micro.h"
 *     MICRO_TEST(arithmetic, adds)
 *     {
 *             struct micro micro;
 *
 *             micro_create(&micro, 1);
 *             micro_expect(&micro, "adds", 0);
 *             micro_destroy(&micro);
 *     }
 *     #endif
 *
 * Whatever goes wrong in here fails the running test. Where /dev/kvm can't be opened the program says why and
 * exits with 77, which ctest counts as skipped.
 */
#pragma once

#include <criterion/criterion.h>
#include <pthread.h>

#include "common/guest_memory.h"
#include "common/loop.h"
#include "devmodel/bus.h"
#include "devmodel/irq.h"
#include "devmodel/machine_events.h"
#include "devmodel/virtio/mmio.h"
#include "hypervisor/kvm/vcpu.h"
#include "tests/micro/ports.h"

#define MICRO_VCPUS_MAX   4
#define MICRO_MEMORY      (16 << 20)
#define MICRO_TIMEOUT     20 /* seconds: a guest that hangs is a failure, not a wait */
#define MICRO_LINES_MAX   8
#define MICRO_REPORTS_MAX 64

#define MICRO_TEST(suite, name) Test(suite, name, .timeout = MICRO_TIMEOUT)

/* How a guest's run ended. */
struct micro_end {
	enum vcpu_stop stop; /* of the boot CPU; VCPU_KICKED also for a guest that returned */
	bool returned;
	uint32_t value;     /* what the guest function returned */
	struct error error; /* for VCPU_FAULT */
};

struct micro_line {
	struct irq_line line;
	int eventfd;
};

struct micro {
	struct kvm kvm;
	struct vm vm;
	struct guest_memory memory;
	struct cpu_topology topology;
	struct vcpu vcpus[MICRO_VCPUS_MAX];
	pthread_t threads[MICRO_VCPUS_MAX];
	struct bus ports;
	struct bus mmio;
	struct vcpu_io io;
	struct loop loop; /* devices' own; runs on its thread during micro_run */
	pthread_t loop_thread;
	struct virtio_mmio virtio;
	struct micro_line lines[MICRO_LINES_MAX];
	unsigned line_count;
	struct machine_events events; /* power-off and reset end the run; which is in the next two */
	bool powered_off;
	const char *reset_by; /* NULL: not reset */
	bool returned;
	uint32_t value;
	uint64_t entry; /* _start of the guest program */
	/* What the guest wrote to MICRO_PORT_REPORT, in order; readers wait with micro_wait_reports. */
	pthread_mutex_t lock;
	pthread_cond_t reported;
	unsigned report_count;
	uint32_t reports[MICRO_REPORTS_MAX];
};

void micro_create(struct micro *micro, unsigned vcpus); /* 1 socket, `vcpus` cores */
void micro_create_topology(struct micro *micro, struct cpu_topology topology);
void micro_destroy(struct micro *micro);

/* Before micro_run: puts a device on a bus; the line of interrupt gsi, which lasts as long as micro. */
void micro_port_device(struct micro *micro, uint64_t base, uint64_t size, const struct bus_ops *ops,
		       void *device);
void micro_mmio_device(struct micro *micro, uint64_t base, uint64_t size, const struct bus_ops *ops,
		       void *device);
struct irq_line *micro_irq_line(struct micro *micro, uint32_t gsi);
/* The virtio device behind the memory-mapped transport, where guest_virtio.h looks for it; kicks by
 * ioeventfd. */
void micro_virtio_device(struct micro *micro, struct virtio_device *device);

/* Runs the guest function: the boot CPU on this thread, the others and the loop on theirs. */
struct micro_end micro_run(struct micro *micro, const char *function);
/* micro_run, and the guest has to return `value`. */
void micro_expect(struct micro *micro, const char *function, uint32_t value);

/* Waits until the guest has reported `count` values; from another thread than micro_run's. */
void micro_wait_reports(struct micro *micro, unsigned count);

/* Starts a thread that the test joins. */
pthread_t micro_thread(void *(*run)(void *), void *argument);
