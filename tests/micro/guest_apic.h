/*
 * Interrupts in a micro guest: a table of handlers, the local APIC (Intel SDM volume 3A, chapter 11) and the
 * IOAPIC (Intel 82093AA).
 *
 *      INTERRUPT(tick) { count++; lapic_eoi(); }
 *      ...
 *      idt_set(0x40, tick); idt_load(); lapic_enable(); ioapic_route(20, 0x40, 0); interrupts_on();
 */
#pragma once

#include "tests/micro/guest.h"

#define LAPIC           0xfee00000UL
#define LAPIC_ID        (LAPIC + 0x20)
#define LAPIC_EOI       (LAPIC + 0xb0)
#define LAPIC_SPURIOUS  (LAPIC + 0xf0)
#define LAPIC_ICR_LOW   (LAPIC + 0x300)
#define LAPIC_ICR_HIGH  (LAPIC + 0x310)
#define LAPIC_ENABLE    (1U << 8)
#define LAPIC_INIT      (5U << 8)
#define LAPIC_STARTUP   (6U << 8)
#define LAPIC_ASSERT    (1U << 14)
#define VECTOR_SPURIOUS 0xff

#define IOAPIC_SELECT   0xfec00000UL
#define IOAPIC_WINDOW   0xfec00010UL
#define IOAPIC_REDIRECT 0x10 /* two registers a pin */

#define CODE_SELECTOR  0x10
#define GATE_INTERRUPT 0x8e

/* A handler's body in C. Around it stands what saves the registers that C functions do not. */
#define INTERRUPT(name)                                                                                      \
	void name(void);                                                                                     \
	void name##_handle(void);                                                                            \
	__asm__(".pushsection .text\n" #name ":\n"                                                           \
		"push %rax; push %rcx; push %rdx; push %rsi; push %rdi\n"                                    \
		"push %r8; push %r9; push %r10; push %r11; cld\n"                                            \
		"call " #name "_handle\n"                                                                    \
		"pop %r11; pop %r10; pop %r9; pop %r8\n"                                                     \
		"pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rax; iretq\n"                                  \
		".popsection\n");                                                                            \
	__attribute__((used)) void name##_handle(void)

struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t stack;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

static struct idt_gate idt[256];

static inline void idt_set(uint8_t vector, void (*handler)(void))
{
	uint64_t address = (uint64_t)handler;

	idt[vector] = (struct idt_gate){
		.offset_low = (uint16_t)address,
		.selector = CODE_SELECTOR,
		.type = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(address >> 16),
		.offset_high = (uint32_t)(address >> 32),
	};
}

static inline void idt_load(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(idt) - 1, (uint64_t)idt};

	__asm__ volatile("lidt %0" : : "m"(table));
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/* Sleeps until an interrupt was handled: none can slip in between sti and hlt. */
static inline void interrupt_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static inline void lapic_enable(void)
{
	mmio_write32(LAPIC_SPURIOUS, LAPIC_ENABLE | VECTOR_SPURIOUS);
}

static inline void lapic_eoi(void)
{
	mmio_write32(LAPIC_EOI, 0);
}

static inline void lapic_send(uint32_t apic_id, uint32_t command)
{
	mmio_write32(LAPIC_ICR_HIGH, apic_id << 24);
	mmio_write32(LAPIC_ICR_LOW, command);
}

static inline void ioapic_write(uint32_t index, uint32_t value)
{
	mmio_write32(IOAPIC_SELECT, index);
	mmio_write32(IOAPIC_WINDOW, value);
}

/* Edge triggered, active high, to one CPU. */
static inline void ioapic_route(uint32_t pin, uint8_t vector, uint32_t apic_id)
{
	ioapic_write(IOAPIC_REDIRECT + 2 * pin + 1, apic_id << 24);
	ioapic_write(IOAPIC_REDIRECT + 2 * pin, vector);
}
