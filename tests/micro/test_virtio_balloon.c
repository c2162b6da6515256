/* The memory balloon, driven from the guest's side: its page tables in KVM follow what is given. */
#define PAGES 4

#ifdef MICRO_GUEST
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

#define PAGE      4096
#define REPORTING 4

static volatile uint8_t pages[PAGES][PAGE] __attribute__((aligned(PAGE)));
static uint32_t numbers[PAGES];

static bool page_is(unsigned page, uint8_t byte)
{
	for (unsigned i = 0; i < PAGE; i++) {
		if (pages[page][i] != byte)
			return false;
	}
	return true;
}

static void page_fill(unsigned page, uint8_t byte)
{
	for (unsigned i = 0; i < PAGE; i++)
		pages[page][i] = byte;
}

GUEST(gives_and_takes)
{
	struct virtio_part list = {numbers, 2 * sizeof(numbers[0]), false};
	struct virtio_part unused = {(void *)pages[3], PAGE, true};

	EXPECT(virtio_start(VIRTIO_ID_BALLOON,
			    1ULL << VIRTIO_BALLOON_F_STATS_VQ | 1ULL << VIRTIO_BALLOON_F_REPORTING, 5));
	for (unsigned i = 0; i < PAGES; i++) {
		page_fill(i, 0xa5);
		numbers[i] = (uint32_t)((uint64_t)pages[i + 1] >> VIRTIO_BALLOON_PFN_SHIFT);
	}
	virtio_do(0, &list, 1);
	EXPECT(page_is(0, 0xa5) && page_is(1, 0) && page_is(2, 0) && page_is(3, 0xa5));
	virtio_do(1, &list, 1);
	page_fill(1, 0x5a);
	EXPECT(page_is(1, 0x5a));
	virtio_do(REPORTING, &unused, 1);
	EXPECT(page_is(3, 0));
	mmio_write32(VIRTIO_BASE + VIRTIO_MMIO_CONFIG + offsetof(struct virtio_balloon_config, actual), 2);
	return 0;
}

#else
#include "devmodel/virtio/balloon.h"
#include "tests/micro/micro.h"

MICRO_TEST(virtio_balloon, pages_that_are_given_are_zeros)
{
	struct virtio_balloon_options options = {.reporting = true};
	struct virtio_balloon_state state;
	struct virtio_device *balloon;
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	balloon = virtio_balloon_create(&options, &micro.memory, &micro.loop, &err);
	cr_assert_not_null(balloon, "%s", err.text);
	micro_virtio_device(&micro, balloon);
	micro_expect(&micro, "gives_and_takes", 0);
	virtio_balloon_read(balloon, &state);
	cr_assert_eq(state.returned, 3 * VIRTIO_BALLOON_PAGE);
	cr_assert_eq(state.actual, 2 * VIRTIO_BALLOON_PAGE);
	virtio_device_destroy(balloon);
	micro_destroy(&micro);
}
#endif
