#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rinit/file.h"

static char path[] = "/tmp/rinit-file-XXXXXX";
static char *text;
static size_t length;

static void set_up(void)
{
	close(mkstemp(path));
}

static void tear_down(void)
{
	unlink(path);
	free(text);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void fill(size_t size)
{
	FILE *stream = fopen(path, "w");

	for (size_t i = 0; i < size; i++)
		fputc('a' + (int)(i % 26), stream);
	fclose(stream);
}

Test(file, load_takes_files_up_to_the_limit)
{
	fill(10000);
	cr_assert_eq(file_load(path, 10000, &text, &length), 0);
	cr_assert_eq(length, 10000);
	cr_assert_eq(strlen(text), 10000);
	cr_assert_eq(text[9999], 'a' + 9999 % 26);
	cr_assert_eq(file_load(path, 9999, &text, &length), -EFBIG);
}

Test(file, load_of_an_empty_file_is_an_empty_text)
{
	cr_assert_eq(file_load(path, 10, &text, &length), 0);
	cr_assert_eq(length, 0);
	cr_assert_str_eq(text, "");
}

/* Their size is 0 as far as stat(2) knows. */
Test(file, load_reads_what_is_in_proc)
{
	char line[256];
	size_t size = 0;
	FILE *stream = fopen("/proc/cpuinfo", "r");

	while (fgets(line, sizeof(line), stream))
		size += strlen(line);
	fclose(stream);
	cr_assert_eq(file_load("/proc/cpuinfo", 1 << 20, &text, &length), 0);
	cr_assert_geq(length, size - 64, "%zu of %zu", length, size); /* clock rates change meanwhile */
	cr_assert_eq(length, strlen(text));
	cr_assert_eq(file_load("/proc/cpuinfo", 100, &text, &length), -EFBIG);
}

Test(file, load_refuses_what_is_no_file)
{
	cr_assert_eq(file_load("/tmp", 100, &text, &length), -EISDIR);
	cr_assert_eq(file_load("/dev/zero", 100, &text, &length), -EINVAL);
	cr_assert_eq(file_load("/no/such/file", 100, &text, &length), -ENOENT);
}
