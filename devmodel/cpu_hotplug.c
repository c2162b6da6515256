#include "devmodel/cpu_hotplug.h"

#include <endian.h>
#include <string.h>

#define BANK(cpu) ((cpu) / 32)
#define BIT(cpu)  (1U << (cpu) % 32)
#define FIRST_CPU 1U /* of bank 0 */

static void hotplug_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct cpu_hotplug *hotplug = device;
	uint64_t bank = offset % CPU_HOTPLUG_LEAVE / sizeof(uint32_t);
	uint32_t cpus = 0;

	if (len != sizeof(cpus))
		return;
	if (offset % sizeof(cpus) == 0 && offset < CPU_HOTPLUG_LEAVE)
		cpus = __atomic_exchange_n(&hotplug->came[bank], 0, __ATOMIC_SEQ_CST);
	else if (offset % sizeof(cpus) == 0 && offset < CPU_HOTPLUG_THERE)
		cpus = __atomic_exchange_n(&hotplug->leave[bank], 0, __ATOMIC_SEQ_CST);
	else if (offset % sizeof(cpus) == 0 && offset < CPU_HOTPLUG_EJECT)
		cpus = __atomic_load_n(&hotplug->there[bank], __ATOMIC_SEQ_CST);
	cpus = htole32(cpus);
	memcpy(data, &cpus, sizeof(cpus));
}

static void eject(struct cpu_hotplug *hotplug, unsigned bank, uint32_t cpus)
{
	if (bank == 0)
		cpus &= ~FIRST_CPU;
	for (unsigned i = 0; i < 32; i++) {
		if (cpus >> i & 1 && cpu_hotplug_take_back(hotplug, bank * 32 + i))
			hotplug->ejected(hotplug, bank * 32 + i);
	}
}

static void hotplug_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct cpu_hotplug *hotplug = device;
	uint32_t value;

	if (len != sizeof(value) || offset % sizeof(value) || offset < CPU_HOTPLUG_EJECT)
		return;
	memcpy(&value, data, sizeof(value));
	value = le32toh(value);
	if (offset < CPU_HOTPLUG_EVENT)
		eject(hotplug, (unsigned)((offset - CPU_HOTPLUG_EJECT) / sizeof(value)), value);
	else if (offset == CPU_HOTPLUG_EVENT)
		__atomic_store_n(&hotplug->event, value, __ATOMIC_SEQ_CST);
	else if (offset == CPU_HOTPLUG_STATUS)
		__atomic_store_n(&hotplug->status, value, __ATOMIC_SEQ_CST);
	else if (value < CPU_HOTPLUG_CPUS)
		hotplug->answered(hotplug, value, __atomic_load_n(&hotplug->event, __ATOMIC_SEQ_CST),
				  __atomic_load_n(&hotplug->status, __ATOMIC_SEQ_CST));
}

const struct bus_ops cpu_hotplug_ops = {.read = hotplug_read, .write = hotplug_write};

bool cpu_hotplug_is_there(const struct cpu_hotplug *hotplug, unsigned cpu)
{
	return __atomic_load_n(&hotplug->there[BANK(cpu)], __ATOMIC_SEQ_CST) & BIT(cpu);
}

void cpu_hotplug_come(struct cpu_hotplug *hotplug, unsigned cpu, bool told)
{
	__atomic_fetch_or(&hotplug->there[BANK(cpu)], BIT(cpu), __ATOMIC_SEQ_CST);
	if (!told)
		return;
	__atomic_fetch_or(&hotplug->came[BANK(cpu)], BIT(cpu), __ATOMIC_SEQ_CST);
	irq_raise(hotplug->line);
}

bool cpu_hotplug_take_back(struct cpu_hotplug *hotplug, unsigned cpu)
{
	__atomic_fetch_and(&hotplug->came[BANK(cpu)], ~BIT(cpu), __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&hotplug->leave[BANK(cpu)], ~BIT(cpu), __ATOMIC_SEQ_CST);
	return __atomic_fetch_and(&hotplug->there[BANK(cpu)], ~BIT(cpu), __ATOMIC_SEQ_CST) & BIT(cpu);
}

void cpu_hotplug_keep(struct cpu_hotplug *hotplug, unsigned cpu)
{
	__atomic_fetch_and(&hotplug->leave[BANK(cpu)], ~BIT(cpu), __ATOMIC_SEQ_CST);
}

void cpu_hotplug_ask_to_leave(struct cpu_hotplug *hotplug, unsigned cpu)
{
	__atomic_fetch_or(&hotplug->leave[BANK(cpu)], BIT(cpu), __ATOMIC_SEQ_CST);
	irq_raise(hotplug->line);
}

void cpu_hotplug_remind(const struct cpu_hotplug *hotplug)
{
	uint32_t unread = 0;

	for (unsigned bank = 0; bank < CPU_HOTPLUG_BANKS; bank++)
		unread |= __atomic_load_n(&hotplug->came[bank], __ATOMIC_SEQ_CST) |
			  __atomic_load_n(&hotplug->leave[bank], __ATOMIC_SEQ_CST);
	if (unread)
		irq_raise(hotplug->line);
}
