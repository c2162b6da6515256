/*
 * A PCI function's MSI-X table: which message each of its interrupts sends, and which of them wait because
 * they are masked (PCI 3.0, 6.8.2).
 *
 * The function puts msix_capability into its capability list, reads and writes of the table and of the
 * pending bits where that says they are, and tells msix_control what the guest wrote to the message control
 * register.
 *
 * Threads: any function from any thread. The lock is msix' own and is held for a few instructions and one
 * message, so a vCPU never waits here for a device that works.
 */
#pragma once

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "devmodel/irq.h"

#define MSIX_VECTORS_MAX      64
#define MSIX_ENTRY_SIZE       16
#define MSIX_CAPABILITY_SIZE  12
#define MSIX_CONTROL_WRITABLE (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)

/* An eventfd whose writes are to be a vector's interrupts, without us as long as its message may be sent: its
 * owner watches it, and calls msix_raise when it turns out to be readable. */
struct msix_call {
	int eventfd; /* the owner's, like the struct */
	unsigned vector;
	bool bound;
	struct msix_call *next;
};

struct msix {
	pthread_mutex_t lock;
	struct irq_messages *messages;
	struct msix_call *calls;
	unsigned count;
	bool enabled;
	bool masked;                                           /* all of them */
	uint64_t pending;                                      /* a bit a vector */
	uint32_t table[MSIX_VECTORS_MAX][MSIX_ENTRY_SIZE / 4]; /* as the guest sees it, in our byte order */
};

/* The table as it is after reset: every vector is masked. */
void msix_init(struct msix *msix, unsigned count, struct irq_messages *messages);
void msix_close(struct msix *msix);

/* The capability, without the two bytes it begins with: BAR 0 has table and pending bits at these offsets. A
 * guest may change MSIX_CONTROL_WRITABLE of its first two bytes. */
void msix_capability(const struct msix *msix, uint32_t table, uint32_t pending,
		     uint8_t bytes[MSIX_CAPABILITY_SIZE - 2]);
/* The guest wrote the message control register. */
void msix_control(struct msix *msix, uint16_t control);
bool msix_enabled(const struct msix *msix);

/* Sends the vector's message; while it is masked, when that ends. Vectors that are not there are ignored, and
 * so are all while MSI-X is off. */
void msix_raise(struct msix *msix, unsigned vector);

/* From now on, and not any more. The call is in no table meanwhile. */
void msix_call_add(struct msix *msix, struct msix_call *call, int eventfd, unsigned vector);
void msix_call_remove(struct msix *msix, struct msix_call *call);
/* It is another vector's; one that is in no table stays so. */
void msix_call_move(struct msix *msix, struct msix_call *call, unsigned vector);

/* Aligned accesses of 32 or 64 bits; others read as 0 and change nothing. Offsets may lie beyond the end. */
void msix_table_read(struct msix *msix, uint64_t offset, uint8_t *data, uint32_t len);
void msix_table_write(struct msix *msix, uint64_t offset, const uint8_t *data, uint32_t len);
void msix_pending_read(struct msix *msix, uint64_t offset, uint8_t *data, uint32_t len);
