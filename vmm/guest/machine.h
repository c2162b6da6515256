/*
 * One guest's machine: the only place where the KVM layer, the bootloader and the devices meet.
 *
 *      vCPU threads --port and memory accesses--> bus --> devices
 *      loop thread(s): queue kicks, tap, console, timers --> devices --irqfd--> KVM
 *
 * machine_create makes everything and loads the kernel, machine_start lets the vCPUs go. When the guest ends,
 * by itself or by machine_stop, `ended` is called once, on the loop's thread; machine_destroy then joins the
 * threads and releases everything. Disks get a loop and thread each, so that a slow disk stalls nothing else.
 *
 * machine_create, machine_start and machine_destroy belong to the loop's thread.
 */
#pragma once

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/virtio/gpu.h"
#include "devmodel/virtio/input.h"
#include "hypervisor/boot/boot.h"
#include "vmm/config/definition.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/console_hub.h"
#include "vmm/guest/counters.h"
#include "vmm/guest/machine_end.h"
#include "vmm/guest/resources.h"

/* What a thread of a machine does. */
enum machine_thread {
	MACHINE_THREAD_VCPU,
	MACHINE_THREAD_DISK,
	MACHINE_THREAD_DISPLAY,
};

struct machine_config {
	const struct guest_definition *definition;
	struct guest_resources *resources; /* descriptors are taken over */
	const struct boot_source *source;  /* points into them; not needed once the machine is made */
	int64_t clock_shift; /* seconds from UTC to what the guest's clock is to show at first */
	struct loop *loop;
	struct console_hub *console;
	struct boot_recorder *recorder;
	/* Shows the displays of its GPU (devmodel/virtio/gpu.h); NULL: nobody does. */
	struct virtio_gpu_display *display;
	/* The lights of its keyboard have changed: a bit for each LED_*. Loop thread, with a lock of the device
	 * held. May be NULL. */
	void (*leds)(void *owner, uint32_t leds);
	/* A connected socket for the guest's vsock connection to this host port (devmodel/virtio/vsock.h). */
	int (*vsock_connect)(void *owner, uint32_t port);
	/* Called on each thread of the machine's, before it does anything; ends the process if it must not go
	 * on. */
	void (*thread_started)(void *owner, enum machine_thread kind);
	/* A disk or network card was let go by the guest and is no more. Loop thread. */
	void (*device_gone)(void *owner, const char *id);
	/* A disk whose errors stop the guest had one, and waits: the guest is to be paused. Once it is
	 * resumed, the disk tries again. Loop thread. */
	void (*halted)(void *owner, const char *why);
	/* The guest let its watchdog expire, whose action is not the machine's end (machine_watchdog.h). Loop
	 * thread. */
	void (*watchdog_expired)(void *owner);
	/* A change of machine_set_vcpus has ended: as it was asked, or, with a why, as far as the guest agreed. Loop
	 * thread. */
	void (*vcpus_set)(void *owner, const char *why);
	/* The guest gave up vCPUs that nobody asked for. Loop thread. */
	void (*vcpus_changed)(void *owner);
	/* A program of the guest has opened or closed a channel (machine_describe_channels). Loop thread. */
	void (*channels_changed)(void *owner);
	/* The guest's memory can be changed now: its driver is there. Loop thread, with a device's locks. */
	void (*memory_changes)(void *owner);
	/* why: one sentence for MACHINE_CRASHED and MACHINE_FAILED, who asked for MACHINE_RESET. */
	void (*ended)(void *owner, enum machine_end end, const char *why);
	void *owner;
};

struct machine;

int machine_create(const struct machine_config *config, struct machine **machine, struct error *err);
int machine_start(struct machine *machine, struct error *err);
/* How many threads machine_start makes, and the kernel for their requests. */
unsigned machine_threads(const struct guest_definition *definition);
/* How much memory of io_uring's it has at most, bytes. */
uint64_t machine_locked_memory(const struct guest_definition *definition);
void machine_destroy(struct machine *machine); /* NULL is allowed */

/* Ends the guest at once. Any thread. */
void machine_stop(struct machine *machine);
/* Presses the power button; a guest that listens shuts down. Any thread. */
void machine_press_power(struct machine *machine);
/* Stops the vCPUs after the instruction they are at; disks finish what they were asked. The guest's clocks go
 * on, so that they are right when it goes on; it is told that it was stopped (KVM_KVMCLOCK_CTRL). Twice is
 * once. Any thread; machine_resume: the loop's. */
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
/* A non-maskable interrupt to each vCPU. Any thread. */
void machine_inject_nmi(struct machine *machine);
/* Types Ctrl-Alt-Del; -EBUSY when no driver listens. Any thread. */
int machine_ctrl_alt_del(struct machine *machine);
/* Connects a stream socket of the host's to this vsock port of the guest, see virtio_vsock_connect. -ENODEV:
 * the machine has no such device. The loop's thread. */
int machine_vsock_connect(struct machine *machine, int fd, uint32_t port);

/* The size of the terminal on which the console is; nothing where the console is serial. The loop's thread.
 */
void machine_resize_console(struct machine *machine, uint16_t columns, uint16_t rows);

/* The size that a display would like to be of, or 0 and 0: it is not plugged in any more
 * (virtio_gpu_set_size). -ENODEV: the machine has no GPU. Any thread. */
int machine_resize_display(struct machine *machine, unsigned index, uint32_t width, uint32_t height);
/* One update of its keyboard, or of its pointer (virtio_input_send): by what the first of them is. -ENODEV: it
 * has no such device, or nobody listens to it. */
int machine_input(struct machine *machine, const struct virtio_input_change *changes, unsigned count);

/* Channels for agents (machine_services.h), in the definition's order. The loop's thread. */
unsigned machine_channels(const struct machine *machine);
/* Whether a program of the guest has it open. */
bool machine_channel_open(const struct machine *machine, unsigned channel);
/* A program of the host for this channel: fd is taken over on success. -ENOENT, -EBUSY. */
int machine_connect_channel(struct machine *machine, const char *name, int fd, struct error *err);

/* So much memory is to be the guest's: of its RAM the balloon holds the rest (-EOPNOTSUPP without one), what
 * is more is plugged in, in whole blocks. The guest does it in its time. The loop's thread. */
int machine_set_memory(struct machine *machine, uint64_t mib, struct error *err);

/* So many vCPUs are the guest's from now on, if they come and go (machine_cpus.h); `vcpus_set` is called when that
 * is over, perhaps at once. -EOPNOTSUPP, -EINVAL, -EBUSY. The loop's thread. */
int machine_set_vcpus(struct machine *machine, unsigned count, struct error *err);
/* How many are there; 0: they do not come and go. Any thread. */
unsigned machine_vcpus(const struct machine *machine);

struct machine_memory {
	bool changes;   /* it has a device for that, */
	bool driver;    /* and the guest a driver */
	uint64_t bytes; /* that the guest has now, what is plugged in included; of its RAM it is what it says
			 */
	uint64_t size, requested, plugged; /* of memory devices */
};

/* The loop's thread. */
void machine_memory_read(const struct machine *machine, struct machine_memory *memory);

/* Disks and network cards that come and go while the machine runs, with transport pci; the loop's thread. A
 * disk or card that comes is called id from then on; the resource's descriptor is taken over. -EEXIST: the id
 * is another's; -ENOSPC: no slot is free. */
int machine_add_disk(struct machine *machine, const struct disk_definition *definition, const char *id,
		     struct disk_resource *resource, struct error *err);
int machine_add_network(struct machine *machine, const struct network_definition *definition, const char *id,
			struct network_resource *resource, struct error *err);
/* Asks the guest to let it go; `device_gone` is called when it has. -ENOENT: there is none of this id. */
int machine_remove_device(struct machine *machine, const char *id, struct error *err);
/* Plugs its cable in or pulls it. -ENOENT: there is no network card of this id. */
int machine_set_link(struct machine *machine, const char *id, bool up, struct error *err);
/* The disk's file has grown to so many bytes; the limits of this definition hold for it from now on. -ENOENT:
 * there is no disk of this id. */
int machine_resize_disk(struct machine *machine, const char *id, uint64_t size, struct error *err);
int machine_limit_disk(struct machine *machine, const char *id, const struct disk_definition *definition,
		       struct error *err);
/* Gives it other rates, at once. */
int machine_set_rates(struct machine *machine, const char *id, const struct network_rates *rates,
		      struct error *err);
/* Calls `each` with every disk and network card; kind: "disk" or "network". */
struct machine_device {
	const char *id;
	const char *kind;
	unsigned slot;
	bool leaving;
};
void machine_each_device(const struct machine *machine,
			 void (*each)(void *argument, const struct machine_device *device), void *argument);
bool machine_has_hotplug(const struct machine *machine);

/* The registers of the vCPU that crashed, as lines of text; "" when none did. Valid once `ended` was called.
 */
const char *machine_crash_registers(const struct machine *machine);
/* What it has done so far. The loop's thread. */
void machine_count(const struct machine *machine, struct machine_counters *counters);
