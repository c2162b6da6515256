#include "devmodel/virtio/gpu_edid.h"

#include <stdbool.h>
#include <string.h>

#include "common/util.h"

/* Offsets in the block: EDID 1.4, 3.1. */
#define EDID_VENDOR       8
#define EDID_PRODUCT      10
#define EDID_SERIAL       12
#define EDID_WEEK         16
#define EDID_YEAR         17
#define EDID_VERSION      18
#define EDID_REVISION     19
#define EDID_INPUT        20
#define EDID_WIDTH_CM     21
#define EDID_HEIGHT_CM    22
#define EDID_GAMMA        23
#define EDID_FEATURES     24
#define EDID_COLOURS      25
#define EDID_ESTABLISHED  35
#define EDID_STANDARD     38
#define EDID_DESCRIPTOR_1 54
#define EDID_DESCRIPTOR_2 72
#define EDID_DESCRIPTOR_3 90
#define EDID_DESCRIPTOR_4 108
#define EDID_CHECKSUM     127

#define STANDARD_COUNT  8
#define DESCRIPTOR_TEXT 13 /* bytes */

#define WEEK_IS_OF_MODEL 0xff
#define YEAR_FIRST       1990
#define YEAR             2026
#define INPUT_DIGITAL_8  0xa0 /* 8 bits a colour, of no interface in particular */
#define GAMMA_2_2        120  /* hundredths, less 100 */
#define FEATURES         0x06 /* RGB 4:4:4 only; sRGB; the preferred timing is that of its pixels */
#define TIMING_SYNC      0x1e /* separate, horizontal positive, vertical positive */

/* VESA's coordinated video timings with reduced blanking (1.1, 3.4.3), pixels and lines. */
#define BLANK_X       160
#define FRONT_X       48
#define SYNC_X        32
#define FRONT_Y       3
#define SYNC_Y        10 /* of sizes that are no standard's */
#define BACK_MIN_Y    6
#define BLANK_MIN_US  460
#define REFRESH_HZ    60
#define CLOCK_UNIT_HZ 10000
#define CLOCK_MIN     1000 /* units: 10 MHz, below which no monitor is */
#define CLOCK_MAX     UINT16_MAX

#define DPI     96
#define INCH_MM 254 /* tenths */

static const uint8_t header[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};

/* sRGB's red, green, blue and white (IEC 61966-2-1), 10 bits each: two low bits first, then eight high ones.
 */
static const uint8_t srgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};

/* 640x480, 800x600 and 1024x768 at 60 Hz. */
static const uint8_t established[] = {0x21, 0x08, 0x00};

/* Width / 8 - 31, shape and rate - 60; 1, 1: none. */
static const uint8_t standard[STANDARD_COUNT][2] = {
	{0xd1, 0xc0}, /* 1920x1080 */
	{0xb3, 0x00}, /* 1680x1050 */
	{0xa9, 0xc0}, /* 1600x900 */
	{0x95, 0x00}, /* 1440x900 */
	{0x81, 0x80}, /* 1280x1024 */
	{0x81, 0x00}, /* 1280x800 */
	{0x81, 0xc0}, /* 1280x720 */
	{0x01, 0x01},
};

static void put_16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Three letters, five bits each, the first one highest. */
static void put_vendor(uint8_t *at, const char letters[3])
{
	uint32_t code = 0;

	for (unsigned i = 0; i < 3; i++)
		code = code << 5 | (uint32_t)(letters[i] - 'A' + 1);
	at[0] = (uint8_t)(code >> 8);
	at[1] = (uint8_t)code;
}

static uint32_t millimetres(uint32_t pixels)
{
	return pixels * INCH_MM / (DPI * 10);
}

static uint8_t centimetres(uint32_t pixels)
{
	return (uint8_t)MIN(MAX((millimetres(pixels) + 5) / 10, 1U), 255U);
}

/* Lines between two pictures: as long as a monitor's electronics want at 60 Hz. */
static uint32_t blank_lines(uint32_t height)
{
	uint32_t least = FRONT_Y + SYNC_Y + BACK_MIN_Y;
	uint32_t visible_us = 1000000 / REFRESH_HZ - BLANK_MIN_US;

	return MAX(BLANK_MIN_US * height / visible_us + 1, least);
}

/* 3.10.2: a detailed timing. Some fields have their high bits elsewhere. */
static void put_timing(uint8_t *at, uint32_t width, uint32_t height)
{
	uint32_t blank_y = blank_lines(height);
	uint64_t total = (uint64_t)(width + BLANK_X) * (height + blank_y);
	uint64_t clock = (total * REFRESH_HZ + CLOCK_UNIT_HZ / 2) / CLOCK_UNIT_HZ;
	uint32_t width_mm = millimetres(width);
	uint32_t height_mm = millimetres(height);

	put_16(at, (uint32_t)MIN(MAX(clock, (uint64_t)CLOCK_MIN), (uint64_t)CLOCK_MAX));
	at[2] = (uint8_t)width;
	at[3] = BLANK_X;
	at[4] = (uint8_t)(width >> 8 << 4);
	at[5] = (uint8_t)height;
	at[6] = (uint8_t)blank_y;
	at[7] = (uint8_t)(height >> 8 << 4 | blank_y >> 8);
	at[8] = FRONT_X;
	at[9] = SYNC_X;
	at[10] = FRONT_Y << 4 | SYNC_Y;
	at[12] = (uint8_t)width_mm;
	at[13] = (uint8_t)height_mm;
	at[14] = (uint8_t)(width_mm >> 8 << 4 | height_mm >> 8);
	at[17] = TIMING_SYNC;
}

/* 3.10.3: a descriptor that is no timing; text ends with a line's end, and spaces. */
static void put_text(uint8_t *at, uint8_t tag, const char *text)
{
	size_t length = strlen(text);

	at[3] = tag;
	memset(at + 5, ' ', DESCRIPTOR_TEXT);
	memcpy(at + 5, text, length);
	at[5 + length] = '\n';
}

static void put_checksum(uint8_t *edid)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < EDID_CHECKSUM; i++)
		sum = (uint8_t)(sum + edid[i]);
	edid[EDID_CHECKSUM] = (uint8_t)-sum;
}

static void put_identity(uint8_t *edid, unsigned index)
{
	memcpy(edid, header, sizeof(header));
	put_vendor(edid + EDID_VENDOR, "RTO");
	put_16(edid + EDID_PRODUCT, 1);
	edid[EDID_SERIAL] = (uint8_t)(index + 1);
	edid[EDID_WEEK] = WEEK_IS_OF_MODEL;
	edid[EDID_YEAR] = YEAR - YEAR_FIRST;
	edid[EDID_VERSION] = 1;
	edid[EDID_REVISION] = 4;
}

void gpu_edid_write(uint8_t edid[GPU_EDID_SIZE], unsigned index, uint32_t width, uint32_t height)
{
	memset(edid, 0, GPU_EDID_SIZE);
	put_identity(edid, index);
	edid[EDID_INPUT] = INPUT_DIGITAL_8;
	edid[EDID_WIDTH_CM] = centimetres(width);
	edid[EDID_HEIGHT_CM] = centimetres(height);
	edid[EDID_GAMMA] = GAMMA_2_2;
	edid[EDID_FEATURES] = FEATURES;
	memcpy(edid + EDID_COLOURS, srgb, sizeof(srgb));
	memcpy(edid + EDID_ESTABLISHED, established, sizeof(established));
	memcpy(edid + EDID_STANDARD, standard, sizeof(standard));
	put_timing(edid + EDID_DESCRIPTOR_1, width, height);
	put_text(edid + EDID_DESCRIPTOR_2, 0xfc, "rastOS");
	edid[EDID_DESCRIPTOR_3 + 3] = 0x10; /* nothing */
	edid[EDID_DESCRIPTOR_4 + 3] = 0x10;
	put_checksum(edid);
}
