#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rinit/bus_message.h"

static uint8_t data[1024];
static struct bus_message message;

Test(bus_message, call_is_read_back)
{
	size_t length = bus_message_call(data, sizeof(data), 7, "GetNameOwner", "org.example.Name"), at = 0;
	const char *argument;

	cr_assert_gt(length, 0);
	cr_assert_eq(bus_message_length(data), length);
	cr_assert_eq(bus_message_parse(data, length, &message), 0);
	cr_assert_eq(message.type, BUS_CALL);
	cr_assert_str_eq(message.member, "GetNameOwner");
	cr_assert_str_eq(message.interface, BUS_ITSELF);
	cr_assert_str_eq(message.signature, "s");
	cr_assert_eq(bus_body_string(&message, &at, &argument), 0);
	cr_assert_str_eq(argument, "org.example.Name");
	cr_assert_eq(at, message.body_length);
	cr_assert_eq(bus_body_string(&message, &at, &argument), -EBADMSG);
}

Test(bus_message, call_that_does_not_fit_is_none)
{
	size_t length = bus_message_call(data, sizeof(data), 1, "Hello", NULL);

	cr_assert_gt(length, 0);
	for (size_t size = 0; size < length; size++)
		cr_assert_eq(bus_message_call(data, size, 1, "Hello", NULL), 0, "%zu", size);
	cr_assert_eq(bus_message_call(data, length, 1, "Hello", NULL), length);
}

/* A return with a number, by both orders of bytes. */
static size_t answer(bool big_endian)
{
	static const uint8_t little[] = "l\x02\x01\x01\x04\0\0\0\x09\0\0\0\x0f\0\0\0"
					"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x01u\0\0\x39\x30\0\0";
	static const uint8_t big[] = "B\x02\x01\x01\0\0\0\x04\0\0\0\x09\0\0\0\x0f"
				     "\x05\x01u\0\0\0\0\x07\x08\x01g\0\x01u\0\0\0\0\x30\x39";

	memcpy(data, big_endian ? big : little, sizeof(little) - 1);
	return sizeof(little) - 1;
}

Test(bus_message, answers_in_both_orders_of_bytes)
{
	for (int big = 0; big < 2; big++) {
		size_t length = answer(big), at = 0;
		uint32_t number;

		cr_assert_eq(bus_message_length(data), length);
		cr_assert_eq(bus_message_parse(data, length, &message), 0);
		cr_assert_eq(message.type, BUS_RETURN);
		cr_assert_eq(message.reply_serial, 7);
		cr_assert_str_eq(message.signature, "u");
		cr_assert_str_eq(message.sender, "");
		cr_assert_eq(bus_body_u32(&message, &at, &number), 0);
		cr_assert_eq(number, 12345);
		cr_assert_eq(bus_body_u32(&message, &at, &number), -EBADMSG);
	}
}

Test(bus_message, every_cut_is_refused)
{
	size_t length = answer(false);

	for (size_t cut = 0; cut < length; cut++)
		cr_assert_eq(bus_message_parse(data, cut, &message), -EBADMSG, "%zu", cut);
}

Test(bus_message, headers_that_lie_are_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} lies[] = {
		{0, 'x'},   /* neither order */
		{1, 0},     /* no type */
		{1, 5},     /* an unknown one */
		{3, 2},     /* another version */
		{6, 2},     /* a body of 128 KiB */
		{12, 0x0e}, /* fields that end within the last one */
		{17, 2},    /* a signature longer than its field's */
		{18, 's'},  /* a reply serial that is a string */
		{18, 'a'},  /* an array */
		{27, 1},    /* a signature without its end */
		{28, 9},    /* one that is longer than the message */
		{29, 0},    /* with a zero in it */
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		size_t length = answer(false);

		data[lies[i].at] = lies[i].byte;
		cr_assert_eq(bus_message_parse(data, length, &message), -EBADMSG, "lie %zu", i);
	}
}

Test(bus_message, unknown_fields_are_read_over)
{
	size_t length = answer(false);

	data[16] = 99; /* no longer a reply serial */
	cr_assert_eq(bus_message_parse(data, length, &message), 0);
	cr_assert_eq(message.reply_serial, 0);
	cr_assert_str_eq(message.signature, "u");
}

Test(bus_message, strings_must_end_where_they_say)
{
	size_t length = bus_message_call(data, sizeof(data), 7, "X", "abc"), at = 0;
	const char *text;

	cr_assert_eq(bus_message_parse(data, length, &message), 0);
	data[length - 1] = 'x';
	cr_assert_eq(bus_body_string(&message, &at, &text), -EBADMSG);
	data[length - 1] = 0;
	data[length - 3] = 0;
	at = 0;
	cr_assert_eq(bus_body_string(&message, &at, &text), -EBADMSG);
}

Test(bus_message, names_of_services)
{
	static const char *const good[] = {"org.example.Name", "a.b", "_x-y.z9", "A.B.C"};
	static const char *const bad[] = {"",      "a",     ".a.b",  "a..b", "a.b.", "a.9b", ":1.7",
					  "a.b c", "a.b\n", "a/b.c", "ä.b",  "a.b'", "9.a",  "."};
	char long_name[BUS_NAME_MAX + 2] = "a.b";

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(bus_name_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(bus_name_is_valid(bad[i]), "%s", bad[i]);
	memset(long_name + 3, 'x', BUS_NAME_MAX - 3);
	cr_assert(bus_name_is_valid(long_name));
	long_name[BUS_NAME_MAX] = 'x';
	cr_assert_not(bus_name_is_valid(long_name));
}
