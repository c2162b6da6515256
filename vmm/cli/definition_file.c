#include "vmm/cli/definition_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/cli.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"
#include "vmm/domain_xml/run.h"

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

bool definition_file_is_xml(const char *path)
{
	return has_suffix(path, ".xml");
}

bool definition_file_is_definition(const char *path)
{
	return has_suffix(path, ".xml") || has_suffix(path, ".json");
}

static int read_standard_input(char **text, struct error *err)
{
	size_t used = 0;
	ssize_t got;

	*text = malloc(DEFINITION_FILE_MAX + 1);
	if (!*text)
		return error_set(err, -ENOMEM, "standard input: out of memory");
	while ((got = read(STDIN_FILENO, *text + used, DEFINITION_FILE_MAX - used)) != 0) {
		if (got < 0 && errno != EINTR)
			return error_set(err, -errno, "standard input: cannot read: %m");
		used += got > 0 ? (size_t)got : 0;
	}
	if (used == DEFINITION_FILE_MAX)
		return error_set(err, -E2BIG, "standard input: is larger than a definition may be");
	if (memchr(*text, 0, used))
		return error_set(err, -EINVAL, "standard input: is not text");
	(*text)[used] = '\0';
	return 0;
}

static int read_text(const char *path, struct definition_file *file, struct error *err)
{
	if (strcmp(path, "-") == 0) {
		file->name = "standard input";
		file->folder = getcwd(NULL, 0);
		return file->folder ? read_standard_input(&file->text, err)
				    : error_set(err, -errno, "cannot tell the working folder: %m");
	}
	if (file_read_text("definition", path, DEFINITION_FILE_MAX, &file->text, err) < 0)
		return -EIO;
	file->folder = file_folder(path);
	return file->folder ? 0 : error_set(err, -errno, "%s: cannot resolve its folder: %m", path);
}

/* By what it begins with; its name counts when that is neither XML's nor JSON's. */
static bool is_xml(const char *path, const char *text)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */

	if (strncmp(text, mark, strlen(mark)) == 0)
		text += strlen(mark);
	text += strspn(text, " \t\r\n");
	return *text == '<' || (*text != '{' && definition_file_is_xml(path));
}

/* XML that is refused is refused; what is our own fault is a failure. */
static enum exit_code say_why(const struct definition_file *file, const struct domain_xml_result *result)
{
	enum exit_code code = result->code == -EINVAL || result->code == -E2BIG ? EXIT_REFUSED : EXIT_FAILED;

	if (*result->place)
		return cli_fail(code, "%s: %s %s", file->name, result->place, result->err.text);
	return cli_fail(code, "%s: %s", file->name, result->err.text);
}

static enum exit_code from_xml(struct definition_file *file, bool no_validate)
{
	struct domain_xml_request request = {
		.way = DOMAIN_XML_TO_JSON,
		.input = file->text,
		.size = strlen(file->text),
		.no_validate = no_validate,
	};
	struct domain_xml_result result;
	enum exit_code code = EXIT_DONE;

	if (domain_xml_run(&request, &result) < 0) {
		code = say_why(file, &result);
	} else {
		free(file->text);
		file->text = cJSON_PrintUnformatted(result.definition);
		file->ignored = TAKE_PTR(result.ignored);
		if (!file->text)
			code = cli_fail(EXIT_FAILED, "out of memory");
	}
	domain_xml_result_clear(&result);
	return code;
}

enum exit_code definition_file_read(const char *path, bool no_validate, struct definition_file *file)
{
	struct error err = {0};
	enum exit_code code = EXIT_DONE;

	*file = (struct definition_file){.name = path};
	if (read_text(path, file, &err) < 0)
		code = cli_fail(EXIT_FAILED, "%s", err.text);
	else if (is_xml(path, file->text))
		code = from_xml(file, no_validate);
	if (code != EXIT_DONE)
		definition_file_free(file);
	return code;
}

void definition_file_free(struct definition_file *file)
{
	free(file->text);
	free(file->folder);
	cJSON_Delete(file->ignored);
	*file = (struct definition_file){0};
}

void definition_file_tell(const struct definition_file *file)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, file->ignored)
	{
		char more[32] = "";

		if (answer_number(item, "count") > 1)
			snprintf(more, sizeof(more), " and %.0f more", answer_number(item, "count") - 1);
		fprintf(stderr, "%s: ignored %s%s: %s\n", file->name, answer_text(item, "xpath"), more,
			answer_text(item, "why"));
	}
}
