/*
 * A PCI bus with its functions: configuration space, where their registers are in memory, and how the guest
 * reaches both (PCI 3.0, chapter 6; PCI Express 5.0, 7.2.2; the two ports are PCI 3.0, 3.2.2.3.2).
 *
 *      guest --ECAM, or ports 0xcf8 and 0xcfc--> pci_bus --> a function's 256 bytes of configuration space
 *      guest --memory window-------------------> pci_bus --> the function whose BAR 0 holds the address
 *
 * One bus, number 0, with PCI_SLOTS slots of one function each. A function has one base address register, for
 * memory below 4 GiB. Its first address is given to it here, as firmware does; the guest may move it. What is
 * not there reads as ones and takes no writes.
 *
 * Threads and lock: accesses come on vCPU threads, several at once. `lock` is taken for reading by every
 * access but a write of configuration space, for writing by that, by pci_bus_add and by pci_bus_remove: so a
 * function that was removed is no longer used by anybody. Every op runs with it held, and must not call
 * pci_bus_* again.
 */
#pragma once

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdint.h>

#include "common/error.h"
#include "devmodel/bus.h"

#define PCI_SLOTS       32
#define PCI_HOST_BRIDGE 0 /* the slot where every PCI machine has one */

#define PCI_ECAM_SIZE       (1U << 20) /* of one bus */
#define PCI_CONFIG_PORT     0xcf8
#define PCI_CONFIG_PORTS    8
#define PCI_FUNCTION_WINDOW 0x10000 /* bytes of the memory window a slot: no BAR is larger */

struct pci_function;

struct pci_function_ops {
	/* Accesses to BAR 0, as struct bus_ops; they lie inside it. Reads come with all ones. */
	void (*read)(struct pci_function *function, uint64_t offset, uint8_t *data, uint32_t len);
	void (*write)(struct pci_function *function, uint64_t offset, const uint8_t *data, uint32_t len);
	/* data was read from configuration space: the function may put something else there. May be NULL. */
	void (*config_read)(struct pci_function *function, unsigned offset, uint8_t *data, uint32_t len);
	/* Configuration space was written there. May be NULL. */
	void (*config_written)(struct pci_function *function, unsigned offset, uint32_t len);
	/* BAR 0 is at this address from now on; 0: the function leaves the bus. It may not be decoded there
	 * (yet): then no access comes. May be NULL. */
	void (*moved)(struct pci_function *function, uint64_t address);
};

struct pci_function {
	/* Set by pci_function_init. */
	const struct pci_function_ops *ops;
	const char *name; /* for errors */
	uint32_t bar_size;

	/* The bus' lock. */
	uint8_t config[PCI_CFG_SPACE_SIZE];
	uint8_t writable[PCI_CFG_SPACE_SIZE]; /* the bits that a guest can change */
	uint64_t address;                     /* what `moved` was last told */
	unsigned capability_end;
	unsigned capability_link; /* the byte that will point to the next capability */
};

struct pci_identity {
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem;
	uint8_t revision;
	uint32_t class; /* base class, subclass and interface: 24 bits */
};

struct pci_bus {
	pthread_rwlock_t lock;
	struct pci_function *functions[PCI_SLOTS];
	struct pci_function bridge;
	uint64_t window;       /* address of the memory window, of PCI_SLOTS * PCI_FUNCTION_WINDOW bytes */
	uint32_t port_address; /* what port 0xcf8 holds */
};

extern const struct bus_ops pci_ecam_ops;   /* all three: their device is a struct pci_bus */
extern const struct bus_ops pci_ports_ops;  /* at PCI_CONFIG_PORT */
extern const struct bus_ops pci_window_ops; /* at `window` */

/* A bus with its host bridge and nothing else. */
void pci_bus_init(struct pci_bus *bus, uint64_t window);
void pci_bus_close(struct pci_bus *bus); /* the functions are their makers' */
#define PCI_WINDOW_SIZE ((uint64_t)PCI_SLOTS * PCI_FUNCTION_WINDOW)

/* Any thread. -EEXIST: the slot is taken. */
int pci_bus_add(struct pci_bus *bus, unsigned slot, struct pci_function *function, struct error *err);
/* Nobody uses the function any more when this returns it; NULL: there was none. Any thread. */
struct pci_function *pci_bus_remove(struct pci_bus *bus, unsigned slot);

/* Configuration space as it is after reset. bar_size: a power of 2 from 16 to PCI_FUNCTION_WINDOW, or 0. */
void pci_function_init(struct pci_function *function, const char *name, const struct pci_function_ops *ops,
		       const struct pci_identity *identity, uint32_t bar_size);
/* Adds a capability of `size` bytes, which begins with the two that are made here; returns where it is.
 * Before pci_bus_add; their number and sizes are the program's own. */
unsigned pci_function_add_capability(struct pci_function *function, uint8_t id, unsigned size);
