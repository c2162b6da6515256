/* The watchdog timer as Linux' driver uses it, and as nobody should. Its clock is 983040 ns a tick, or 960
 * ns. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "devmodel/i6300esb.h"

#define WINDOW 0xd1000000U
#define SLOT   31
#define ECAM   ((uint64_t)SLOT << 15)
#define BAR    ((uint64_t)SLOT * PCI_FUNCTION_WINDOW)

#define LONG_MS  5000 /* longer than any test */
#define QUIET_MS 30
#define NEVER    0xfffff
#define SOON     2 /* ticks */

static struct pci_bus bus;
static struct loop loop;
static struct i6300esb *watchdog;
static unsigned expirations;

static void host_expired(struct i6300esb_host *from)
{
	(void)from;
	expirations++;
}

static struct i6300esb_host host = {.expired = host_expired};

static void put_config(unsigned offset, uint32_t value, uint32_t len)
{
	pci_ecam_ops.write(&bus, ECAM + offset, (const uint8_t *)&value, len);
}

static uint32_t get_config(unsigned offset, uint32_t len)
{
	uint32_t value = 0;

	pci_ecam_ops.read(&bus, ECAM + offset, (uint8_t *)&value, len);
	return value;
}

static void put(uint64_t offset, uint32_t value, uint32_t len)
{
	pci_window_ops.write(&bus, BAR + offset, (const uint8_t *)&value, len);
}

static uint32_t get(uint64_t offset, uint32_t len)
{
	uint32_t value = 0;

	pci_window_ops.read(&bus, BAR + offset, (uint8_t *)&value, len);
	return value;
}

static void setup(void)
{
	struct error err;

	cr_assert_eq(loop_init(&loop), 0);
	pci_bus_init(&bus, WINDOW);
	watchdog = i6300esb_create(&loop, &host, &err);
	cr_assert(watchdog, "%s", err.text);
	cr_assert_eq(pci_bus_add(&bus, SLOT, i6300esb_function(watchdog), &err), 0);
	put_config(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
}

static void teardown(void)
{
	pci_bus_remove(&bus, SLOT);
	i6300esb_destroy(watchdog);
	pci_bus_close(&bus);
	loop_close(&loop);
}

TestSuite(i6300esb, .init = setup, .fini = teardown, .timeout = 30);

static void unlock(void)
{
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_1, 1);
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_2, 1);
}

static void put_unlocked(uint64_t offset, uint32_t value, uint32_t len)
{
	unlock();
	put(offset, value, len);
}

static void set_timers(uint32_t first, uint32_t second)
{
	put_unlocked(I6300ESB_TIMER_1, first, 4);
	put_unlocked(I6300ESB_TIMER_2, second, 4);
}

static void start(void)
{
	put_config(I6300ESB_LOCK, I6300ESB_LOCK_ENABLE, 1);
}

static void feed(void)
{
	put_unlocked(I6300ESB_RELOAD, I6300ESB_RELOAD_RELOAD, 2);
}

static void wait_for_expiry(void)
{
	unsigned before = expirations;

	for (unsigned i = 0; i < 10 && expirations == before; i++)
		loop_step(&loop, LONG_MS);
	cr_assert_eq(expirations, before + 1);
}

static void nothing_happens(void)
{
	unsigned before = expirations;

	while (loop_step(&loop, QUIET_MS) > 0)
		;
	loop_step(&loop, QUIET_MS);
	cr_assert_eq(expirations, before);
}

Test(i6300esb, linux_finds_it)
{
	cr_assert_eq(get_config(PCI_VENDOR_ID, 4), 0x25ab8086);
	put_config(PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	cr_assert_eq(get_config(PCI_BASE_ADDRESS_0, 4), ~15U, "16 bytes of memory");
}

Test(i6300esb, does_nothing_until_it_is_enabled)
{
	set_timers(SOON, SOON);
	feed();
	nothing_happens();
}

Test(i6300esb, expires_after_both_stages)
{
	set_timers(SOON, SOON);
	start();
	cr_assert_eq(get(I6300ESB_RELOAD, 2), 0);
	wait_for_expiry();
	cr_assert_eq(get(I6300ESB_STATUS, 4), 1);
	cr_assert_eq(get(I6300ESB_RELOAD, 2), I6300ESB_RELOAD_EXPIRED);
	cr_assert_eq(get(I6300ESB_RELOAD + 1, 1), I6300ESB_RELOAD_EXPIRED >> 8);
	nothing_happens();
	put_unlocked(I6300ESB_STATUS, 1, 4);
	put_unlocked(I6300ESB_RELOAD, I6300ESB_RELOAD_EXPIRED, 2);
	cr_assert_eq(get(I6300ESB_STATUS, 4), 0);
	cr_assert_eq(get(I6300ESB_RELOAD, 2), 0);
}

Test(i6300esb, who_feeds_it_again_is_watched_again)
{
	set_timers(SOON, SOON);
	start();
	wait_for_expiry();
	feed();
	wait_for_expiry();
}

Test(i6300esb, feeding_starts_with_the_first_stage)
{
	set_timers(SOON, NEVER);
	start();
	while (!get(I6300ESB_STATUS, 1))
		loop_step(&loop, LONG_MS);
	put_unlocked(I6300ESB_STATUS, 1, 1);
	feed();
	while (!get(I6300ESB_STATUS, 1))
		loop_step(&loop, LONG_MS);
	cr_assert_eq(expirations, 0);
}

Test(i6300esb, is_stopped_by_who_may)
{
	set_timers(SOON, SOON);
	start();
	put_config(I6300ESB_LOCK, 0, 1);
	nothing_happens();
}

Test(i6300esb, stays_on_when_it_is_locked)
{
	set_timers(SOON, SOON);
	put_config(I6300ESB_LOCK, I6300ESB_LOCK_ENABLE | I6300ESB_LOCK_LOCKED, 1);
	put_config(I6300ESB_LOCK, 0, 1);
	cr_assert_eq(get_config(I6300ESB_LOCK, 1), I6300ESB_LOCK_ENABLE | I6300ESB_LOCK_LOCKED);
	wait_for_expiry();
}

Test(i6300esb, without_output_only_the_bit_tells)
{
	put_config(I6300ESB_CONFIG, I6300ESB_CONFIG_NO_OUTPUT, 2);
	set_timers(SOON, SOON);
	start();
	while (!(get(I6300ESB_RELOAD, 2) & I6300ESB_RELOAD_EXPIRED))
		loop_step(&loop, LONG_MS);
	cr_assert_eq(expirations, 0);
}

Test(i6300esb, counts_a_thousand_times_faster)
{
	put_config(I6300ESB_CONFIG, I6300ESB_CONFIG_FAST, 2);
	set_timers(10000, 10000); /* 19 ms; at 1 kHz longer than any test */
	start();
	wait_for_expiry();
}

Test(i6300esb, a_write_without_the_sequence_does_nothing)
{
	set_timers(NEVER, NEVER);
	put(I6300ESB_TIMER_1, SOON, 4);
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_2, 1);
	put(I6300ESB_TIMER_1, SOON, 4);
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_1, 1);
	put(I6300ESB_TIMER_1, SOON, 4);
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_2, 1);
	put(I6300ESB_TIMER_1, SOON, 4);
	cr_assert_eq(get(I6300ESB_TIMER_1, 4), NEVER);
	put_unlocked(I6300ESB_TIMER_1, SOON, 4);
	put(I6300ESB_TIMER_1, 7, 4);
	cr_assert_eq(get(I6300ESB_TIMER_1, 4), SOON, "one write only");
	put(I6300ESB_RELOAD, I6300ESB_UNLOCK_1, 1);
	unlock();
	put(I6300ESB_TIMER_2, 7, 4);
	cr_assert_eq(get(I6300ESB_TIMER_2, 4), 7, "a sequence may begin anew");
}

Test(i6300esb, stands_still_while_it_is_held)
{
	set_timers(SOON, SOON);
	i6300esb_hold(watchdog, true);
	start();
	feed();
	nothing_happens();
	cr_assert_eq(get(I6300ESB_STATUS, 1), 0);
	i6300esb_hold(watchdog, false);
	i6300esb_hold(watchdog, true);
	i6300esb_hold(watchdog, true);
	nothing_happens();
	i6300esb_hold(watchdog, false);
	i6300esb_hold(watchdog, false);
	wait_for_expiry();
}

Test(i6300esb, odd_accesses_do_nothing)
{
	uint64_t wide = UINT64_MAX;

	set_timers(NEVER, NEVER);
	unlock();
	put(I6300ESB_TIMER_1 + 1, SOON, 1);
	pci_window_ops.write(&bus, BAR, (const uint8_t *)&wide, 8);
	put(I6300ESB_TIMER_1, SOON, 4);
	cr_assert_eq(get(I6300ESB_TIMER_1, 4), SOON, "they were none of the register's");
	cr_assert_eq(get(I6300ESB_TIMER_2, 4), NEVER);
	cr_assert_eq(get(I6300ESB_TIMER_1 + 3, 2), 0, "no read crosses registers");
	put_unlocked(I6300ESB_TIMER_1, UINT32_MAX, 4);
	cr_assert_eq(get(I6300ESB_TIMER_1, 4), NEVER, "20 bits");
	put_config(I6300ESB_CONFIG, 0xffffffff, 4);
	cr_assert_eq(get_config(I6300ESB_CONFIG, 4), 0x27);
	put_config(I6300ESB_LOCK, 4, 1);
	cr_assert_eq(get_config(I6300ESB_LOCK, 1), 0, "it does not run free");
}
