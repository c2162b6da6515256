/*
 * rastos-vmm disk: the pool of disk images. It works on the pool's folder itself, with locks; no manager is
 * needed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/progress_line.h"
#include "vmm/cli/progress_lines.h"
#include "vmm/cli/size.h"
#include "vmm/cli/table.h"
#include "vmm/storage/draft.h"
#include "vmm/storage/import.h"
#include "vmm/storage/overlay.h"
#include "vmm/storage/pool_report.h"

#define TEXT_MAX       32
#define PRUNE_TRIES    10
#define PRUNE_PAUSE_US 50000

/* What a verb was told. */
struct disk_options {
	const char *args[2];
	uint64_t size; /* --size */
	uint64_t length;
	const char *tag;
	enum import_format format;
	bool json, lines, overlay;
};

struct disk_verb {
	const char *name;
	unsigned args; /* how many it needs */
	const char *args_text;
	const char *options; /* of "jlsftbo": json, lines, size, format, tag, bytes, overlay */
	bool writing;
	int (*run)(const struct pool *pool, const struct disk_options *options, struct error *err);
	const char *help;
};

/* --- What is shown --- */

static void print_time(int64_t seconds, char text[TEXT_MAX])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (!localtime_r(&time, &parts) || !strftime(text, TEXT_MAX, "%Y-%m-%d %H:%M", &parts))
		snprintf(text, TEXT_MAX, "-");
}

static void add_row(struct table *table, const struct pool_image *image)
{
	char size[TEXT_MAX], allocated[TEXT_MAX], modified[TEXT_MAX];

	size_format(image->size, size, sizeof(size));
	size_format(image->allocated, allocated, sizeof(allocated));
	print_time(image->modified, modified);
	table_text(table, image->name);
	table_text(table, size);
	table_text(table, allocated);
	table_text(table, content_name(image->content));
	table_text(table, image->in_use ? "yes" : "no");
	table_text(table, modified);
}

static int print_table(const struct pool_image *images, size_t count, struct error *err)
{
	static const struct table_column columns[] = {
		{"NAME", TABLE_CUT}, {"SIZE", TABLE_RIGHT}, {"TAKES", TABLE_RIGHT},
		{"CONTENT", 0},      {"IN USE", 0},         {"MODIFIED", 0},
		{NULL, 0},
	};
	struct table *table = table_create(columns);
	bool whole = table;

	for (size_t i = 0; table && i < count; i++)
		add_row(table, &images[i]);
	whole = whole && table_print(table, stdout, 0);
	table_destroy(table);
	return whole ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int run_list(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	struct pool_image *images;
	size_t count;
	int code = pool_list(pool, &images, &count, err);

	if (code < 0)
		return code;
	if (options->json) {
		cJSON *json = cJSON_CreateObject();
		cJSON *array = cJSON_AddArrayToObject(json, "disks");

		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(array, pool_image_to_json(pool, &images[i]));
		cli_print_json(json);
	} else {
		code = print_table(images, count, err);
	}
	free(images);
	return code;
}

static int run_info(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	char size[TEXT_MAX], allocated[TEXT_MAX], modified[TEXT_MAX];
	struct pool_image image;
	int code = pool_find(pool, options->args[0], &image, err);

	if (code < 0)
		return code;
	if (options->json) {
		cli_print_json(pool_image_to_json(pool, &image));
		return 0;
	}
	size_format(image.size, size, sizeof(size));
	size_format(image.allocated, allocated, sizeof(allocated));
	print_time(image.modified, modified);
	printf("Name:      %s\nFile:      %s/%s.img\nSize:      %s (%llu bytes)\nTakes:     %s\n", image.name,
	       pool->dir, image.name, size, (unsigned long long)image.size, allocated);
	if (image.backing[0])
		printf("Overlay:   on %s\n", image.backing);
	printf("Content:   %s\nIn use:    %s\nModified:  %s\n", content_name(image.content),
	       image.in_use ? "yes" : "no", modified);
	return 0;
}

/* --- What is done --- */

/* With --json what was made is shown; without it a verb that did what it was told is silent. */
static int show_made(const struct pool *pool, const struct disk_options *options, const char *name,
		     struct error *err)
{
	bool shows = options->json || options->lines;
	struct pool_image image;
	int code = shows ? pool_find(pool, name, &image, err) : 0;

	if (code == 0 && options->lines)
		progress_lines_result(pool_image_to_json(pool, &image));
	else if (code == 0 && shows)
		cli_print_json(pool_image_to_json(pool, &image));
	return code;
}

/* Progress on a terminal, or for a program. */
struct disk_progress {
	struct progress_line line;
	struct progress_lines lines;
};

static struct progress *progress_begin(const struct disk_options *options, struct disk_progress *progress)
{
	return options->lines ? progress_lines_begin(&progress->lines) : progress_line_begin(&progress->line);
}

static void progress_end(const struct disk_options *options, struct disk_progress *progress)
{
	if (!options->lines)
		progress_line_end(&progress->line);
}

static int parse_size(const char *name, const char *text, uint64_t *size, struct error *err)
{
	if (size_parse(text, size))
		return 0;
	return error_set(err, -EDOM,
			 "disk %.80s: the size %.40s must be a number of bytes, or one with K, M, G or T",
			 name, text);
}

static int run_create(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	uint64_t size = 0;
	int code = parse_size(options->args[0], options->args[1], &size, err);

	if (code == 0)
		code = pool_create(pool, options->args[0], size, err);
	return code < 0 ? code : show_made(pool, options, options->args[0], err);
}

static int run_import(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	struct disk_progress progress;
	struct import import = {
		.name = options->args[0],
		.source = options->args[1],
		.format = options->format,
		.size = options->size,
		.length = options->length,
		.tag = options->tag,
		.progress = progress_begin(options, &progress),
	};
	int code = pool_import(pool, &import, err);

	progress_end(options, &progress);
	return code < 0 ? code : show_made(pool, options, options->args[0], err);
}

static int run_resize(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	struct disk_progress progress;
	uint64_t size = 0;
	int code = parse_size(options->args[0], options->args[1], &size, err);

	if (code < 0)
		return code;
	code = pool_resize(pool, options->args[0], size, progress_begin(options, &progress), err);
	progress_end(options, &progress);
	return code < 0 ? code : show_made(pool, options, options->args[0], err);
}

static int run_clone(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	struct disk_progress progress;
	int code;

	if (options->overlay) {
		code = overlay_create(pool, options->args[0], options->args[1], err);
	} else {
		code = pool_clone(pool, options->args[0], options->args[1],
				  progress_begin(options, &progress), err);
		progress_end(options, &progress);
	}
	return code < 0 ? code : show_made(pool, options, options->args[1], err);
}

static int run_delete(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	int code = pool_delete(pool, options->args[0], err);

	if (code == 0 && options->lines)
		progress_lines_result(NULL);
	return code;
}

/* What opening the pool for writing did not remove may belong to a process that is just ending, or to one
 * that works. */
static int run_prune(const struct pool *pool, const struct disk_options *options, struct error *err)
{
	(void)err;
	for (unsigned i = 0; i < PRUNE_TRIES && drafts_any(pool); i++) {
		usleep(PRUNE_PAUSE_US);
		drafts_sweep(pool);
	}
	if (options->lines)
		progress_lines_result(NULL);
	return 0;
}

static const struct disk_verb verbs[] = {
	{"list", 0, "", "j", false, run_list, "list the images"},
	{"info", 1, " NAME", "j", false, run_info, "show one image"},
	{"create", 2, " NAME SIZE", "jl", true, run_create, "make an empty image"},
	{"import", 2, " NAME SOURCE", "jlsftb", true, run_import, "make an image from a file or folder"},
	{"resize", 2, " NAME SIZE", "jl", true, run_resize,
	 "make an image larger, and the ext4 in it; under a guest that runs, the image only"},
	{"clone", 2, " NAME NEW_NAME", "jlo", true, run_clone, "copy an image, or make an overlay on it"},
	{"delete", 1, " NAME", "l", true, run_delete, "delete an image that is not in use"},
	{"prune", 0, "", "l", true, run_prune, "remove what was left half made"},
};

/* --- The command line --- */

static void print_help(FILE *file)
{
	fputs("Usage: rastos-vmm disk VERB ...\n\n"
	      "The pool of disk images: raw, sparse files by name. Guests have them as\n"
	      "\"disks\": [{\"image\": \"NAME\"}]. No manager is needed.\n\n",
	      file);
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(file, "  %s%-*s %s\n", verbs[i].name, 22 - (int)strlen(verbs[i].name),
			verbs[i].args_text, verbs[i].help);
	fputs("\nOptions:\n"
	      "  --json            print the result as JSON (not delete, prune)\n"
	      "  --json-lines      print progress and the result or the error, a JSON object a line, for programs\n"
	      "                    (not list, info)\n"
	      "  --format FORMAT   import: auto, raw, qcow2, directory, tar or oci (default auto)\n"
	      "  --overlay         clone: make an image that holds only what becomes different from NAME, which may\n"
	      "                    then only be read (qcow2; its guests' disks have \"backing\")\n"
	      "  --size SIZE       import: of the disk (default: the image's own, or twice what is in\n"
	      "                    the tree, at least 1G)\n"
	      "  --tag TAG         import: which image of an OCI layout or Docker archive (default: its only one)\n"
	      "  --length SIZE     import from -: how much comes; with less the image is not made\n"
	      "  --help            show this help\n\n"
	      "SIZE is in bytes, or with K, M, G or T. SOURCE is a raw or qcow2 disk image, a folder or tar\n"
	      "archive with a system's root, an OCI image layout (folder or tar), or what\n"
	      "`podman save` and `docker save` make; - is standard input.\n"
	      "Exit status: 0 done, 1 failed, 2 usage, 4 refused: in use, taken, no such image.\n",
	      file);
}

static const struct disk_verb *find_verb(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static enum exit_code unknown_verb(const char *name)
{
	const char *names[ARRAY_SIZE(verbs) + 1] = {NULL};

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		names[i] = verbs[i].name;
	return cli_unknown_verb("disk", name, names);
}

static enum exit_code take_option(int option, struct disk_options *options)
{
	switch (option) {
	case 'j':
		options->json = true;
		return EXIT_DONE;
	case 'l':
		options->lines = true;
		return EXIT_DONE;
	case 's':
		return size_parse(optarg, &options->size) && options->size
			       ? EXIT_DONE
			       : cli_usage("disk",
					   "--size: must be a number of bytes, or one with K, M, G or T");
	case 'b':
		return size_parse(optarg, &options->length) && options->length
			       ? EXIT_DONE
			       : cli_usage("disk",
					   "--length: must be a number of bytes, or one with K, M, G or T");
	case 'o':
		options->overlay = true;
		return EXIT_DONE;
	case 't':
		options->tag = optarg;
		return EXIT_DONE;
	default:
		for (unsigned i = 0; import_format_words[i]; i++) {
			if (strcmp(optarg, import_format_words[i]) == 0) {
				options->format = (enum import_format)i;
				return EXIT_DONE;
			}
		}
		return cli_usage("disk", "--format: must be auto, raw, qcow2, directory, tar or oci");
	}
}

/* Reads options and arguments; *help: help was asked for and shown. */
static enum exit_code read_options(const struct disk_verb *verb, struct disk_options *options, int argc,
				   char **argv, bool *help)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"size", required_argument, NULL, 's'},
		{"json-lines", no_argument, NULL, 'l'},
		{"format", required_argument, NULL, 'f'},
		{"tag", required_argument, NULL, 't'},
		{"length", required_argument, NULL, 'b'},
		{"overlay", no_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	enum exit_code code;
	int option;

	while ((option = options_next(argc, argv, "h", known)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			*help = true;
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("disk");
		if (!strchr(verb->options, option))
			return cli_usage("disk", "%s does not have that option", verb->name);
		code = take_option(option, options);
		if (code != EXIT_DONE)
			return code;
	}
	if ((unsigned)(argc - optind) != verb->args)
		return cli_usage("disk", "the form is: disk %s%s", verb->name, verb->args_text);
	for (unsigned i = 0; i < verb->args; i++)
		options->args[i] = argv[optind + (int)i];
	return EXIT_DONE;
}

static enum exit_code exit_code_of(int code)
{
	switch (code) {
	case -EDOM:
		return EXIT_USAGE;
	case -EBUSY:
	case -EEXIST:
	case -ENOENT:
		return EXIT_REFUSED;
	default:
		return EXIT_FAILED;
	}
}

static enum exit_code fail(const struct disk_options *options, int code, const struct error *err)
{
	if (!options->lines)
		return cli_fail(exit_code_of(code), "%s", err->text);
	progress_lines_error(exit_code_of(code), -code, err->text);
	return exit_code_of(code);
}

/* A disk in use grows if its guests can be told: by a manager. Without one err stays as it was. */
static int resize_live(struct cli *cli, const struct pool *pool, const struct disk_options *options,
		       struct error *err)
{
	struct client client;
	struct error missing;
	uint64_t size = 0;
	cJSON *request;
	enum exit_code code;

	if (client_connect(cli, &client, &missing) < 0)
		return -EBUSY;
	parse_size(options->args[0], options->args[1], &size, err);
	request = client_request_new(&client, "disk-resize");
	cJSON_AddStringToObject(request, "disk", options->args[0]);
	cJSON_AddNumberToObject(request, "size", (double)size);
	code = client_call(&client, request, 0, NULL, NULL, err);
	client_close(&client);
	if (code != EXIT_DONE)
		return code == EXIT_REFUSED ? -EBUSY : -EIO;
	return show_made(pool, options, options->args[0], err);
}

static enum exit_code run_verb(struct cli *cli, const struct disk_verb *verb,
			       const struct disk_options *options)
{
	struct settings settings;
	struct error err = {0};
	struct pool pool;
	int code;

	if (settings_read(cli->config, &settings, &err) < 0)
		return fail(options, -EIO, &err);
	code = pool_open(&settings, verb->writing, &pool, &err);
	if (code == 0) {
		code = verb->run(&pool, options, &err);
		if (code == -EBUSY && verb->run == run_resize && !options->lines)
			code = resize_live(cli, &pool, options, &err);
		pool_close(&pool);
	}
	settings_free(&settings);
	return code < 0 ? fail(options, code, &err) : EXIT_DONE;
}

enum exit_code command_disk(struct cli *cli, int argc, char **argv)
{
	struct disk_options options = {.format = IMPORT_AUTO};
	const struct disk_verb *verb;
	enum exit_code code;
	bool help = false;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	argv[1] = argv[0]; /* what is wrong with an option begins with it */
	code = read_options(verb, &options, argc - 1, argv + 1, &help);
	return code != EXIT_DONE || help ? code : run_verb(cli, verb, &options);
}
