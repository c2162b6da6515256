#include <criterion/criterion.h>

#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/kvm/vcpu_exit.h"

#define ACCESSES_MAX 8
#define IO_OFFSET    4096 /* where KVM puts port data: the page after struct kvm_run */

/* A vCPU that is only its struct kvm_run, and what its exits did. */
struct fake {
	struct vcpu vcpu;
	struct vcpu_io io;
	union {
		struct kvm_run run;
		uint8_t pages[2 * 4096];
	};
	unsigned count;
	struct {
		char kind; /* i, o: port; r, w: memory */
		uint64_t address;
		uint32_t len;
		uint64_t value;
	} accesses[ACCESSES_MAX];
};

static void fake_note(struct fake *fake, char kind, uint64_t address, const uint8_t *data, uint32_t len)
{
	cr_assert(fake->count < ACCESSES_MAX);
	fake->accesses[fake->count].kind = kind;
	fake->accesses[fake->count].address = address;
	fake->accesses[fake->count].len = len;
	memcpy(&fake->accesses[fake->count++].value, data, len);
}

/* Reads answer with their number; address 0 is nobody's. */
static void fake_answer(struct fake *fake, char kind, uint64_t address, uint8_t *data, uint32_t len)
{
	fake_note(fake, kind, address, data, len);
	if (address)
		memset(data, (int)fake->count, len);
}

static void port_read(void *owner, uint16_t port, uint8_t *data, uint32_t len)
{
	fake_answer(owner, 'i', port, data, len);
}

static void port_write(void *owner, uint16_t port, const uint8_t *data, uint32_t len)
{
	fake_note(owner, 'o', port, data, len);
}

static void mmio_read(void *owner, uint64_t address, uint8_t *data, uint32_t len)
{
	fake_answer(owner, 'r', address, data, len);
}

static void mmio_write(void *owner, uint64_t address, const uint8_t *data, uint32_t len)
{
	fake_note(owner, 'w', address, data, len);
}

static struct fake *fake_make(uint32_t reason)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	fake->io = (struct vcpu_io){fake, port_read, port_write, mmio_read, mmio_write};
	fake->vcpu = (struct vcpu){.fd = -1, .index = 3, .run = &fake->run, .io = &fake->io};
	fake->run.exit_reason = reason;
	return fake;
}

static struct fake *fake_io(uint8_t direction, uint16_t port, uint8_t size, uint32_t count, const char *data)
{
	struct fake *fake = fake_make(KVM_EXIT_IO);

	fake->run.io.direction = direction;
	fake->run.io.port = port;
	fake->run.io.size = size;
	fake->run.io.count = count;
	fake->run.io.data_offset = IO_OFFSET;
	memcpy(fake->pages + IO_OFFSET, data, (size_t)size * count);
	return fake;
}

static void goes_on(struct fake *fake)
{
	struct error err = {0};

	cr_assert_eq(vcpu_exit_handle(&fake->vcpu, &err), VCPU_CONTINUE);
	cr_assert_str_empty(err.text);
}

static void stops(struct fake *fake, int stop, const char *why)
{
	struct error err = {0};

	cr_assert_eq(vcpu_exit_handle(&fake->vcpu, &err), stop);
	if (why) {
		cr_assert(strstr(err.text, why), "%s", err.text);
		cr_assert(strstr(err.text, "vcpu 3: "), "%s", err.text);
	} else {
		cr_assert_str_empty(err.text);
	}
	free(fake);
}

Test(vcpu_exit, port_write_passes_the_value)
{
	struct fake *fake = fake_io(KVM_EXIT_IO_OUT, 0x3f8, 2, 1, "\x34\x12");

	goes_on(fake);
	cr_assert_eq(fake->count, 1);
	cr_assert_eq(fake->accesses[0].kind, 'o');
	cr_assert_eq(fake->accesses[0].address, 0x3f8);
	cr_assert_eq(fake->accesses[0].len, 2);
	cr_assert_eq(fake->accesses[0].value, 0x1234);
	free(fake);
}

Test(vcpu_exit, string_write_is_one_access_an_item)
{
	struct fake *fake = fake_io(KVM_EXIT_IO_OUT, 0x3f8, 1, 3, "abc");

	goes_on(fake);
	cr_assert_eq(fake->count, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(fake->accesses[i].value, 'a' + i);
	free(fake);
}

Test(vcpu_exit, string_read_fills_every_item)
{
	struct fake *fake = fake_io(KVM_EXIT_IO_IN, 0x60, 2, 3, "......");

	goes_on(fake);
	cr_assert_eq(fake->count, 3);
	cr_assert_eq(memcmp(fake->pages + IO_OFFSET, "\1\1\2\2\3\3", 6), 0);
	free(fake);
}

Test(vcpu_exit, read_that_nobody_answers_is_all_ones)
{
	struct fake *fake = fake_io(KVM_EXIT_IO_IN, 0, 4, 1, "....");

	goes_on(fake);
	cr_assert_eq(memcmp(fake->pages + IO_OFFSET, "\xff\xff\xff\xff", 4), 0);
	free(fake);
	fake = fake_make(KVM_EXIT_MMIO);
	fake->run.mmio.len = 8;
	goes_on(fake);
	cr_assert_eq(memcmp(fake->run.mmio.data, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), 0);
	free(fake);
}

Test(vcpu_exit, memory_write_passes_the_value)
{
	struct fake *fake = fake_make(KVM_EXIT_MMIO);

	fake->run.mmio.phys_addr = 0xc0000050;
	fake->run.mmio.len = 4;
	fake->run.mmio.is_write = 1;
	memcpy(fake->run.mmio.data, "\x78\x56\x34\x12", 4);
	goes_on(fake);
	cr_assert_eq(fake->accesses[0].kind, 'w');
	cr_assert_eq(fake->accesses[0].address, 0xc0000050);
	cr_assert_eq(fake->accesses[0].value, 0x12345678);
	free(fake);
}

Test(vcpu_exit, memory_read_is_answered)
{
	struct fake *fake = fake_make(KVM_EXIT_MMIO);

	fake->run.mmio.phys_addr = 0xc0000000;
	fake->run.mmio.len = 4;
	goes_on(fake);
	cr_assert_eq(memcmp(fake->run.mmio.data, "\1\1\1\1\0\0\0\0", 8), 0);
	free(fake);
}

Test(vcpu_exit, signals_and_windows_enter_again)
{
	struct fake *fake = fake_make(KVM_EXIT_INTR);

	goes_on(fake);
	fake->run.exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	goes_on(fake);
	free(fake);
}

Test(vcpu_exit, plain_ends_need_no_words)
{
	stops(fake_make(KVM_EXIT_HLT), VCPU_HALTED, NULL);
	stops(fake_make(KVM_EXIT_SHUTDOWN), VCPU_TRIPLE_FAULT, NULL);
}

static struct fake *fake_event(uint32_t type)
{
	struct fake *fake = fake_make(KVM_EXIT_SYSTEM_EVENT);

	fake->run.system_event.type = type;
	return fake;
}

Test(vcpu_exit, system_events_are_told_apart)
{
	stops(fake_event(KVM_SYSTEM_EVENT_SHUTDOWN), VCPU_POWER_OFF, NULL);
	stops(fake_event(KVM_SYSTEM_EVENT_RESET), VCPU_RESET, NULL);
	stops(fake_event(KVM_SYSTEM_EVENT_CRASH), VCPU_CRASH, NULL);
	stops(fake_event(99), VCPU_FAULT, "99");
}

Test(vcpu_exit, failed_entry_tells_the_hardware_reason)
{
	struct fake *fake = fake_make(KVM_EXIT_FAIL_ENTRY);

	fake->run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	stops(fake, VCPU_FAULT, "0x80000021");
}

Test(vcpu_exit, emulation_failure_shows_the_instruction)
{
	struct fake *fake = fake_make(KVM_EXIT_INTERNAL_ERROR);

	fake->run.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	fake->run.emulation_failure.ndata = 3;
	fake->run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	fake->run.emulation_failure.insn_size = 3;
	memcpy(fake->run.emulation_failure.insn_bytes, "\x0f\xae\x2f", 3);
	stops(fake, VCPU_FAULT, "instruction 0f ae 2f");
}

Test(vcpu_exit, emulation_failure_with_a_wild_size_stays_in_bounds)
{
	struct fake *fake = fake_make(KVM_EXIT_INTERNAL_ERROR);

	fake->run.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	fake->run.emulation_failure.ndata = 3;
	fake->run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	fake->run.emulation_failure.insn_size = 255;
	memset(fake->run.emulation_failure.insn_bytes, 0x90, sizeof(fake->run.emulation_failure.insn_bytes));
	stops(fake, VCPU_FAULT, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90");
}

Test(vcpu_exit, emulation_failure_of_an_old_kernel_has_no_bytes)
{
	struct fake *fake = fake_make(KVM_EXIT_INTERNAL_ERROR);

	fake->run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	stops(fake, VCPU_FAULT, "cannot emulate an instruction");
}

Test(vcpu_exit, other_internal_errors_show_their_data)
{
	struct fake *fake = fake_make(KVM_EXIT_INTERNAL_ERROR);

	fake->run.internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	fake->run.internal.ndata = 2;
	fake->run.internal.data[0] = 0x80000b0e;
	fake->run.internal.data[1] = 0x31;
	stops(fake, VCPU_FAULT, "internal error 3, data 0x80000b0e 0x31");
}

Test(vcpu_exit, internal_error_with_wild_data_stays_in_bounds)
{
	struct fake *fake = fake_make(KVM_EXIT_INTERNAL_ERROR);

	fake->run.internal.suberror = 77;
	fake->run.internal.ndata = UINT32_MAX;
	memset(fake->run.internal.data, 0xff, sizeof(fake->run.internal.data));
	stops(fake, VCPU_FAULT, "internal error 77");
}

Test(vcpu_exit, unknown_reason_is_named)
{
	stops(fake_make(4711), VCPU_FAULT, "4711");
}
