/* The memory balloon (virtio 1.2, 5.5). The test's memory is shared, as a guest's is: what is given reads as
 * zeros. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"
#include "devmodel/virtio/balloon.h"

#define INFLATE         0
#define DEFLATE         1
#define STATS           2
#define REPORTING_LINUX 3
#define REPORTING       4
#define PAGE            VIRTIO_BALLOON_PAGE
#define PATTERN         0xa5

static struct driver driver;
static struct error err;

static void plug(struct virtio_balloon_options options)
{
	driver_init(&driver);
	driver_plug(&driver, virtio_balloon_create(&options, &driver.memory, &driver.loop, &err));
}

static void setup(void)
{
	plug((struct virtio_balloon_options){.deflate_on_oom = true, .reporting = true});
	driver_start(&driver, driver.device->offered);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(balloon, .init = setup, .fini = teardown);
TestSuite(balloon_made, .fini = teardown);

/* ---- Pages ---- */

/* Fresh pages, full of the pattern; the first one's address. */
static uint64_t take_pages(unsigned count)
{
	uint64_t address = ALIGN_UP(driver_alloc(&driver, (count + 1) * PAGE), PAGE);

	memset(driver_at(&driver, address, count * PAGE), PATTERN, count * PAGE);
	return address;
}

static bool page_is(uint64_t address, uint8_t byte)
{
	const uint8_t *bytes = driver_at(&driver, address, PAGE);

	for (unsigned i = 0; i < PAGE; i++) {
		if (bytes[i] != byte)
			return false;
	}
	return true;
}

static bool page_is_there(uint64_t address)
{
	unsigned char there;

	cr_assert_eq(mincore(driver_at(&driver, address, PAGE), PAGE, &there), 0);
	return there & 1;
}

static void give(const uint32_t *pages, unsigned count)
{
	struct driver_buffer buffer = driver_out(&driver, pages, count * (uint32_t)sizeof(*pages));
	struct driver_used used;

	driver_add(&driver, INFLATE, &buffer, 1);
	driver_kick(&driver, INFLATE);
	cr_assert(driver_collect(&driver, INFLATE, &used));
	cr_assert_eq(used.written, 0);
}

static struct virtio_balloon_state state_of_it(void)
{
	struct virtio_balloon_state state;

	virtio_balloon_read(driver.device, &state);
	return state;
}

static uint64_t errors_of_it(void)
{
	struct virtio_counters counters;

	virtio_device_count(driver.device, &counters);
	return counters.errors;
}

Test(balloon, pages_that_are_given_are_the_hosts_and_come_back_as_zeros)
{
	uint64_t address = take_pages(4);
	uint32_t first = (uint32_t)(address / PAGE);

	give((uint32_t[]){first + 1, first + 2}, 2);
	cr_assert(page_is(address, PATTERN));
	cr_assert_not(page_is_there(address + PAGE));
	cr_assert_not(page_is_there(address + 2 * PAGE));
	cr_assert(page_is(address + 3 * PAGE, PATTERN));
	cr_assert(page_is(address + PAGE, 0));
	cr_assert(page_is(address + 2 * PAGE, 0));
	cr_assert_eq(state_of_it().returned, 2 * PAGE);
}

Test(balloon, pages_come_in_any_order)
{
	uint64_t address = take_pages(8);
	uint32_t first = (uint32_t)(address / PAGE);

	give((uint32_t[]){first + 7, first + 6, first + 5, first, first + 1, first + 3, first + 3}, 7);
	for (unsigned i = 0; i < 8; i++)
		cr_assert(page_is(address + i * PAGE, i == 2 || i == 4 ? PATTERN : 0), "page %u", i);
}

Test(balloon, a_list_in_pieces_is_one_list)
{
	uint64_t address = take_pages(2);
	uint32_t pages[2] = {(uint32_t)(address / PAGE), (uint32_t)(address / PAGE) + 1};
	struct driver_buffer buffers[] = {driver_out(&driver, pages, 3),
					  driver_out(&driver, (uint8_t *)pages + 3, 5)};
	struct driver_used used;

	driver_add(&driver, INFLATE, buffers, 2);
	driver_kick(&driver, INFLATE);
	cr_assert(driver_collect(&driver, INFLATE, &used));
	cr_assert(page_is(address, 0));
	cr_assert(page_is(address + PAGE, 0));
}

Test(balloon, pages_outside_of_memory_are_counted_and_nothing_else)
{
	uint64_t address = take_pages(1);
	uint32_t last = (uint32_t)((DRIVER_RAM_BASE + DRIVER_RAM_SIZE) / PAGE);

	give((uint32_t[]){0, last, UINT32_MAX, (uint32_t)(address / PAGE), 1U << 20}, 5);
	cr_assert_eq(errors_of_it(), 4);
	cr_assert(page_is(address, 0));
	cr_assert_not(driver_sees_broken(&driver));
}

Test(balloon, the_page_that_holds_the_list_may_be_given)
{
	uint64_t address = take_pages(1);
	uint32_t number = (uint32_t)(address / PAGE);
	struct driver_buffer buffer = {.address = address, .len = PAGE};
	uint32_t *list = driver_at(&driver, address, PAGE);
	struct driver_used used;

	for (unsigned i = 0; i < PAGE / sizeof(*list); i++)
		list[i] = number;
	driver_add(&driver, INFLATE, &buffer, 1);
	driver_kick(&driver, INFLATE);
	cr_assert(driver_collect(&driver, INFLATE, &used));
	cr_assert(page_is(address, 0));
}

Test(balloon, the_page_that_holds_the_ring_may_be_given)
{
	uint64_t ring = driver.queues[INFLATE].used_address & ~(PAGE - 1);
	struct driver_buffer buffer;
	uint32_t number = (uint32_t)(ring / PAGE);

	buffer = driver_out(&driver, &number, sizeof(number));
	driver_add(&driver, INFLATE, &buffer, 1);
	driver_kick(&driver, INFLATE);
	driver_kick(&driver, INFLATE); /* whatever the ring says now: it is the guest's own loss */
	driver_reset(&driver);
	driver_start(&driver, driver.device->offered);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(balloon, a_list_that_is_too_long_breaks_the_device)
{
	uint32_t size = (VIRTIO_BALLOON_LIST_MAX + 1) * sizeof(uint32_t);
	struct driver_buffer buffer = {.address = driver_alloc(&driver, size), .len = size};

	driver_add(&driver, INFLATE, &buffer, 1);
	driver_kick(&driver, INFLATE);
	cr_assert(driver_sees_broken(&driver));
}

Test(balloon, pages_that_are_taken_again_are_acknowledged)
{
	uint64_t address = take_pages(1);
	uint32_t number = (uint32_t)(address / PAGE);
	struct driver_buffer buffer = driver_out(&driver, &number, sizeof(number));
	struct driver_used used;

	give(&number, 1);
	driver_add(&driver, DEFLATE, &buffer, 1);
	driver_kick(&driver, DEFLATE);
	cr_assert(driver_collect(&driver, DEFLATE, &used));
	memset(driver_at(&driver, address, PAGE), PATTERN, PAGE);
	cr_assert(page_is(address, PATTERN));
}

/* ---- Reporting ---- */

static void report(unsigned queue, uint64_t address, uint32_t size)
{
	struct driver_buffer buffer = {.address = address, .len = size, .writable = true};
	struct driver_used used;

	driver_add(&driver, queue, &buffer, 1);
	driver_kick(&driver, queue);
	cr_assert(driver_collect(&driver, queue, &used));
}

Test(balloon, what_is_not_used_is_given_back_by_the_numbers_of_specification_and_linux)
{
	uint64_t address = take_pages(5);

	report(REPORTING, address, 2 * PAGE);
	report(REPORTING_LINUX, address + 3 * PAGE, PAGE);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(page_is(address + i * PAGE, i == 2 || i == 4 ? PATTERN : 0), "page %u", i);
	cr_assert_eq(state_of_it().returned, 3 * PAGE);
}

Test(balloon, of_a_report_only_whole_pages_are_given)
{
	uint64_t address = take_pages(3);

	report(REPORTING, address + 1, 2 * PAGE);
	cr_assert(page_is(address, PATTERN));
	cr_assert(page_is(address + PAGE, 0));
	cr_assert(page_is(address + 2 * PAGE, PATTERN));
	report(REPORTING, address + 8, 16);
	cr_assert(page_is(address, PATTERN));
}

Test(balloon_made, reports_that_were_not_agreed_are_not_looked_at)
{
	struct driver_buffer buffer;
	struct driver_used used;

	plug((struct virtio_balloon_options){.reporting = true});
	driver_start(&driver, 1ULL << VIRTIO_BALLOON_F_STATS_VQ);
	buffer = (struct driver_buffer){.address = take_pages(1), .len = PAGE, .writable = true};
	driver_add(&driver, REPORTING, &buffer, 1);
	driver_kick(&driver, REPORTING);
	cr_assert_not(driver_collect(&driver, REPORTING, &used));
	cr_assert(page_is(buffer.address, PATTERN));
}

/* ---- The target ---- */

static struct virtio_balloon_config config_of_it(void)
{
	struct virtio_balloon_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config;
}

Test(balloon_made, offers_what_its_options_say)
{
	plug((struct virtio_balloon_options){.held = MIB(1)});
	cr_assert_eq(driver.device->id, VIRTIO_ID_BALLOON);
	cr_assert_eq(driver.device->queue_count, 5);
	cr_assert_eq(driver.device->offered & 0x3f, 1U << VIRTIO_BALLOON_F_STATS_VQ);
	cr_assert_eq(config_of_it().num_pages, MIB(1) / PAGE);
}

Test(balloon, a_new_target_is_told)
{
	virtio_balloon_set_held(driver.device, MIB(2));
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_eq(config_of_it().num_pages, MIB(2) / PAGE);
	virtio_balloon_set_held(driver.device, MIB(2));
	cr_assert_eq(driver.config_interrupts, 1, "the same again is no news");
	virtio_balloon_set_held(driver.device, UINT64_MAX);
	cr_assert_eq(config_of_it().num_pages, DRIVER_RAM_SIZE / PAGE, "no more than there is");
}

Test(balloon, the_driver_says_how_much_it_gave)
{
	uint32_t actual = 77, other = 5;

	virtio_device_config_write(driver.device, offsetof(struct virtio_balloon_config, actual),
				   (uint8_t *)&actual, sizeof(actual));
	virtio_device_config_write(driver.device, 0, (uint8_t *)&other, sizeof(other));
	virtio_device_config_write(driver.device, 5, (uint8_t *)&other, 2);
	cr_assert_eq(config_of_it().actual, 77);
	cr_assert_eq(config_of_it().num_pages, 0, "the target is not the driver's");
	cr_assert_eq(state_of_it().actual, 77 * PAGE);
	driver_reset(&driver);
	cr_assert_eq(state_of_it().actual, 0);
}

/* ---- Statistics ---- */

static void tell_stats(const struct virtio_balloon_stat *stats, unsigned count)
{
	struct driver_buffer buffer = driver_out(&driver, stats, count * (uint32_t)sizeof(*stats));

	driver_add(&driver, STATS, &buffer, 1);
	driver_kick(&driver, STATS);
}

Test(balloon, statistics_are_kept_and_their_buffer_too)
{
	struct virtio_balloon_stat stats[] = {
		{VIRTIO_BALLOON_S_MEMFREE, 1000}, {VIRTIO_BALLOON_S_MEMTOT, 5000}, {77, 1}, {UINT16_MAX, 2}};
	struct driver_used used;

	cr_assert_eq(state_of_it().stats_time, 0);
	tell_stats(stats, ARRAY_SIZE(stats));
	cr_assert_not(driver_collect(&driver, STATS, &used));
	cr_assert_eq(state_of_it().stats_known, 1U << VIRTIO_BALLOON_FREE | 1U << VIRTIO_BALLOON_TOTAL);
	cr_assert_eq(state_of_it().stats[VIRTIO_BALLOON_TOTAL], 5000);
	cr_assert_neq(state_of_it().stats_time, 0);
}

Test(balloon, a_second_buffer_sends_the_first_back)
{
	struct virtio_balloon_stat first = {VIRTIO_BALLOON_S_MEMFREE, 1},
				   second = {VIRTIO_BALLOON_S_CACHES, 2};
	struct driver_used used;

	tell_stats(&first, 1);
	tell_stats(&second, 1);
	cr_assert(driver_collect(&driver, STATS, &used));
	cr_assert_eq(used.head, 0);
	cr_assert_eq(state_of_it().stats_known, 1U << VIRTIO_BALLOON_CACHES);
}

Test(balloon_made, statistics_are_asked_for_in_each_period)
{
	struct virtio_balloon_stat stat = {VIRTIO_BALLOON_S_MEMFREE, 1};
	struct driver_used used;

	plug((struct virtio_balloon_options){.stats_period = 1});
	driver_start(&driver, driver.device->offered);
	tell_stats(&stat, 1);
	cr_assert_not(driver_collect(&driver, STATS, &used));
	for (unsigned steps = 0; steps < 10 && driver.interrupts[STATS] == 0; steps++)
		cr_assert_eq(loop_step(&driver.loop, 1000), 0);
	cr_assert(driver_collect(&driver, STATS, &used), "the buffer that comes back is the question");
	stat.val = 2;
	tell_stats(&stat, 1);
	cr_assert_eq(state_of_it().stats[VIRTIO_BALLOON_FREE], 2);
}

Test(balloon_made, a_reset_forgets_the_buffer)
{
	struct virtio_balloon_stat stat = {VIRTIO_BALLOON_S_MEMFREE, 1};
	struct driver_used used;

	plug((struct virtio_balloon_options){.stats_period = 1});
	driver_start(&driver, driver.device->offered);
	tell_stats(&stat, 1);
	driver_reset(&driver);
	driver_start(&driver, driver.device->offered);
	for (unsigned steps = 0; steps < 3; steps++)
		cr_assert_eq(loop_step(&driver.loop, 500), 0);
	cr_assert_not(driver_collect(&driver, STATS, &used));
	cr_assert_eq(state_of_it().stats_known, 0);
}

static unsigned drivers;

static void count_driver(void *owner)
{
	cr_assert_eq(owner, &drivers);
	drivers++;
}

Test(balloon_made, who_wants_to_know_hears_of_a_driver_once)
{
	struct virtio_balloon_stat stat = {VIRTIO_BALLOON_S_MEMFREE, 1};

	plug((struct virtio_balloon_options){.driver_came = count_driver, .owner = &drivers});
	cr_assert_not(state_of_it().driver);
	for (unsigned i = 1; i <= 2; i++) {
		driver_start(&driver, 1ULL << VIRTIO_BALLOON_F_STATS_VQ);
		cr_assert(state_of_it().driver);
		tell_stats(&stat, 1);
		tell_stats(&stat, 1);
		cr_assert_eq(drivers, i);
		driver_reset(&driver);
		cr_assert_not(state_of_it().driver);
	}
}
