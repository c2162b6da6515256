/* Any writes to the two ports while time passes: a clock that runs shows a date that exists. */
#include "devmodel/rtc.h"
#include "tests/fuzz/devmodel/input.h"

static struct timespec fuzz_time; /* the fuzzer has one thread */

static void fuzz_now(struct timespec *now)
{
	*now = fuzz_time;
}

static uint8_t cmos_read(struct rtc *rtc, uint8_t index)
{
	uint8_t value = 0xff;

	rtc_ops.write(rtc, 0, &index, 1);
	rtc_ops.read(rtc, 1, &value, 1);
	return value;
}

static void cmos_write(struct rtc *rtc, uint8_t index, uint8_t value)
{
	rtc_ops.write(rtc, 0, &index, 1);
	rtc_ops.write(rtc, 1, &value, 1);
}

static void rtc_step(struct rtc *rtc, struct fuzz_input *input)
{
	uint8_t what = input_byte(input);
	uint8_t index = input_byte(input);
	uint8_t value = input_byte(input);
	uint8_t wide[8] = {index, value};

	switch (what & 3) {
	case 0:
		cmos_write(rtc, index, value);
		break;
	case 1:
		cmos_write(rtc, index & 0x0f, value);
		break;
	case 2:
		fuzz_time.tv_nsec = value * 3900000L;
		fuzz_time.tv_sec += index;
		break;
	default:
		rtc_ops.write(rtc, index & 1, wide, 2);
		rtc_ops.read(rtc, index & 1, wide, 2);
		cmos_read(rtc, index);
		break;
	}
}

static void rtc_check(struct rtc *rtc)
{
	uint8_t second;

	cmos_write(rtc, 0x0a, 0x26);
	cmos_write(rtc, 0x0b, 0x06); /* binary, 24 hours */
	REQUIRE(cmos_read(rtc, 0x0b) == 0x06);
	second = cmos_read(rtc, 0);
	REQUIRE(second <= 59 && cmos_read(rtc, 2) <= 59 && cmos_read(rtc, 4) <= 23);
	REQUIRE(cmos_read(rtc, 6) >= 1 && cmos_read(rtc, 6) <= 7);
	REQUIRE(cmos_read(rtc, 7) >= 1 && cmos_read(rtc, 7) <= 31);
	REQUIRE(cmos_read(rtc, 8) >= 1 && cmos_read(rtc, 8) <= 12);
	REQUIRE(cmos_read(rtc, 9) <= 99 && cmos_read(rtc, 0x32) <= 99);
	fuzz_time.tv_sec++;
	REQUIRE(cmos_read(rtc, 0) == (second + 1) % 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct rtc *rtc;

	fuzz_time = (struct timespec){.tv_sec = (time_t)(input_u64(&input) % 0x100000000)};
	rtc = rtc_create(fuzz_now, NULL);
	REQUIRE(rtc);
	while (input.len)
		rtc_step(rtc, &input);
	rtc_check(rtc);
	rtc_destroy(rtc);
	return 0;
}
