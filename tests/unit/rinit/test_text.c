#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/text.h"

static void assert_json(const char *text, const char *expected)
{
	char *written = NULL;
	size_t length;
	FILE *stream = open_memstream(&written, &length);

	json_string(stream, text);
	fclose(stream);
	cr_assert_str_eq(written, expected);
	free(written);
}

static void assert_xml(const char *text, const char *expected)
{
	char *written = NULL;
	size_t length;
	FILE *stream = open_memstream(&written, &length);

	xml_text(stream, text);
	fclose(stream);
	cr_assert_str_eq(written, expected);
	free(written);
}

Test(text, json_is_escaped)
{
	assert_json("", "\"\"");
	assert_json("a\"b\\c\n\t\x01", "\"a\\\"b\\\\c\\u000a\\u0009\\u0001\"");
	assert_json("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"");
	assert_json("a\xff", "\"a\\ufffd\"");
	assert_json("\xc3", "\"\\ufffd\"");
	assert_json("\xe2\x82", "\"\\ufffd\\ufffd\"");
	assert_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	assert_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

Test(text, xml_is_escaped)
{
	assert_xml("a<b>&\"'", "a&#60;b&#62;&#38;&#34;&#39;");
	assert_xml("\x01\n\x7f\xff", "????");
	assert_xml("\xc3\xbc\xef\xbf\xbe", "\xc3\xbc?");
}
