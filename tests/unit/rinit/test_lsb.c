#include <criterion/criterion.h>
#include <string.h>

#include "rinit/lsb.h"

static struct lsb_script script;

static void parse(const char *text)
{
	lsb_clear(&script);
	cr_assert_eq(lsb_parse(&script, text, strlen(text)), 0);
}

static const char *words(const struct string_list *list)
{
	static char text[1024];

	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		strcat(strcat(text, i ? " " : ""), list->items[i]);
	return text;
}

TestSuite(lsb);

Test(lsb, header_is_read)
{
	parse("#!/bin/sh\n"
	      "# Provides: not yet\n"
	      "### BEGIN INIT INFO\n"
	      "# Provides:          a  a-alias\t$facility\n"
	      "# Required-Start:    $local_fs $network\n"
	      "# Required-Stop:     $local_fs other\n"
	      "# Should-Start:      $named\n"
	      "# Should-Stop:\n"
	      "# Default-Start:     2 3 4 5\n"
	      "# Default-Stop:      0 1 6\n"
	      "# X-Start-Before:    b\n"
	      "# X-Stop-After:      c\n"
	      "# X-Interactive:     true\n"
	      "# Short-Description: what it is: a thing\n"
	      "# Description:       more\n"
	      "#                    of: that\n"
	      "#\n"
	      "### END INIT INFO   \n"
	      "# Provides: no more\n");
	cr_assert_eq(script.bad_line, 0, "%s", script.why);
	cr_assert(script.has_header && script.interactive && !script.early && !script.reload);
	cr_assert_str_eq(words(&script.provides), "a a-alias $facility");
	cr_assert_str_eq(words(&script.after), "$local_fs $network other $named");
	cr_assert_str_eq(words(&script.before), "b c");
	cr_assert_str_eq(script.description, "what it is: a thing");
	cr_assert_null(script.pid_file);
}

Test(lsb, script_without_a_header_is_one)
{
	parse("#!/bin/sh\nexit 0\n");
	cr_assert_not(script.has_header);
	cr_assert_eq(script.bad_line, 0);
	parse("");
	cr_assert_not(script.has_header);
}

Test(lsb, early_scripts_are_known)
{
	parse("### BEGIN INIT INFO\n# Default-Start: S\n### END INIT INFO\n");
	cr_assert(script.early);
	parse("### BEGIN INIT INFO\n# Default-Start:\n# Default-Stop: S\n### END INIT INFO\n");
	cr_assert_not(script.early);
}

Test(lsb, pid_file_is_absolute_or_none)
{
	parse("# pidfile: /run/a.pid  \n");
	cr_assert_str_eq(script.pid_file, "/run/a.pid");
	parse("#!/bin/sh\n# Pidfile: a.pid\n");
	cr_assert_null(script.pid_file);
}

Test(lsb, reload_is_a_label_of_its_own)
{
	static const char *const with[] = {"  reload)\n", "reload|force-reload)\n", "\trestart | reload)\n",
					   "(reload)\n", "  \"reload\")\n"};
	static const char *const without[] = {"force-reload)\n", "restart|force-reload)\n",
					      "reload\n",
					      "do_reload)\n",    "reloaded)\n",
					      "$(reload)\n",     "# reload)\n"};

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		parse(with[i]);
		cr_assert(script.reload, "%s", with[i]);
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		parse(without[i]);
		cr_assert_not(script.reload, "%s", without[i]);
	}
}

Test(lsb, what_is_wrong_is_told_with_its_line)
{
	parse("#!/bin/sh\n### BEGIN INIT INFO\n# Provides: a\nset -e\n# Required-Start: b\n");
	cr_assert_eq(script.bad_line, 4);
	cr_assert_str_eq(script.why, "is no comment, and the LSB header is not at its end");
	cr_assert_str_eq(words(&script.provides), "a");
	cr_assert_str_eq(words(&script.after), "");
	parse("### BEGIN INIT INFO\n# Provides a\n# Require-Start: b\n# Provides: c\n### END INIT INFO\n");
	cr_assert_eq(script.bad_line, 2);
	cr_assert_str_eq(script.why, "is not \"# Keyword: words\"");
	cr_assert_str_eq(words(&script.provides), "c");
	parse("### BEGIN INIT INFO\n# Require-Start: b\n### END INIT INFO\n");
	cr_assert_eq(script.bad_line, 2);
	cr_assert_str_eq(script.why, "has no keyword of an LSB header");
	parse("### BEGIN INIT INFO\n# Provides: a\n");
	cr_assert_eq(script.bad_line, 2);
	cr_assert_str_eq(words(&script.provides), "a");
}

Test(lsb, any_bytes_are_text)
{
	static const char bytes[] = "### BEGIN INIT INFO\n\0# Provides: a\0b\n#\n: \xff\n";

	lsb_clear(&script);
	cr_assert_eq(lsb_parse(&script, bytes, sizeof(bytes) - 1), 0);
	cr_assert_eq(script.bad_line, 2);
}
