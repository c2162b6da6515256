#include "vmm/config/mode.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"

#define MODE_FILE_MAX 256
#define BLANKS        " \t\r\n"

const char *mode_name(enum mode mode)
{
	return mode == MODE_SERVER ? "server" : "desktop";
}

static int mode_built(const char *source, enum mode mode, struct error *err)
{
	if (mode == MODE_SERVER && !RASTOS_SERVER)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: says server, and this build has no server mode; rebuild with -DRASTOS_SERVER=ON",
			source);
	if (mode == MODE_DESKTOP && !RASTOS_DESKTOP)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: says desktop, and this build has no desktop mode; rebuild with -DRASTOS_DESKTOP=ON",
			source);
	return 0;
}

int mode_parse(const char *source, const char *word, enum mode *mode, struct error *err)
{
	if (strcmp(word, "server") == 0)
		*mode = MODE_SERVER;
	else if (strcmp(word, "desktop") == 0)
		*mode = MODE_DESKTOP;
	else
		return error_set(err, -EINVAL, "%s: unknown mode \"%.40s\", must be server or desktop",
				 source, word);
	return mode_built(source, *mode, err);
}

int mode_read(const char *path, enum mode *mode, struct error *err)
{
	AUTO_FREE char *text = NULL;
	char *word;
	int code;

	*mode = MODE_SERVER;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return mode_built(path, MODE_SERVER, err);
	code = file_read_text("mode file", path, MODE_FILE_MAX, &text, err);
	if (code < 0)
		return code;
	word = text + strspn(text, BLANKS);
	for (size_t len = strlen(word); len > 0 && strchr(BLANKS, word[len - 1]); len--)
		word[len - 1] = '\0';
	return mode_parse(path, word, mode, err);
}
