/*
 * The guest's side of a micro test: what a freestanding function in long mode needs. Memory under 4 GiB is
 * mapped one to one; there is no library, no interrupt table until guest_idt_set, and only general registers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/micro/ports.h"

/* A guest, by the name that micro_run gets. It returns 0, or whatever its test expects. */
#define GUEST(name)                                                                                          \
	uint32_t guest_##name(void);                                                                         \
	__attribute__((used)) uint32_t guest_##name(void)

/* In a GUEST: what does not hold ends it with the line's number. */
#define EXPECT(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			return __LINE__;                                                                     \
	} while (0)

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint8_t mmio_read8(uint64_t address)
{
	return *(volatile uint8_t *)address;
}

static inline uint16_t mmio_read16(uint64_t address)
{
	return *(volatile uint16_t *)address;
}

static inline uint32_t mmio_read32(uint64_t address)
{
	return *(volatile uint32_t *)address;
}

static inline uint64_t mmio_read64(uint64_t address)
{
	return *(volatile uint64_t *)address;
}

static inline void mmio_write8(uint64_t address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

static inline void mmio_write16(uint64_t address, uint16_t value)
{
	*(volatile uint16_t *)address = value;
}

static inline void mmio_write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static inline void mmio_write64(uint64_t address, uint64_t value)
{
	*(volatile uint64_t *)address = value;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void cpu_halt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

/* Tells the test a value, which it may be waiting for. */
static inline void report(uint32_t value)
{
	outl(MICRO_PORT_REPORT, value);
}
