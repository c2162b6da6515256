#include "rinit/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/tree.h"
#include "rinit/unit_path.h"

#define RENAME_SWAP 2 /* RENAME_EXCHANGE of linux/fs.h */

void generator_warn(const struct generator *generator, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	generator->warn(sentence);
}

/* ---- what is written ---- */

int generator_write(const struct generator *generator, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", generator->folder, name);
	file = fopen(path, "wxe");
	if (!file)
		return -errno;
	fputs(text, file);
	rc = ferror(file);
	if ((fclose(file) || rc) && !unlink(path))
		return -EIO;
	return 0;
}

static void link_make(const struct generator *generator, const char *to, const char *path)
{
	if (symlink(to, path) && errno != EEXIST)
		generator_warn(generator, "%s: cannot make the link: %s", path, strerror(errno));
}

void generator_link(const struct generator *generator, const char *target, const char *suffix,
		    const char *name)
{
	char folder[PATH_MAX - 260], path[PATH_MAX], to[PATH_MAX];

	if (strchr(target, '/') || strlen(target) > NAME_MAX - 16)
		return;
	snprintf(folder, sizeof(folder), "%s/%s.%s", generator->folder, target, suffix);
	mkdir(folder, 0755);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(to, sizeof(to), "../%s", name);
	link_make(generator, to, path);
}

void generator_alias(const struct generator *generator, const char *alias, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", generator->folder, alias);
	link_make(generator, name, path);
}

static bool is_writable(const char *value)
{
	size_t length = strlen(value);

	for (const char *at = value; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	return length && *value != ' ' && value[length - 1] != ' ' && value[length - 1] != '\\';
}

bool key_write(FILE *stream, const char *key, const char *value)
{
	if (!is_writable(value))
		return false;
	fprintf(stream, "%s=", key);
	for (; *value; value++)
		fprintf(stream, *value == '%' ? "%%%%" : "%c", *value);
	fputc('\n', stream);
	return true;
}

bool key_write_name(FILE *stream, const char *key, const char *value)
{
	return !strpbrk(value, " \t\"'") && key_write(stream, key, value);
}

bool key_write_word(FILE *stream, const char *key, const char *value)
{
	if (!is_writable(value))
		return false;
	fprintf(stream, "%s=\"", key);
	for (; *value; value++) {
		if (strchr("\"\\%", *value))
			fputc(*value == '%' ? '%' : '\\', stream);
		fputc(*value, stream);
	}
	fputs("\"\n", stream);
	return true;
}

/* ---- folders ---- */

static void folder_remove(const char *path)
{
	struct stat status;

	if (!lstat(path, &status))
		entry_delete(AT_FDCWD, path, status.st_dev);
}

/* What the new folder is called until it is whole. */
static int folder_begin(struct generator *generator, const char *folder)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s/run/systemd", generator->root);
	mkdir(parent, 0755);
	snprintf(generator->folder, sizeof(generator->folder), "%s%s.new", generator->root, folder);
	folder_remove(generator->folder);
	if (!mkdir(generator->folder, 0755))
		return 0;
	generator_warn(generator, "%s: cannot make the folder: %s", generator->folder, strerror(errno));
	return -errno;
}

/* In one step: whoever reads units meanwhile sees the old ones or the new ones. */
static int folder_end(const struct generator *generator, const char *folder)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", generator->root, folder);
	if (!rename(generator->folder, path))
		return 0; /* there was none, or it was empty */
	if (syscall(SYS_renameat2, AT_FDCWD, generator->folder, AT_FDCWD, path, RENAME_SWAP)) {
		generator_warn(generator, "%s: cannot replace it: %s", path, strerror(errno));
		return -errno;
	}
	folder_remove(generator->folder);
	return 0;
}

/* One at a time, or two would write into the same new folder. Open as long as it is held. */
static int lock_take(const char *root)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/run/systemd", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s" GENERATED_FOLDER ".lock", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

int generate(const char *root, bool fstab, void (*warn)(const char *sentence))
{
	const struct {
		const char *folder;
		bool wanted;
		void (*write)(const struct generator *generator);
	} parts[] = {{GENERATED_FOLDER, fstab, generate_fstab},
		     {GENERATED_LATE_FOLDER, true, generate_initd}};
	static struct unit_paths paths; /* large */
	struct generator generator = {.root = root, .paths = &paths, .warn = warn};
	AUTO_CLOSE int lock = lock_take(root);
	int rc;

	if (lock < 0)
		generator_warn(&generator, "%s.lock: cannot take it: %s", GENERATED_FOLDER, strerror(errno));
	rc = unit_paths_open(&paths, root);
	if (rc)
		generator_warn(&generator, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !rc; i++) {
		if (!parts[i].wanted)
			continue;
		rc = folder_begin(&generator, parts[i].folder);
		if (rc)
			break;
		parts[i].write(&generator);
		rc = folder_end(&generator, parts[i].folder);
	}
	unit_paths_close(&paths);
	return rc;
}

int generate_again(void (*warn)(const char *sentence))
{
	return generate("", !access(GENERATED_FOLDER, F_OK), warn);
}

static void warn_log(const char *sentence)
{
	fprintf(stderr, "<4>%s\n", sentence); /* sd-daemon(3) */
}

int generate_main(int argc, char **argv)
{
	return generate("", argc > 1 && !strcmp(argv[1], "fstab"), warn_log) != 0;
}
