#include "devmodel/pci.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"

#define ECAM_SLOT(offset)     (unsigned)((offset) >> 15)
#define ECAM_FUNCTION(offset) (unsigned)((offset) >> 12 & 7)
#define ECAM_REGISTER(offset) (unsigned)((offset)&0xfff)

/* PCI 3.0, 3.2.2.3.2: the word in CONFIG_ADDRESS */
#define PORT_ENABLE             (1U << 31)
#define PORT_BUS(address)       ((address) >> 16 & 0xff)
#define PORT_SLOT(address)      ((address) >> 11 & 0x1f)
#define PORT_FUNCTION(address)  ((address) >> 8 & 7)
#define PORT_REGISTER(address)  ((address)&0xfc)
#define PORT_DATA               4 /* CONFIG_DATA, from the first port */
#define CONFIG_ADDRESS_RESERVED 0x7f000003U

/* The generic host bridge of virtual machines, which wants no driver. */
static const struct pci_identity bridge_identity = {
	.vendor = 0x1b36,
	.device = 0x0008,
	.subsystem_vendor = 0x1af4,
	.subsystem = 0x1100,
	.class = 0x060000,
};

/* --- Functions --- */

static void put16(uint8_t *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

void pci_function_init(struct pci_function *function, const char *name, const struct pci_function_ops *ops,
		       const struct pci_identity *identity, uint32_t bar_size)
{
	uint8_t *config = function->config;

	*function = (struct pci_function){
		.ops = ops,
		.name = name,
		.bar_size = bar_size,
		.capability_end = PCI_STD_HEADER_SIZEOF,
		.capability_link = PCI_CAPABILITY_LIST,
	};
	put16(config + PCI_VENDOR_ID, identity->vendor);
	put16(config + PCI_DEVICE_ID, identity->device);
	put32(config + PCI_CLASS_REVISION, identity->class << 8 | identity->revision);
	put16(config + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	put16(config + PCI_SUBSYSTEM_ID, identity->subsystem);
	put16(function->writable + PCI_COMMAND,
	      PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE | (bar_size ? PCI_COMMAND_MEMORY : 0));
	function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	function->writable[PCI_INTERRUPT_LINE] = 0xff;
	if (bar_size)
		put32(function->writable + PCI_BASE_ADDRESS_0, ~(bar_size - 1));
}

unsigned pci_function_add_capability(struct pci_function *function, uint8_t id, unsigned size)
{
	unsigned at = function->capability_end;

	function->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	function->config[function->capability_link] = (uint8_t)at;
	function->config[at] = id;
	function->capability_link = at + PCI_CAP_LIST_NEXT;
	function->capability_end = ALIGN_UP(at + size, 4U);
	return at;
}

static uint64_t function_bar(const struct pci_function *function)
{
	return get32(function->config + PCI_BASE_ADDRESS_0);
}

static bool function_decodes(const struct pci_function *function)
{
	return function->bar_size && function->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;
}

static void function_move(struct pci_function *function, uint64_t address)
{
	if (function->address == address)
		return;
	function->address = address;
	if (function->ops->moved)
		function->ops->moved(function, address);
}

/* Beyond the first 256 bytes, where a function has no capability, all is 0. */
static void function_config_read(struct pci_function *function, unsigned offset, uint8_t *data, uint32_t len)
{
	memset(data, 0, len);
	for (uint32_t i = 0; i < len && offset + i < sizeof(function->config); i++)
		data[i] = function->config[offset + i];
	if (function->ops->config_read)
		function->ops->config_read(function, offset, data, len);
}

static void function_config_write(struct pci_function *function, unsigned offset, const uint8_t *data,
				  uint32_t len)
{
	for (uint32_t i = 0; i < len && offset + i < sizeof(function->config); i++) {
		uint8_t writable = function->writable[offset + i];
		uint8_t *byte = &function->config[offset + i];

		*byte = (uint8_t)((*byte & ~writable) | (data[i] & writable));
	}
	/* A guest that only wants to know the size does not decode meanwhile (PCI 3.0, 6.2.5.1). */
	if (function_decodes(function))
		function_move(function, function_bar(function));
	if (function->ops->config_written)
		function->ops->config_written(function, offset, len);
}

/* --- Configuration space --- */

static struct pci_function *bus_function(const struct pci_bus *bus, unsigned slot, unsigned function)
{
	return function == 0 && slot < PCI_SLOTS ? bus->functions[slot] : NULL;
}

static void bus_config_read(struct pci_bus *bus, unsigned slot, unsigned number, unsigned offset,
			    uint8_t *data, uint32_t len)
{
	struct pci_function *function;

	pthread_rwlock_rdlock(&bus->lock);
	function = bus_function(bus, slot, number);
	if (function)
		function_config_read(function, offset, data, len);
	pthread_rwlock_unlock(&bus->lock);
}

static void bus_config_write(struct pci_bus *bus, unsigned slot, unsigned number, unsigned offset,
			     const uint8_t *data, uint32_t len)
{
	struct pci_function *function;

	pthread_rwlock_wrlock(&bus->lock);
	function = bus_function(bus, slot, number);
	if (function)
		function_config_write(function, offset, data, len);
	pthread_rwlock_unlock(&bus->lock);
}

/* No access of a processor crosses from one function's registers into the next one's; if one does, it is
 * nobody's. */
static bool ecam_access_valid(uint64_t offset, uint32_t len)
{
	return ECAM_REGISTER(offset) + len <= PCI_CFG_SPACE_EXP_SIZE;
}

static void ecam_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	if (ecam_access_valid(offset, len))
		bus_config_read(device, ECAM_SLOT(offset), ECAM_FUNCTION(offset), ECAM_REGISTER(offset), data,
				len);
}

static void ecam_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	if (ecam_access_valid(offset, len))
		bus_config_write(device, ECAM_SLOT(offset), ECAM_FUNCTION(offset), ECAM_REGISTER(offset),
				 data, len);
}

const struct bus_ops pci_ecam_ops = {.read = ecam_read, .write = ecam_write};

/* The address that the data port stands for; false: nobody's. */
static bool ports_selected(const struct pci_bus *bus, uint64_t offset, uint32_t *address)
{
	*address = __atomic_load_n(&bus->port_address, __ATOMIC_RELAXED);
	return offset >= PORT_DATA && *address & PORT_ENABLE && PORT_BUS(*address) == 0;
}

static void ports_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct pci_bus *bus = device;
	uint32_t address;

	if (ports_selected(bus, offset, &address))
		bus_config_read(bus, PORT_SLOT(address), PORT_FUNCTION(address),
				PORT_REGISTER(address) + (unsigned)offset - PORT_DATA, data, len);
	else if (offset == 0 && len == sizeof(address))
		put32(data, address);
}

static void ports_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct pci_bus *bus = device;
	uint32_t address;

	if (ports_selected(bus, offset, &address))
		bus_config_write(bus, PORT_SLOT(address), PORT_FUNCTION(address),
				 PORT_REGISTER(address) + (unsigned)offset - PORT_DATA, data, len);
	else if (offset == 0 && len == sizeof(address))
		__atomic_store_n(&bus->port_address, get32(data) & ~CONFIG_ADDRESS_RESERVED,
				 __ATOMIC_RELAXED);
}

const struct bus_ops pci_ports_ops = {.read = ports_read, .write = ports_write};

/* --- The memory window --- */

/* The function that decodes all of the access; *offset becomes its own. */
static struct pci_function *window_find(const struct pci_bus *bus, uint64_t *offset, uint32_t len)
{
	uint64_t address = bus->window + *offset;

	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		struct pci_function *function = bus->functions[slot];

		if (!function || !function_decodes(function) || address < function_bar(function))
			continue;
		*offset = address - function_bar(function);
		if (*offset < function->bar_size && len <= function->bar_size - *offset)
			return function;
	}
	return NULL;
}

static void window_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct pci_bus *bus = device;
	struct pci_function *function;

	pthread_rwlock_rdlock(&bus->lock);
	function = window_find(bus, &offset, len);
	if (function)
		function->ops->read(function, offset, data, len);
	pthread_rwlock_unlock(&bus->lock);
}

static void window_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct pci_bus *bus = device;
	struct pci_function *function;

	pthread_rwlock_rdlock(&bus->lock);
	function = window_find(bus, &offset, len);
	if (function)
		function->ops->write(function, offset, data, len);
	pthread_rwlock_unlock(&bus->lock);
}

const struct bus_ops pci_window_ops = {.read = window_read, .write = window_write};

/* --- The bus --- */

static const struct pci_function_ops bridge_ops = {0}; /* without a BAR there is nothing to answer */

void pci_bus_init(struct pci_bus *bus, uint64_t window)
{
	pthread_rwlockattr_t attributes;

	*bus = (struct pci_bus){.window = window};
	/* vCPUs that read without end must not keep the loop's thread from plugging. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&bus->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	pci_function_init(&bus->bridge, "host bridge", &bridge_ops, &bridge_identity, 0);
	bus->functions[PCI_HOST_BRIDGE] = &bus->bridge;
}

void pci_bus_close(struct pci_bus *bus)
{
	pthread_rwlock_destroy(&bus->lock);
}

int pci_bus_add(struct pci_bus *bus, unsigned slot, struct pci_function *function, struct error *err)
{
	uint64_t address = bus->window + (uint64_t)slot * PCI_FUNCTION_WINDOW;
	int code = 0;

	pthread_rwlock_wrlock(&bus->lock);
	if (slot >= PCI_SLOTS || bus->functions[slot]) {
		code = error_set(err, -EEXIST, "%s: PCI slot %u is %s", function->name, slot,
				 slot < PCI_SLOTS ? "taken" : "beyond the last");
	} else {
		bus->functions[slot] = function;
		if (function->bar_size) {
			put32(function->config + PCI_BASE_ADDRESS_0, (uint32_t)address);
			function_move(function, address);
		}
	}
	pthread_rwlock_unlock(&bus->lock);
	return code;
}

struct pci_function *pci_bus_remove(struct pci_bus *bus, unsigned slot)
{
	struct pci_function *function;

	pthread_rwlock_wrlock(&bus->lock);
	function = bus->functions[slot];
	bus->functions[slot] = NULL;
	if (function)
		function_move(function, 0);
	pthread_rwlock_unlock(&bus->lock);
	return function;
}
