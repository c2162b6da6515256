#include "tests/micro/micro.h"

#include <elf.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define GUEST_SIZE_MAX (1 << 20)

/* The guest program's path; every test program is compiled with its own. */
extern const char micro_guest_path[];

/* A guest program in memory, checked no further than by what reads it: it comes from this build. */
struct program {
	uint8_t data[GUEST_SIZE_MAX];
	size_t size;
};

static void program_read(struct program *program)
{
	FILE *file = fopen(micro_guest_path, "re");

	cr_assert_not_null(file, "%s cannot be opened", micro_guest_path);
	program->size = fread(program->data, 1, sizeof(program->data), file);
	fclose(file);
	cr_assert(program->size > sizeof(Elf64_Ehdr) && program->size < sizeof(program->data));
}

static uint64_t program_load(const struct program *program, const struct guest_memory *memory)
{
	const Elf64_Ehdr *header = (const void *)program->data;
	const Elf64_Phdr *segments = (const void *)(program->data + header->e_phoff);

	for (unsigned i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD)
			cr_assert_eq(guest_memory_write(memory, segments[i].p_paddr,
							program->data + segments[i].p_offset,
							segments[i].p_filesz),
				     0);
	}
	return header->e_entry;
}

static uint64_t program_symbol(const struct program *program, const char *function)
{
	const Elf64_Ehdr *header = (const void *)program->data;
	const Elf64_Shdr *sections = (const void *)(program->data + header->e_shoff);
	char name[128];

	snprintf(name, sizeof(name), "guest_%s", function);
	for (unsigned i = 0; i < header->e_shnum; i++) {
		const Elf64_Sym *symbols = (const void *)(program->data + sections[i].sh_offset);
		const char *names = (const char *)(program->data + sections[sections[i].sh_link].sh_offset);

		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		for (size_t n = 0; n < sections[i].sh_size / sizeof(*symbols); n++) {
			if (strcmp(names + symbols[n].st_name, name) == 0)
				return symbols[n].st_value;
		}
	}
	cr_assert_fail("%s has no guest %s", micro_guest_path, function);
	return 0;
}

static void run_end(struct micro *micro)
{
	for (unsigned i = 0; i < topology_vcpus(&micro->topology); i++)
		vcpu_kick(&micro->vcpus[i]);
}

static void end_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct micro *micro = device;

	if (offset != 0 || len != sizeof(micro->value))
		return;
	memcpy(&micro->value, data, len);
	micro->returned = true;
	run_end(micro);
}

static void report_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct micro *micro = device;

	if (offset != 0 || len != sizeof(micro->reports[0]))
		return;
	pthread_mutex_lock(&micro->lock);
	if (micro->report_count < MICRO_REPORTS_MAX)
		memcpy(&micro->reports[micro->report_count++], data, len);
	pthread_cond_broadcast(&micro->reported);
	pthread_mutex_unlock(&micro->lock);
}

static const struct bus_ops end_ops = {.write = end_write};
static const struct bus_ops report_ops = {.write = report_write};

void micro_wait_reports(struct micro *micro, unsigned count)
{
	pthread_mutex_lock(&micro->lock);
	while (micro->report_count < count)
		pthread_cond_wait(&micro->reported, &micro->lock);
	pthread_mutex_unlock(&micro->lock);
}

static void events_power_off(struct machine_events *events)
{
	struct micro *micro = CONTAINER_OF(events, struct micro, events);

	micro->powered_off = true;
	run_end(micro);
}

static void events_reset(struct machine_events *events, const char *by)
{
	struct micro *micro = CONTAINER_OF(events, struct micro, events);

	micro->reset_by = by;
	run_end(micro);
}

static void io_port_read(void *owner, uint16_t port, uint8_t *data, uint32_t len)
{
	bus_read(&((struct micro *)owner)->ports, port, data, len);
}

static void io_port_write(void *owner, uint16_t port, const uint8_t *data, uint32_t len)
{
	bus_write(&((struct micro *)owner)->ports, port, data, len);
}

static void io_mmio_read(void *owner, uint64_t address, uint8_t *data, uint32_t len)
{
	bus_read(&((struct micro *)owner)->mmio, address, data, len);
}

static void io_mmio_write(void *owner, uint64_t address, const uint8_t *data, uint32_t len)
{
	bus_write(&((struct micro *)owner)->mmio, address, data, len);
}

static void vcpus_create(struct micro *micro)
{
	struct error err;

	for (unsigned i = 0; i < topology_vcpus(&micro->topology); i++)
		cr_assert_eq(vcpu_create(&micro->vcpus[i], &micro->vm, i, &micro->topology, &micro->io, &err),
			     0, "%s", err.text);
}

void micro_create_topology(struct micro *micro, struct cpu_topology topology)
{
	struct error err;
	int device;

	cr_assert(topology_vcpus(&topology) <= MICRO_VCPUS_MAX);
	*micro = (struct micro){
		.topology = topology,
		.io = {micro, io_port_read, io_port_write, io_mmio_read, io_mmio_write},
		.events = {.power_off = events_power_off, .panicked = events_power_off, .reset = events_reset},
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.reported = PTHREAD_COND_INITIALIZER,
	};
	cr_assert_eq(vcpu_signals_init(&err), 0, "%s", err.text);
	cr_assert_eq(loop_init(&micro->loop), 0);
	device = kvm_device_open(&err);
	cr_assert_geq(device, 0, "%s", err.text);
	cr_assert_eq(kvm_open(&micro->kvm, device, &err), 0, "%s", err.text);
	cr_assert_eq(vm_memory_create(&micro->memory, MICRO_MEMORY, "micro", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(vm_create(&micro->vm, &micro->kvm, &micro->memory, &err), 0, "%s", err.text);
	vcpus_create(micro);
	micro_port_device(micro, MICRO_PORT_END, sizeof(uint32_t), &end_ops, micro);
	micro_port_device(micro, MICRO_PORT_REPORT, sizeof(uint32_t), &report_ops, micro);
}

void micro_create(struct micro *micro, unsigned vcpus)
{
	micro_create_topology(micro, (struct cpu_topology){.sockets = 1, .cores = vcpus, .threads = 1});
}

void micro_destroy(struct micro *micro)
{
	for (unsigned i = 0; i < topology_vcpus(&micro->topology); i++)
		vcpu_close(&micro->vcpus[i]);
	vm_close(&micro->vm);
	vm_memory_destroy(&micro->memory);
	kvm_close(&micro->kvm);
	loop_close(&micro->loop);
	for (unsigned i = 0; i < micro->line_count; i++)
		close(micro->lines[i].eventfd);
}

static void device_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops, void *device)
{
	struct bus_range range = {.base = base, .size = size, .ops = ops, .device = device, .name = "micro"};
	struct error err;

	cr_assert_eq(bus_add(bus, range, &err), 0, "%s", err.text);
}

void micro_port_device(struct micro *micro, uint64_t base, uint64_t size, const struct bus_ops *ops,
		       void *device)
{
	device_add(&micro->ports, base, size, ops, device);
}

void micro_mmio_device(struct micro *micro, uint64_t base, uint64_t size, const struct bus_ops *ops,
		       void *device)
{
	device_add(&micro->mmio, base, size, ops, device);
}

static void line_raise(struct irq_line *line)
{
	struct micro_line *micro_line = CONTAINER_OF(line, struct micro_line, line);
	uint64_t one = 1;

	cr_assert_eq(write(micro_line->eventfd, &one, sizeof(one)), sizeof(one));
}

struct irq_line *micro_irq_line(struct micro *micro, uint32_t gsi)
{
	struct micro_line *line = &micro->lines[micro->line_count++];
	struct error err;

	cr_assert(micro->line_count <= MICRO_LINES_MAX);
	line->line.raise = line_raise;
	line->eventfd = eventfd(0, EFD_CLOEXEC);
	cr_assert(line->eventfd >= 0);
	cr_assert_eq(vm_irqfd(&micro->vm, line->eventfd, gsi, &err), 0, "%s", err.text);
	return &line->line;
}

void micro_virtio_device(struct micro *micro, struct virtio_device *device)
{
	struct error err;

	virtio_mmio_init(&micro->virtio, device, micro_irq_line(micro, LAYOUT_GSI_VIRTIO));
	micro_mmio_device(micro, LAYOUT_VIRTIO_MMIO, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, &micro->virtio);
	for (unsigned i = 0; i < device->queue_count; i++)
		cr_assert_eq(vm_ioeventfd_mmio(&micro->vm, device->kicks[i].source.fd,
					       LAYOUT_VIRTIO_MMIO + VIRTIO_MMIO_QUEUE_NOTIFY,
					       sizeof(uint32_t), i, &err),
			     0, "%s", err.text);
}

pthread_t micro_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run, argument), 0);
	return thread;
}

static void *loop_thread_run(void *argument)
{
	loop_run(argument);
	return NULL;
}

/* An application CPU: waits for the guest's start-up IPI, runs until the end of the run. */
static void *vcpu_thread_run(void *argument)
{
	struct error err = {0};
	enum vcpu_stop stop = vcpu_run(argument, &err);

	if (stop != VCPU_KICKED)
		fprintf(stderr, "an application CPU stopped by itself (%d) %s\n", stop, err.text);
	return NULL;
}

static void entry_set(struct micro *micro, const char *function)
{
	static struct program program; /* too large for a stack */
	struct boot_entry entry = {.mode = BOOT_ENTRY_LONG, .stack = LAYOUT_BOOT_STACK};
	struct error err;

	program_read(&program);
	entry.rip = program_load(&program, &micro->memory);
	entry.info = program_symbol(&program, function);
	cr_assert_eq(vcpu_set_entry(&micro->vcpus[0], &micro->memory, &entry, &err), 0, "%s", err.text);
}

struct micro_end micro_run(struct micro *micro, const char *function)
{
	unsigned count = topology_vcpus(&micro->topology);
	struct micro_end end = {.error = {""}};

	entry_set(micro, function);
	micro->loop_thread = micro_thread(loop_thread_run, &micro->loop);
	for (unsigned i = 1; i < count; i++)
		micro->threads[i] = micro_thread(vcpu_thread_run, &micro->vcpus[i]);
	end.stop = vcpu_run(&micro->vcpus[0], &end.error);
	if (end.stop == VCPU_FAULT) {
		char text[VCPU_STATE_TEXT_MAX] = "";

		vcpu_describe_state(&micro->vcpus[0], &micro->memory, text);
		fprintf(stderr, "%s\n", text);
	}
	run_end(micro);
	loop_stop(&micro->loop);
	for (unsigned i = 1; i < count; i++)
		pthread_join(micro->threads[i], NULL);
	pthread_join(micro->loop_thread, NULL);
	end.returned = micro->returned;
	end.value = micro->value;
	return end;
}

void micro_expect(struct micro *micro, const char *function, uint32_t value)
{
	struct micro_end end = micro_run(micro, function);

	cr_assert(end.returned, "guest %s did not return: stop %d %s", function, end.stop, end.error.text);
	cr_assert_eq(end.value, value,
		     "guest %s returned %u (a line of the guest, if it is not what it should be)", function,
		     end.value);
}
