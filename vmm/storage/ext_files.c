#include "vmm/storage/ext_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/program.h"

#define SECONDS_MAX 30
#define MEMORY_MAX  MIB(512)
#define REQUEST_MAX 320
#define FIELDS      7 /* of a line: "", inode, mode, uid, gid, name, size */

static bool name_plain(const char *name)
{
	if (!*name || strlen(name) >= EXT_NAME_MAX)
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("-_.+~", *name))
			return false;
	}
	return true;
}

/* "/131073/040755/0/0/boot//" */
static bool parse_line(char *line, struct ext_entry *entry)
{
	const char *fields[FIELDS] = {NULL};
	unsigned long mode;

	for (unsigned i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&line, "/");
		if (!fields[i])
			return false;
	}
	if (!name_plain(fields[5]))
		return false;
	mode = strtoul(fields[2], NULL, 8);
	*entry = (struct ext_entry){
		.is_folder = S_ISDIR(mode),
		.is_file = S_ISREG(mode),
		.size = strtoull(fields[6], NULL, 10),
	};
	snprintf(entry->name, sizeof(entry->name), "%s", fields[5]);
	return true;
}

void ext_list_parse(char *text, ext_found *found, void *owner)
{
	struct ext_entry entry;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (parse_line(line, &entry))
			found(owner, &entry);
	}
}

/* Room for debugfs' arguments. */
struct request {
	char words[REQUEST_MAX];
	char disk[64];
	const char *argv[5];
};

static struct program debugfs(const struct ext_filesystem *filesystem, struct request *request)
{
	struct program program;

	snprintf(request->disk, sizeof(request->disk), PROGRAM_SOURCE "?offset=%llu",
		 (unsigned long long)filesystem->offset);
	request->argv[0] = "debugfs";
	request->argv[1] = "-R";
	request->argv[2] = request->words;
	request->argv[3] = request->disk;
	request->argv[4] = NULL;
	program = program_of(request->argv, "e2fsprogs", filesystem->about);
	program.source = filesystem->disk;
	program.seconds = SECONDS_MAX;
	program.deadline_ms = filesystem->deadline_ms;
	program.memory_max = MEMORY_MAX;
	return program;
}

int ext_list(const struct ext_filesystem *filesystem, const char *folder, ext_found *found, void *owner,
	     struct error *err)
{
	AUTO_FREE char *text = NULL;
	struct request request;
	struct program program = debugfs(filesystem, &request);
	int code;

	snprintf(request.words, sizeof(request.words), "ls -p %s", folder);
	code = program_read(&program, &text, err);
	if (code == 0)
		ext_list_parse(text, found, owner);
	return code;
}

int ext_read(const struct ext_filesystem *filesystem, const char *path, uint64_t size, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("file", MFD_CLOEXEC);
	struct request request;
	struct program program = debugfs(filesystem, &request);
	struct stat status;
	int code;

	if (fd < 0)
		return error_set(err, -errno, "%s: cannot make room for %s: %m", filesystem->about, path);
	snprintf(request.words, sizeof(request.words), "cat %s", path);
	program.output = fd;
	program.file_max = size;
	code = program_run(&program, err);
	if (code < 0)
		return code;
	/* debugfs ends well when it could not read. */
	if (fstat(fd, &status) < 0 || (uint64_t)status.st_size != size)
		return error_set(err, -EIO,
				 "%s: debugfs cannot read all of %s: the file system is damaged or cut off",
				 filesystem->about, path);
	return TAKE_FD(fd);
}
