/* The AML writer against byte code worked out by hand from ACPI 6.5, chapter 20. */
#include <criterion/criterion.h>
#include <string.h>

#include "hypervisor/boot/acpi_aml.h"

#define WRITER(size_)                                                                                        \
	uint8_t buffer[size_];                                                                               \
	struct aml aml = {.data = buffer, .size = sizeof(buffer)}

#define EXPECT_BYTES(...)                                                                                    \
	do {                                                                                                 \
		const uint8_t expected[] = {__VA_ARGS__};                                                    \
		cr_assert_not(aml.full);                                                                     \
		cr_assert_eq(aml.used, sizeof(expected), "%zu bytes instead of %zu", aml.used,               \
			     sizeof(expected));                                                              \
		cr_assert_arr_eq(aml.data, expected, sizeof(expected));                                      \
	} while (0)

Test(acpi_aml, integers_take_the_shortest_form)
{
	WRITER(64);

	aml_integer(&aml, 0);
	aml_integer(&aml, 1);
	aml_integer(&aml, 2);
	aml_integer(&aml, 0xff);
	aml_integer(&aml, 0x100);
	aml_integer(&aml, 0x10000);
	aml_integer(&aml, 0x100000000);
	EXPECT_BYTES(0x00, 0x01, 0x0a, 0x02, 0x0a, 0xff, 0x0b, 0x00, 0x01, 0x0c, 0x00, 0x00, 0x01, 0x00, 0x0e,
		     0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00);
}

Test(acpi_aml, paths_are_padded_and_prefixed)
{
	WRITER(64);

	aml_notify(&aml, "\\_SB.PWRB", 0x80);
	aml_name_integer(&aml, "RTC", 0);
	aml_notify(&aml, "A.B.C", 1);
	EXPECT_BYTES(0x86, '\\', 0x2e, '_', 'S', 'B', '_', 'P', 'W', 'R', 'B', 0x0a, 0x80, /* dual */
		     0x08, 'R', 'T', 'C', '_', 0x00,                                       /* one */
		     0x86, 0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_',
		     0x01 /* multi */
	);
}

Test(acpi_aml, eisa_id_is_packed)
{
	WRITER(16);

	aml_name_eisa_id(&aml, "_HID", "PNP0C0C"); /* EisaId("PNP0C0C") is 0x0c0cd041 */
	EXPECT_BYTES(0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0c, 0x0c);
}

Test(acpi_aml, resources_count_themselves)
{
	WRITER(64);
	size_t mark = aml_resources_begin(&aml, "_CRS");

	aml_resource_io(&aml, 0x3f8, 8);
	aml_resource_interrupt(&aml, 4, false);
	aml_resources_end(&aml, mark);
	EXPECT_BYTES(0x08, '_', 'C', 'R', 'S', 0x11, 0x16, 0x0a, 0x13, /* 22 bytes, of them 19 resources */
		     0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08,   /* IO */
		     0x89, 0x06, 0x00, 0x03, 0x01, 4, 0, 0, 0,         /* Interrupt */
		     0x79, 0x00);
}

Test(acpi_aml, methods_compare_and_notify)
{
	WRITER(64);
	size_t method = aml_method_begin(&aml, "_EVT", 1);
	size_t condition = aml_if_argument_is_begin(&aml, 0, 5);

	aml_notify(&aml, "PWRB", 0x80);
	aml_end(&aml, condition);
	aml_end(&aml, method);
	EXPECT_BYTES(0x14, 0x13, '_', 'E', 'V', 'T', 0x09, 0xa0, 0x0c, 0x93, 0x68, 0x0a, 0x05, 0x86, 'P', 'W',
		     'R', 'B', 0x0a, 0x80);
}

/* PkgLength changes its width at 64, 4096 and 1 MiB, itself included. */
static void expect_package_length(size_t content, size_t width, const uint8_t *bytes)
{
	static uint8_t buffer[(1 << 20) + 64];
	struct aml aml = {.data = buffer, .size = sizeof(buffer)};
	size_t mark = aml_scope_begin(&aml, "\\");

	aml.used = mark; /* the name's bytes count as content here */
	for (size_t i = 0; i < content; i++)
		aml_bytes(&aml, "x", 1);
	aml_end(&aml, mark);
	cr_assert_not(aml.full);
	cr_assert_eq(aml.used, mark + width + content, "content %zu", content);
	cr_assert_arr_eq(buffer + mark, bytes, width, "content %zu", content);
	cr_assert_eq(buffer[mark + width], 'x');
}

Test(acpi_aml, package_length_widens_where_it_must)
{
	expect_package_length(0x3e, 1, (const uint8_t[]){0x3f});
	expect_package_length(0x3f, 2, (const uint8_t[]){0x41, 0x04});
	expect_package_length(0xffd, 2, (const uint8_t[]){0x4f, 0xff});
	expect_package_length(0xffe, 3, (const uint8_t[]){0x81, 0x00, 0x01});
	expect_package_length(0xffffc, 3, (const uint8_t[]){0x8f, 0xff, 0xff});
	expect_package_length(0xffffd, 4, (const uint8_t[]){0xc1, 0x00, 0x00, 0x01});
}

static void write_device(struct aml *aml)
{
	size_t device = aml_device_begin(aml, "COM1");
	size_t resources;

	aml_name_eisa_id(aml, "_HID", "PNP0501");
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, 0x3f8, 8);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

Test(acpi_aml, too_small_a_buffer_is_never_left)
{
	uint8_t buffer[128];
	struct aml whole = {.data = buffer, .size = sizeof(buffer)};

	write_device(&whole);
	cr_assert_not(whole.full);
	for (size_t size = 0; size < whole.used; size++) {
		struct aml aml = {.data = buffer, .size = size};

		memset(buffer, 0xee, sizeof(buffer));
		write_device(&aml);
		cr_assert(aml.full, "size %zu", size);
		for (size_t i = size; i < sizeof(buffer); i++)
			cr_assert_eq(buffer[i], 0xee, "size %zu wrote byte %zu", size, i);
	}
}
