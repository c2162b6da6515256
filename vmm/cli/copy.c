/* rastos-vmm cp: files and folders from or to a guest, as docker cp; tar on both sides of `exec`. */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/cli/guest_stream.h"
#include "vmm/cli/options.h"
#include "vmm/exec/archive.h"
#include "vmm/exec/unpacked.h"

enum {
	OPT_HELP = 256,
};

#define PROGRESS_NS 200000000LL

static const char usage[] =
	"Usage: rastos-vmm cp [-q] GUEST:PATH DESTINATION|-\n"
	"       rastos-vmm cp [-q] SOURCE|- GUEST:PATH\n\n"
	"Copies a file, or a folder with all that is in it, from or to a guest that allows it\n"
	"(rastos-exec.socket, see rinit(8)) and has tar. A destination that is a folder gets the source into it;\n"
	"FOLDER/. stands for what is in the folder. - is a tar archive on standard output or input.\n"
	"Paths in the guest begin at its root. Owners become the user here, root in the guest.\n\n"
	"  -q, --quiet  show no progress\n"
	"      --help   show this help\n";

/* In the guest, with the destination and the name of what comes ("." is the contents of a folder, nothing: an
 * archive of anything). What comes is complete before anything with its name is there. */
static const char receive_script[] =
	"set -e; to=$1; name=$2\n"
	"say() { echo \"$1\" >&2; exit 1; }\n"
	"unpack() { tar -x -o -f - -C \"$1\"; }\n"
	"if [ -d \"$to\" ]; then unpack \"$to\"; exit; fi\n"
	"[ -n \"$name\" ] || say \"$to: is no folder, and an archive goes into one\"\n"
	"case $to in */) say \"$to: there is no such folder\";; esac\n"
	"parent=$(dirname \"$to\"); [ -d \"$parent\" ] || say \"$parent: there is no such folder\"\n"
	/* A signal between the folder's making and its name being known would leave it there. Later ones end
	 * tar, and by that the script: a trap with exit could come in the middle of the other. */
	"trap '' HUP INT TERM; stage=$(mktemp -d \"$parent/.rastos-cp.XXXXXX\")\n"
	"trap 'rm -rf \"$stage\"' EXIT; trap : HUP INT TERM\n"
	"mkdir \"$stage/new\"; unpack \"$stage/new\"; from=$stage/new\n"
	"[ . = \"$name\" ] || from=$stage/new/$name\n"
	"if [ -e \"$to\" ] && [ -d \"$from\" ]; then say \"$to: a file is in its place\"; fi\n"
	"mv -f \"$from\" \"$to\"\n";

/* One end of a copy. */
struct copy_end {
	char *guest; /* NULL: here */
	char *path;  /* "-": an archive */
};

/* What a path means as a source: tar's folder and entry. */
struct copy_source {
	char *folder;
	char *name; /* "." for the contents */
};

struct copy {
	struct cli *cli;
	int connection; /* to the guest's helper */
	bool quiet;
	uint64_t bytes;
	int64_t shown_ns;
	char kept[1024]; /* what the guest's tar says */
};

/* ---- paths ---- */

/* "GUEST:PATH"; a path that begins with . or / or has no colon is one of this machine's. */
static int end_parse(const char *text, struct copy_end *end)
{
	const char *colon = strchr(text, ':');

	*end = (struct copy_end){0};
	if (*text == '.' || *text == '/' || !colon || memchr(text, '/', (size_t)(colon - text))) {
		end->path = strdup(text);
		return end->path ? 0 : -ENOMEM;
	}
	end->guest = strndup(text, (size_t)(colon - text));
	if (asprintf(&end->path, "%s%s", colon[1] == '/' ? "" : "/", colon + 1) < 0)
		end->path = NULL;
	return end->guest && end->path ? 0 : -ENOMEM;
}

static void end_free(struct copy_end *end)
{
	free(end->guest);
	free(end->path);
}

static void source_free(struct copy_source *source)
{
	free(source->folder);
	free(source->name);
}

static bool path_is_archive(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* basename(3) and dirname(3) change what they are given. */
static char *path_part(char *(*part)(char *path), const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	return copy ? strdup(part(copy)) : NULL;
}

static int source_parse(const char *path, struct copy_source *source)
{
	AUTO_FREE char *last = path_part(__xpg_basename, path);

	if (!last)
		return -ENOMEM;
	/* ".." has no name of its own to give to what is copied */
	bool contents = strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strcmp(last, "/") == 0;

	source->folder = contents ? strdup(path) : path_part(dirname, path);
	source->name = strdup(contents ? "." : last);
	return source->folder && source->name ? 0 : -ENOMEM;
}

/* ---- the command in the guest ---- */

static void show_progress(void *owner, size_t bytes)
{
	struct copy *copy = owner;
	int64_t now;

	copy->bytes += bytes;
	if (copy->quiet)
		return;
	now = (int64_t)monotonic_ns();
	if (now - copy->shown_ns < PROGRESS_NS)
		return;
	copy->shown_ns = now;
	fprintf(stderr, "\r%.1f MiB", (double)copy->bytes / (1024 * 1024));
}

/* EXIT_DONE, or why not, which has been said. Before anything is made here or there. */
static int connect_guest(struct copy *copy, const char *guest)
{
	struct error err = {0};
	enum exit_code code = guest_stream_open(copy->cli, guest, &copy->connection, &err);

	return (int)(code == EXIT_DONE ? code : cli_fail(code, "%s", err.text));
}

/* Runs words in the guest with these descriptors, -1 for none: its exit status when it ran, or one that says
 * why not, which has been said. */
static int run_in_guest(struct copy *copy, const char *guest, char **words, int input, int output)
{
	char *none[] = {NULL};
	struct exec_request request = {
		.input = input >= 0, .user = "", .folder = "", .words = words, .variables = none};
	struct exec_session_config config = {
		.connection = copy->connection,
		.request = &request,
		.input = input,
		.output = output,
		.error = -1,
		.kept = copy->kept,
		.kept_size = sizeof(copy->kept),
		.passed = show_progress,
		.owner = copy,
		.terminal = -1,
	};
	struct exec_exit end = {0};
	struct error err = {0};
	char line[256];
	int result = exec_session_run(&config, &end, &err);

	if (copy->shown_ns)
		fprintf(stderr, "\r\033[K");
	printable_line(copy->kept, line, sizeof(line));
	/* Above 128 is what a signal of ours has done to it. */
	if (result == 0 && end.end == EXEC_EXITED && end.number && end.number <= 128)
		return (int)cli_fail(EXIT_FAILED, "guest %s: %s%s", guest, line, *line ? "" : "tar failed");
	return guest_command_status(guest, result, &end, &err);
}

static int pack_in_guest(struct copy *copy, const struct copy_end *from, const struct copy_source *source,
			 int output)
{
	char tar[] = "tar", create[] = "-c", file[] = "-f", standard[] = "-", enter[] = "-C";
	AUTO_FREE char *name = NULL;
	char dot[] = ".";
	bool contents = strcmp(source->name, ".") == 0;

	if (!contents && asprintf(&name, "./%s", source->name) < 0)
		return (int)cli_fail(EXIT_FAILED, "out of memory");
	return run_in_guest(
		copy, from->guest,
		(char *[]){tar, create, file, standard, enter, source->folder, contents ? dot : name, NULL},
		-1, output);
}

static int unpack_in_guest(struct copy *copy, const struct copy_end *to, const char *name, int input)
{
	char shell[] = "sh", script_flag[] = "-c", title[] = "cp";
	AUTO_FREE char *script = strdup(receive_script);
	AUTO_FREE char *what = strdup(name);

	if (!script || !what)
		return (int)cli_fail(EXIT_FAILED, "out of memory");
	return run_in_guest(copy, to->guest,
			    (char *[]){shell, script_flag, script, title, to->path, what, NULL}, input, -1);
}

/* ---- from a guest ---- */

/* Where it goes to: an entry of a folder that is there. */
struct copy_target {
	char *folder;
	char *name; /* NULL: by its own name, and contents into it */
};

static int target_parse(const char *path, struct copy_target *target, struct error *err)
{
	struct stat status;
	size_t length = strlen(path);

	*target = (struct copy_target){0};
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
		target->folder = strdup(path);
		return target->folder ? 0 : error_set(err, -ENOMEM, "out of memory");
	}
	if (!length || path[length - 1] == '/')
		return error_set(err, -ENOENT, "folder %s: there is none", path);
	target->folder = path_part(dirname, path);
	target->name = path_part(__xpg_basename, path);
	if (!target->folder || !target->name)
		return error_set(err, -ENOMEM, "out of memory");
	if (stat(target->folder, &status) < 0 || !S_ISDIR(status.st_mode))
		return error_set(err, -ENOENT, "folder %s: there is none", target->folder);
	return 0;
}

static void target_free(struct copy_target *target)
{
	free(target->folder);
	free(target->name);
}

static int put_in_place(const struct unpacked *unpacked, const struct copy_source *source,
			const struct copy_target *target, struct error *err)
{
	bool contents = strcmp(source->name, ".") == 0;
	AUTO_FREE char *made = NULL;
	int code = unpacked_check(unpacked, err);

	if (code < 0)
		return code;
	if (!contents)
		return unpacked_move(unpacked, source->name, target->folder,
				     target->name ? target->name : source->name, err);
	if (!target->name)
		return unpacked_move_all(unpacked, target->folder, err);
	if (asprintf(&made, "%s/%s", target->folder, target->name) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (mkdir(made, 0777) < 0)
		return error_set(err, -errno, "folder %s: cannot make it: %m", made);
	return unpacked_move_all(unpacked, made, err);
}

/* What would end this program waits from now on: it goes to the session, or ends the program when it has
 * tidied up.
 */
static void signals_hold(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int receive(struct copy *copy, const struct copy_end *from, const struct copy_source *source,
		   const struct copy_target *target, struct unpacked *unpacked)
{
	struct archive archive;
	struct error err = {0};
	int status = connect_guest(copy, from->guest);

	if (status != EXIT_DONE)
		return status;
	signals_hold();
	if (unpacked_make(target->folder, unpacked, &err) < 0 ||
	    archive_unpack(unpacked->files, &archive, &err) < 0)
		return (int)cli_fail(EXIT_FAILED, "%s", err.text);
	status = pack_in_guest(copy, from, source, archive.fd);
	/* When tar here has ended first, it knows why: it failed, or had seen the archive's end. */
	if (status != EXIT_DONE && status != GUEST_OUTPUT_CLOSED) {
		archive_cancel(&archive);
		return status;
	}
	if (archive_finish(&archive, &err) < 0 || put_in_place(unpacked, source, target, &err) < 0)
		return (int)cli_fail(EXIT_FAILED, "guest %s: %s", from->guest, err.text);
	return EXIT_DONE;
}

static int send_archive(struct copy *copy, const struct copy_end *from, const struct copy_source *source)
{
	int status;

	if (isatty(STDOUT_FILENO))
		return (int)cli_usage("cp",
				      "an archive is nothing for a terminal; redirect it to a file or tar");
	status = connect_guest(copy, from->guest);
	return status == EXIT_DONE ? pack_in_guest(copy, from, source, STDOUT_FILENO) : status;
}

static int copy_from_guest(struct copy *copy, const struct copy_end *from, const char *to)
{
	struct copy_source source = {0};
	struct copy_target target = {0};
	struct unpacked unpacked = {0};
	struct error err = {0};
	int status;

	if (source_parse(from->path, &source) < 0)
		status = (int)cli_fail(EXIT_FAILED, "out of memory");
	else if (path_is_archive(to))
		status = send_archive(copy, from, &source);
	else if (target_parse(to, &target, &err) < 0)
		status = (int)cli_fail(EXIT_FAILED, "%s", err.text);
	else
		status = receive(copy, from, &source, &target, &unpacked);
	unpacked_remove(&unpacked);
	target_free(&target);
	source_free(&source);
	return status;
}

/* ---- to a guest ---- */

static int send_source(struct copy *copy, const struct copy_source *source, const struct copy_end *to)
{
	struct archive archive;
	struct error err = {0};
	int status;

	status = connect_guest(copy, to->guest);
	if (status != EXIT_DONE)
		return status;
	if (archive_pack(source->folder, source->name, &archive, &err) < 0)
		return (int)cli_fail(EXIT_FAILED, "%s", err.text);
	status = unpack_in_guest(copy, to, source->name, archive.fd);
	if (status != EXIT_DONE) {
		archive_cancel(&archive);
		return status;
	}
	return archive_finish(&archive, &err) < 0 ? (int)cli_fail(EXIT_FAILED, "%s", err.text) : EXIT_DONE;
}

static int copy_to_guest(struct copy *copy, const char *from, const struct copy_end *to)
{
	struct copy_source source = {0};
	struct stat file;
	int status;

	if (path_is_archive(from) && isatty(STDIN_FILENO))
		return (int)cli_usage("cp", "an archive does not come from a terminal; redirect one");
	if (path_is_archive(from)) {
		status = connect_guest(copy, to->guest);
		return status == EXIT_DONE ? unpack_in_guest(copy, to, "", STDIN_FILENO) : status;
	}
	if (lstat(from, &file) < 0)
		return (int)cli_fail(EXIT_FAILED, "%s: %s", from, strerror(errno));
	status = source_parse(from, &source) < 0 ? (int)cli_fail(EXIT_FAILED, "out of memory")
						 : send_source(copy, &source, to);
	source_free(&source);
	return status;
}

static enum exit_code copy(struct copy *copy, const struct copy_end *from, const struct copy_end *to)
{
	if (from->guest && to->guest)
		return cli_usage("cp", "one of the two is here: from guest to guest takes two steps");
	if (!from->guest && !to->guest)
		return cli_usage("cp", "one of the two is GUEST:PATH, and neither %s nor %s is", from->path,
				 to->path);
	return (enum exit_code)(from->guest ? copy_from_guest(copy, from, to->path)
					    : copy_to_guest(copy, from->path, to));
}

enum exit_code command_cp(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	struct copy state = {.cli = cli, .connection = -1, .quiet = !isatty(STDERR_FILENO)};
	struct copy_end from = {0}, to = {0};
	enum exit_code code;
	int option;

	while ((option = options_next(argc, argv, "q", options)) != -1) {
		switch (option) {
		case 'q':
			state.quiet = true;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return cli_bad_option("cp");
		}
	}
	if (optind != argc - 2)
		return cli_usage("cp", "a source and a destination, one of them GUEST:PATH");
	code = end_parse(argv[optind], &from) < 0 || end_parse(argv[optind + 1], &to) < 0
		       ? cli_fail(EXIT_FAILED, "out of memory")
		       : copy(&state, &from, &to);
	cleanup_close(&state.connection);
	end_free(&from);
	end_free(&to);
	return code;
}
