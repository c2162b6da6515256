/* The memory device (virtio 1.2, 5.15). */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mem.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/mem.h"

#define BASE   GIB(4)
#define BLOCK  MIB(2)
#define BLOCKS 200ULL
#define SIZE   (BLOCKS * BLOCK)

static struct driver driver;
static struct error err;
static int file;
static uint8_t *host, *vcpus;
static _Atomic uint64_t bits[(BLOCKS + 63) / 64];
static unsigned announced;

static void count_driver(void *owner)
{
	(void)owner;
	announced++;
}

static void setup(void)
{
	struct virtio_mem_options options = {
		.name = "memory0", .address = BASE, .requested = 4 * BLOCK, .driver_came = count_driver};

	driver_init(&driver);
	file = memfd_create("device", MFD_CLOEXEC);
	cr_assert(file >= 0 && ftruncate(file, SIZE) == 0);
	host = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	vcpus = mmap(NULL, SIZE, PROT_NONE, MAP_SHARED, file, 0);
	cr_assert(host != MAP_FAILED && vcpus != MAP_FAILED);
	cr_assert_eq(guest_memory_add(&driver.memory, BASE, SIZE, host, 0), 0);
	guest_memory_set_blocks(&driver.memory, 21, bits, vcpus);
	driver_attach(&driver, virtio_mem_create(&options, &driver.memory, &driver.loop, &err),
		      1ULL << VIRTIO_MEM_F_ACPI_PXM | 1ULL << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
}

static void teardown(void)
{
	driver_close(&driver);
	munmap(host, SIZE);
	munmap(vcpus, SIZE);
	close(file);
}

TestSuite(mem, .init = setup, .fini = teardown);

static struct virtio_mem_resp ask(uint16_t type, uint64_t address, uint16_t count)
{
	struct virtio_mem_req request = {.type = type, .u.plug = {.addr = address, .nb_blocks = count}};
	struct driver_buffer buffers[] = {driver_out(&driver, &request, sizeof(request)),
					  driver_in(&driver, sizeof(struct virtio_mem_resp))};
	struct virtio_mem_resp response;
	struct driver_used used;

	driver_add(&driver, 0, buffers, 2);
	driver_kick(&driver, 0);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(used.written, sizeof(response));
	memcpy(&response, driver_at(&driver, buffers[1].address, sizeof(response)), sizeof(response));
	return response;
}

static unsigned state_of(uint64_t block, uint16_t count)
{
	struct virtio_mem_resp response = ask(VIRTIO_MEM_REQ_STATE, BASE + block * BLOCK, count);

	cr_assert_eq(response.type, VIRTIO_MEM_RESP_ACK);
	return response.u.state.state;
}

static unsigned plug(uint64_t block, uint16_t count)
{
	return ask(VIRTIO_MEM_REQ_PLUG, BASE + block * BLOCK, count).type;
}

static unsigned unplug(uint64_t block, uint16_t count)
{
	return ask(VIRTIO_MEM_REQ_UNPLUG, BASE + block * BLOCK, count).type;
}

static struct virtio_mem_config config(void)
{
	struct virtio_mem_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config;
}

static struct virtio_mem_state state(void)
{
	struct virtio_mem_state state;

	virtio_mem_read(driver.device, &state);
	return state;
}

static uint64_t held(void) /* bytes of the host's memory */
{
	struct stat status;

	cr_assert_eq(fstat(file, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static sigjmp_buf fault;

static void faulted(int number)
{
	(void)number;
	siglongjmp(fault, 1);
}

/* Whether a vCPU could. */
static bool reachable(uint64_t block)
{
	struct sigaction action = {.sa_handler = faulted};

	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(fault, 1))
		return false;
	*(volatile uint8_t *)(vcpus + block * BLOCK) = 1;
	return true;
}

Test(mem, says_what_it_is)
{
	cr_assert_eq(driver.device->id, VIRTIO_ID_MEM);
	cr_assert_eq(config().block_size, BLOCK);
	cr_assert_eq(config().addr, BASE);
	cr_assert_eq(config().region_size, SIZE);
	cr_assert_eq(config().requested_size, 4 * BLOCK);
	cr_assert_eq(config().usable_region_size, 4 * BLOCK + MIB(256));
	cr_assert_eq(config().plugged_size, 0);
	cr_assert_eq(config().node_id, 0);
	cr_assert(state().driver && state().size == SIZE && state().block == BLOCK);
}

Test(mem, a_plugged_block_is_memory)
{
	uint64_t at = BASE + 2 * BLOCK;

	cr_assert_null(guest_memory_at(&driver.memory, at, 1));
	cr_assert_not(reachable(2));
	cr_assert_eq(plug(2, 2), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(guest_memory_at(&driver.memory, at, 2 * BLOCK), host + 2 * BLOCK);
	cr_assert(reachable(2) && reachable(3));
	cr_assert_not(reachable(1));
	cr_assert_not(reachable(4));
	cr_assert_eq(host[2 * BLOCK], 1, "the same memory for devices and vCPUs");
	cr_assert_eq(config().plugged_size, 2 * BLOCK);
	cr_assert_eq(state().plugged, 2 * BLOCK);
	cr_assert_eq(announced, 1, "once");
}

Test(mem, an_unplugged_block_is_the_hosts)
{
	uint8_t *kept;

	cr_assert_eq(plug(0, 3), VIRTIO_MEM_RESP_ACK);
	kept = guest_memory_at(&driver.memory, BASE, 3 * BLOCK);
	memset(kept, 0x5a, 3 * BLOCK);
	cr_assert_eq(held(), 3 * BLOCK);
	cr_assert_eq(unplug(1, 1), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(held(), 2 * BLOCK);
	cr_assert_null(guest_memory_at(&driver.memory, BASE, 3 * BLOCK));
	cr_assert_not_null(guest_memory_at(&driver.memory, BASE + 2 * BLOCK, BLOCK));
	cr_assert_not(reachable(1));
	cr_assert_eq(kept[BLOCK], 0, "who still has a pointer finds zeros");
	cr_assert_eq(kept[2 * BLOCK], 0x5a);
	cr_assert_eq(plug(1, 1), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(kept[BLOCK], 0);
}

Test(mem, no_more_than_is_requested)
{
	cr_assert_eq(plug(0, 5), VIRTIO_MEM_RESP_NACK);
	cr_assert_eq(config().plugged_size, 0);
	cr_assert_eq(plug(0, 4), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(plug(4, 1), VIRTIO_MEM_RESP_NACK);
	virtio_mem_request(driver.device, 5 * BLOCK);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_eq(config().requested_size, 5 * BLOCK);
	cr_assert_eq(plug(4, 1), VIRTIO_MEM_RESP_ACK);
	virtio_mem_request(driver.device, 0);
	cr_assert_eq(config().plugged_size, 5 * BLOCK, "what is plugged stays until the driver unplugs it");
	cr_assert_eq(plug(5, 1), VIRTIO_MEM_RESP_NACK);
	cr_assert_eq(unplug(0, 5), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(config().plugged_size, 0);
}

Test(mem, requests_are_whole_blocks_and_no_more_than_there_are)
{
	virtio_mem_request(driver.device, 4 * BLOCK + BLOCK - 1);
	cr_assert_eq(driver.config_interrupts, 0, "the same as before");
	virtio_mem_request(driver.device, UINT64_MAX);
	cr_assert_eq(config().requested_size, SIZE);
	cr_assert_eq(config().usable_region_size, SIZE);
}

Test(mem, ranges_that_are_none_are_errors)
{
	static const struct {
		uint64_t address;
		uint16_t count;
	} ranges[] = {
		{BASE, 0},
		{BASE + 1, 1},
		{BASE + BLOCK / 2, 1},
		{BASE - BLOCK, 1},
		{0, 1},
		{UINT64_MAX, 1},
		{BASE + SIZE, 1},
		{BASE, UINT16_MAX},
		{BASE + 4 * BLOCK + MIB(256), 1}, /* beyond what is usable */
		{BASE + 3 * BLOCK + MIB(256), 2}, /* in part */
	};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		for (uint16_t type = VIRTIO_MEM_REQ_PLUG; type <= VIRTIO_MEM_REQ_STATE; type++)
			if (type != VIRTIO_MEM_REQ_UNPLUG_ALL)
				cr_assert_eq(ask(type, ranges[i].address, ranges[i].count).type,
					     VIRTIO_MEM_RESP_ERROR, "range %u, request %u", i, type);
	cr_assert_eq(ask(4, BASE, 1).type, VIRTIO_MEM_RESP_ERROR);
	cr_assert_eq(ask(UINT16_MAX, BASE, 1).type, VIRTIO_MEM_RESP_ERROR);
	cr_assert_eq(config().plugged_size, 0);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(mem, blocks_in_the_wrong_state_are_errors)
{
	cr_assert_eq(plug(1, 2), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(plug(0, 2), VIRTIO_MEM_RESP_ERROR, "one is plugged");
	cr_assert_eq(plug(2, 1), VIRTIO_MEM_RESP_ERROR);
	cr_assert_eq(unplug(0, 2), VIRTIO_MEM_RESP_ERROR, "one is not");
	cr_assert_eq(unplug(5, 1), VIRTIO_MEM_RESP_ERROR);
	cr_assert_eq(config().plugged_size, 2 * BLOCK);
	cr_assert_eq(state_of(1, 2), VIRTIO_MEM_STATE_PLUGGED);
	cr_assert_eq(state_of(3, 100), VIRTIO_MEM_STATE_UNPLUGGED);
	cr_assert_eq(state_of(0, 2), VIRTIO_MEM_STATE_MIXED);
}

Test(mem, all_of_it_goes_at_once)
{
	virtio_mem_request(driver.device, 150 * BLOCK);
	cr_assert_eq(plug(0, 1), VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(plug(70, 80), VIRTIO_MEM_RESP_ACK);
	host[75 * BLOCK] = 1;
	virtio_mem_request(driver.device, 0);
	cr_assert_eq(config().usable_region_size, SIZE);
	cr_assert_eq(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0).type, VIRTIO_MEM_RESP_ACK);
	cr_assert_eq(config().plugged_size, 0);
	cr_assert_eq(config().usable_region_size, MIB(256), "only then it shrinks");
	cr_assert_eq(held(), 0);
	cr_assert_not(reachable(75));
	cr_assert_null(guest_memory_at(&driver.memory, BASE + 75 * BLOCK, 1));
	cr_assert_eq(state_of(0, 128), VIRTIO_MEM_STATE_UNPLUGGED);
}

Test(mem, a_reset_unplugs_nothing)
{
	cr_assert_eq(plug(3, 1), VIRTIO_MEM_RESP_ACK);
	driver_reset(&driver);
	cr_assert_not(state().driver);
	cr_assert_eq(config().plugged_size, BLOCK);
	cr_assert(reachable(3));
	driver_start(&driver, 0);
	cr_assert_eq(state_of(3, 1), VIRTIO_MEM_STATE_PLUGGED);
	cr_assert_eq(announced, 2, "a driver came again");
}

Test(mem, a_request_that_is_too_short_breaks_the_device)
{
	struct driver_buffer buffers[] = {driver_in(&driver, sizeof(struct virtio_mem_resp))};

	driver_add(&driver, 0, buffers, 1);
	driver_kick(&driver, 0);
	cr_assert(driver_sees_broken(&driver));
}

Test(mem, an_answer_that_does_not_fit_breaks_the_device)
{
	struct virtio_mem_req request = {.type = VIRTIO_MEM_REQ_PLUG,
					 .u.plug = {.addr = BASE, .nb_blocks = 1}};
	struct driver_buffer buffers[] = {driver_out(&driver, &request, sizeof(request)),
					  driver_in(&driver, sizeof(struct virtio_mem_resp) - 1)};

	driver_add(&driver, 0, buffers, 2);
	driver_kick(&driver, 0);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_eq(config().plugged_size, 0);
}

Test(mem, the_answer_may_lie_in_a_block_that_goes)
{
	struct virtio_mem_req request = {.type = VIRTIO_MEM_REQ_UNPLUG,
					 .u.plug = {.addr = BASE, .nb_blocks = 1}};
	struct driver_buffer buffers[] = {
		driver_out(&driver, &request, sizeof(request)),
		{.address = BASE, .len = sizeof(struct virtio_mem_resp), .writable = true}};
	struct driver_used used;

	cr_assert_eq(plug(0, 1), VIRTIO_MEM_RESP_ACK);
	driver_add(&driver, 0, buffers, 2);
	driver_kick(&driver, 0);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(config().plugged_size, 0);
	cr_assert_leq(held(), 4096);
}

Test(mem, a_buffer_in_an_unplugged_block_is_outside_of_memory)
{
	driver_add(&driver, 0, (struct driver_buffer[]){{.address = BASE, .len = 24}}, 1);
	driver_kick(&driver, 0);
	cr_assert(driver_sees_broken(&driver));
}

Test(mem, a_region_that_is_not_there_is_refused)
{
	struct virtio_mem_options options = {.name = "memory1", .address = DRIVER_RAM_BASE};

	cr_assert_null(virtio_mem_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_str_eq(err.text, "virtio mem memory1: there is no room for it at 0x100000");
}
