/* A guest's console log, in pieces. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "scratch.h"
#include "vmm/guest/console_log.h"
#include "vmm/guest/fixed_file.h"
#include "vmm/manager/logs.h"

static struct error err;

TestSuite(logs, .init = scratch_make, .fini = scratch_remove);

static struct console_log *log_open(void)
{
	struct console_log *log;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/console.log", scratch);
	fd = fixed_file_open(path, CONSOLE_LOG_SIZE, true, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	log = console_log_map(fd, &err);
	cr_assert_not_null(log, "%s", err.text);
	return log;
}

static void log_write(const char *data, size_t len)
{
	struct console_log *log = log_open();

	console_log_add(log, (const uint8_t *)data, len);
	console_log_unmap(log);
}

/* The text of one piece; *next is where the one behind it begins. */
static const char *piece(uint64_t from, uint64_t *next, bool *more)
{
	static char text[LOGS_PIECE + 1];
	cJSON *json = NULL;

	cr_assert_eq(logs_read(scratch, from, &json, &err), 0, "%s", err.text);
	snprintf(text, sizeof(text), "%s", cJSON_GetObjectItem(json, "text")->valuestring);
	*next = (uint64_t)cJSON_GetObjectItem(json, "next")->valuedouble;
	*more = cJSON_IsTrue(cJSON_GetObjectItem(json, "more"));
	cJSON_Delete(json);
	return text;
}

static uint64_t find(uint64_t lines)
{
	uint64_t from = 4711;

	cr_assert_eq(logs_find(scratch, lines, &from, &err), 0, "%s", err.text);
	return from;
}

Test(logs, that_are_not_there_are_empty)
{
	uint64_t next;
	bool more;

	cr_expect_str_empty(piece(0, &next, &more));
	cr_expect_eq(next, 0);
	cr_expect_not(more);
	cr_expect_eq(find(10), 0);
}

/* The bytes of a piece's "base64"; NULL: it has none. */
static const char *bytes_of(uint64_t from)
{
	static char bytes[LOGS_PIECE + 1];
	const cJSON *coded;
	cJSON *json = NULL;
	ssize_t len = 0;

	cr_assert_eq(logs_read(scratch, from, &json, &err), 0, "%s", err.text);
	coded = cJSON_GetObjectItem(json, "base64");
	if (coded) {
		cr_assert_lt(strlen(coded->valuestring), sizeof(bytes) * 4 / 3);
		len = base64_decode(coded->valuestring, bytes);
		cr_assert_geq(len, 0);
		bytes[len] = '\0';
	}
	cJSON_Delete(json);
	return coded ? bytes : NULL;
}

Test(logs, what_is_not_utf8_is_told_twice)
{
	static const char bytes[] = "a\xff\xc3(\xed\xa0\x80z\n";
	static const char text[] = "caf\xc3\xa9\n";
	struct console_log *log = log_open();
	uint64_t next;
	bool more;

	console_log_add(log, (const uint8_t *)bytes, strlen(bytes));
	cr_expect_str_eq(piece(0, &next, &more),
			 "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\n");
	cr_expect_eq(next, strlen(bytes));
	cr_expect_str_eq(bytes_of(0), bytes);
	console_log_add(log, (const uint8_t *)text, strlen(text));
	cr_expect_null(bytes_of(next));
	cr_expect_str_eq(piece(next, &next, &more), text);
	console_log_unmap(log);
}

Test(logs, a_letter_is_not_divided)
{
	static const uint8_t letter[] = "\xf0\x9f\x98\x80";
	struct console_log *log = log_open();
	uint8_t text[LOGS_PIECE];
	uint64_t next = 0;
	bool more;

	memset(text, 'x', sizeof(text));
	for (size_t before = LOGS_PIECE - 3; before <= LOGS_PIECE; before++) {
		console_log_add(log, text, before);
		console_log_add(log, letter, 4);
		cr_expect_eq(strlen(piece(next, &next, &more)), before);
		cr_expect(more);
		cr_expect_str_eq(piece(next, &next, &more), (const char *)letter);
		cr_expect_not(more);
	}
	console_log_add(log, letter, 2); /* the guest is not done with it */
	cr_expect_str_empty(piece(next, &next, &more));
	cr_expect_not(more);
	console_log_add(log, letter + 2, 2);
	cr_expect_str_eq(piece(next, &next, &more), (const char *)letter);
	console_log_unmap(log);
}

Test(logs, long_ones_come_in_pieces)
{
	char text[LOGS_PIECE + 100];
	uint64_t next;
	bool more;

	memset(text, 'x', sizeof(text));
	log_write(text, sizeof(text));
	cr_expect_eq(strlen(piece(0, &next, &more)), LOGS_PIECE);
	cr_expect(more);
	cr_expect_eq(strlen(piece(next, &next, &more)), 100);
	cr_expect_not(more);
	cr_expect_eq(next, sizeof(text));
	cr_expect_str_empty(piece(next, &next, &more));
	cr_expect_eq(next, sizeof(text));
}

Test(logs, one_that_began_anew_is_read_from_its_start)
{
	uint64_t next;
	bool more;

	log_write("new\n", 4);
	cr_expect_str_eq(piece(1000000, &next, &more), "new\n");
	cr_expect_eq(next, 4);
}

/* Lines of eight bytes, until the ring has gone around. */
Test(logs, oldest_lines_make_room_for_the_newest)
{
	struct console_log *log = log_open();
	unsigned lines = 3 * CONSOLE_LOG_BYTES / 16;
	uint64_t head = 8ULL * lines, oldest = head - CONSOLE_LOG_BYTES, next = 0;
	bool more = true;
	char line[16];

	for (unsigned i = 0; i < lines; i++) {
		sprintf(line, "%07u\n", i);
		console_log_add(log, (const uint8_t *)line, 8);
	}
	console_log_unmap(log);
	cr_expect_eq(find(0), head);
	cr_expect_eq(find(1), head - 8);
	cr_expect_eq(find(3000), head - 24000);
	cr_expect_eq(find(lines), oldest);
	sprintf(line, "%07u\n", (unsigned)(oldest / 8));
	cr_expect_eq(strncmp(piece(0, &next, &more), line, 8), 0);
	for (uint64_t place = oldest + LOGS_PIECE; more; place = next) {
		unsigned number = (unsigned)(next / 8);
		const char *text = piece(next, &next, &more);

		sprintf(line, "%07u\n", number);
		cr_assert_eq(strncmp(text, line, 8), 0, "at %llu", (unsigned long long)place);
	}
	cr_expect_eq(next, head);
}

/* The process that writes it may be its guest's. */
Test(logs, one_that_lies_is_read_within_its_bounds)
{
	static const uint64_t heads[] = {1, CONSOLE_LOG_BYTES + 1, CONSOLE_LOG_HEAD_MAX, UINT64_MAX,
					 1ULL << 63};
	struct console_log *log = log_open();

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		unsigned pieces = 0;
		uint64_t next = 0;
		bool more = true;

		log->head = heads[i];
		find(1ULL << 40);
		for (; more; pieces++)
			piece(next, &next, &more);
		cr_expect_leq(pieces, CONSOLE_LOG_BYTES / LOGS_PIECE + 2);
	}
	console_log_unmap(log);
}

Test(logs, one_of_another_size_is_empty)
{
	char path[128];
	uint64_t next;
	bool more;

	log_write("text\n", 5);
	snprintf(path, sizeof(path), "%s/console.log", scratch);
	cr_assert_eq(truncate(path, 100), 0);
	cr_expect_str_empty(piece(0, &next, &more));
	cr_expect_eq(find(5), 0);
}

Test(logs, zeroes_are_left_out)
{
	uint64_t next;
	bool more;

	log_write("a\0b\0", 4);
	cr_expect_str_eq(piece(0, &next, &more), "ab");
	cr_expect_eq(next, 4);
}

Test(logs, newest_lines_are_found)
{
	log_write("one\ntwo\nthree\n", 14);
	cr_expect_eq(find(0), 14);
	cr_expect_eq(find(1), 8);
	cr_expect_eq(find(2), 4);
	cr_expect_eq(find(3), 0);
	cr_expect_eq(find(4), 0);
	cr_expect_eq(find(1ULL << 31), 0);
	log_write("one\ntwo\nthr", 11);
	cr_expect_eq(find(1), 8);
	cr_expect_eq(find(2), 4);
	cr_expect_eq(find(3), 0);
	log_write("\n\n\n", 3);
	cr_expect_eq(find(1), 2);
	cr_expect_eq(find(3), 0);
	log_write("no line", 7);
	cr_expect_eq(find(1), 0);
}

Test(logs, newest_lines_are_found_over_pieces)
{
	static char text[3 * LOGS_PIECE + 1];

	for (unsigned i = 0; i < 3 * LOGS_PIECE / 8; i++)
		sprintf(text + 8 * i, "%07u\n", i);
	log_write(text, 3 * LOGS_PIECE);
	for (unsigned lines = 0; lines <= 3 * LOGS_PIECE / 8; lines += 7)
		cr_expect_eq(find(lines), 3 * LOGS_PIECE - 8 * lines, "%u", lines);
}

Test(logs, link_is_not_followed)
{
	char path[128];
	cJSON *json;

	snprintf(path, sizeof(path), "%s/console.log", scratch);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_expect_lt(logs_read(scratch, 0, &json, &err), 0);
}
