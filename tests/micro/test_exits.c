/* How a guest's instructions come out of KVM_RUN: port and memory accesses, halt, triple fault. */
#define PROBE_PORT    0x500
#define PROBE_ADDRESS 0xd0000000UL

#ifdef MICRO_GUEST
#include "tests/micro/guest.h"

GUEST(port_write)
{
	outb(PROBE_PORT, 0x11);
	outw(PROBE_PORT + 2, 0x2233);
	outl(PROBE_PORT + 4, 0x44556677);
	return 0;
}

GUEST(port_read)
{
	EXPECT(inb(PROBE_PORT + 1) == 0x01);
	EXPECT(inw(PROBE_PORT + 2) == 0x0302);
	EXPECT(inl(PROBE_PORT + 4) == 0x07060504);
	return 0;
}

GUEST(port_nobody)
{
	EXPECT(inb(PROBE_PORT + 0x100) == 0xff);
	EXPECT(inw(PROBE_PORT + 0x100) == 0xffff);
	EXPECT(inl(PROBE_PORT + 0x100) == 0xffffffff);
	return 0;
}

GUEST(port_write_string)
{
	static const uint16_t words[] = {0x1122, 0x3344, 0x5566};
	const void *from = words;
	uint64_t count = 3;

	__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(PROBE_PORT) : "memory");
	EXPECT(count == 0);
	return 0;
}

GUEST(port_read_string)
{
	static uint8_t bytes[5];
	void *to = bytes;
	uint64_t count = sizeof(bytes);

	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(PROBE_PORT + 7) : "memory");
	for (unsigned i = 0; i < sizeof(bytes); i++)
		EXPECT(bytes[i] == 7);
	return 0;
}

GUEST(mmio_write)
{
	mmio_write8(PROBE_ADDRESS + 1, 0x11);
	mmio_write16(PROBE_ADDRESS + 2, 0x2233);
	mmio_write32(PROBE_ADDRESS + 4, 0x44556677);
	mmio_write64(PROBE_ADDRESS + 8, 0x8899aabbccddeeff);
	return 0;
}

GUEST(mmio_read)
{
	EXPECT(mmio_read8(PROBE_ADDRESS + 3) == 0x03);
	EXPECT(mmio_read16(PROBE_ADDRESS + 2) == 0x0302);
	EXPECT(mmio_read32(PROBE_ADDRESS + 4) == 0x07060504);
	EXPECT(mmio_read64(PROBE_ADDRESS + 8) == 0x0f0e0d0c0b0a0908);
	return 0;
}

GUEST(mmio_nobody)
{
	EXPECT(mmio_read32(PROBE_ADDRESS + 0x1000) == 0xffffffff);
	mmio_write32(PROBE_ADDRESS + 0x1000, 1);
	return 0;
}

GUEST(halts)
{
	report(1);
	for (;;)
		cpu_halt();
}

/* An exception, and no table of handlers. */
GUEST(triple_faults)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
	return 0;
}

#else
#include "tests/micro/micro.h"

#include <string.h>
#include <time.h>

#define ACCESSES_MAX 16

/* A device that reads as the low byte of each offset and keeps what is written. */
struct probe {
	unsigned count;
	struct access {
		uint64_t offset;
		uint32_t len;
		uint64_t value;
	} writes[ACCESSES_MAX];
};

static void probe_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(offset + i);
}

static void probe_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct probe *probe = device;
	struct access access = {.offset = offset, .len = len};

	memcpy(&access.value, data, len);
	cr_assert(probe->count < ACCESSES_MAX);
	probe->writes[probe->count++] = access;
}

static const struct bus_ops probe_ops = {probe_read, probe_write};

/* Runs the guest with a probe on both busses; its writes have to be these. */
static void run_probed(const char *guest, const struct access *writes, unsigned count)
{
	struct probe probe = {0};
	struct micro micro;

	micro_create(&micro, 1);
	micro_port_device(&micro, PROBE_PORT, 0x10, &probe_ops, &probe);
	micro_mmio_device(&micro, PROBE_ADDRESS, 0x10, &probe_ops, &probe);
	micro_expect(&micro, guest, 0);
	micro_destroy(&micro);
	cr_assert_eq(probe.count, count);
	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(probe.writes[i].offset, writes[i].offset);
		cr_assert_eq(probe.writes[i].len, writes[i].len);
		cr_assert_eq(probe.writes[i].value, writes[i].value);
	}
}

MICRO_TEST(exits, port_writes_of_every_width_arrive)
{
	const struct access writes[] = {{0, 1, 0x11}, {2, 2, 0x2233}, {4, 4, 0x44556677}};

	run_probed("port_write", writes, 3);
}

MICRO_TEST(exits, port_reads_of_every_width_are_answered)
{
	run_probed("port_read", NULL, 0);
}

MICRO_TEST(exits, port_where_nobody_is_reads_all_ones)
{
	run_probed("port_nobody", NULL, 0);
}

MICRO_TEST(exits, string_write_arrives_item_by_item)
{
	const struct access writes[] = {{0, 2, 0x1122}, {0, 2, 0x3344}, {0, 2, 0x5566}};

	run_probed("port_write_string", writes, 3);
}

MICRO_TEST(exits, string_read_is_answered_item_by_item)
{
	run_probed("port_read_string", NULL, 0);
}

MICRO_TEST(exits, mmio_writes_of_every_width_arrive)
{
	const struct access writes[] = {
		{1, 1, 0x11}, {2, 2, 0x2233}, {4, 4, 0x44556677}, {8, 8, 0x8899aabbccddeeff}};

	run_probed("mmio_write", writes, 4);
}

MICRO_TEST(exits, mmio_reads_of_every_width_are_answered)
{
	run_probed("mmio_read", NULL, 0);
}

MICRO_TEST(exits, mmio_where_nobody_is_reads_all_ones)
{
	run_probed("mmio_nobody", NULL, 0);
}

static void *kick_later(void *argument)
{
	struct micro *micro = argument;
	const struct timespec wait = {.tv_nsec = 200 * 1000 * 1000};

	micro_wait_reports(micro, 1);
	nanosleep(&wait, NULL);
	vcpu_kick(&micro->vcpus[0]);
	return NULL;
}

MICRO_TEST(exits, halted_guest_waits_in_the_kernel)
{
	struct micro_end end;
	struct micro micro;
	pthread_t kicker;

	micro_create(&micro, 1);
	kicker = micro_thread(kick_later, &micro);
	end = micro_run(&micro, "halts");
	pthread_join(kicker, NULL);
	cr_assert_eq(end.stop, VCPU_KICKED);
	cr_assert_not(end.returned);
	cr_assert_eq(micro.vcpus[0].exits[VCPU_EXIT_IO], 1, "the report");
	cr_assert_eq(micro.vcpus[0].exits[VCPU_EXIT_INTERRUPTED], 1, "the kick");
	cr_assert_eq(micro.vcpus[0].exits[VCPU_EXIT_MMIO] + micro.vcpus[0].exits[VCPU_EXIT_OTHER], 0);
	micro_destroy(&micro);
}

MICRO_TEST(exits, triple_fault_is_told_from_other_ends)
{
	struct micro_end end;
	struct micro micro;

	micro_create(&micro, 1);
	end = micro_run(&micro, "triple_faults");
	cr_assert_eq(end.stop, VCPU_TRIPLE_FAULT);
	micro_destroy(&micro);
}
#endif
