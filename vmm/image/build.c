#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hypervisor/boot/bzimage.h"
#include "hypervisor/boot/elf.h"
#include "vmm/cli/options.h"
#include "vmm/image/command.h"
#include "vmm/image/file.h"
#include "vmm/image/make.h"
#include "vmm/image/signing.h"
#include "vmm/image/text.h"

static const char help[] =
	"Usage: rastos-vmm image build --kernel FILE [OPTION...] -o OUTPUT\n"
	"\n"
	"Makes a boot image. The same input makes the same bytes.\n"
	"\n"
	"  --kernel FILE       vmlinux (ELF64) or bzImage\n"
	"  --initrd FILE       initial RAM file system\n"
	"  --cmdline TEXT      the kernel's command line\n"
	"  --description TEXT  what the image is\n"
	"  --key FILE          sign it with this private key (RSA, PEM)\n"
	"  --name NAME         the key's name in the signature (default: its file's name without ending)\n"
	"  -o, --output FILE   the image\n"
	"  --json              print the result as JSON\n"
	"\n"
	"The image's time of creation is SOURCE_DATE_EPOCH, or 1970 without it.\n";

struct build {
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	const char *description;
	const char *key;
	const char *name;
	const char *output;
	int json;
};

/* Reads the options; an exit code when that already is the end, -1 to go on. */
static int build_parse(struct build *build, int argc, char **argv)
{
	enum { KERNEL = 256, INITRD, CMDLINE, DESCRIPTION, KEY, NAME };
	const struct option options[] = {
		{"kernel", required_argument, NULL, KERNEL},
		{"initrd", required_argument, NULL, INITRD},
		{"cmdline", required_argument, NULL, CMDLINE},
		{"description", required_argument, NULL, DESCRIPTION},
		{"key", required_argument, NULL, KEY},
		{"name", required_argument, NULL, NAME},
		{"output", required_argument, NULL, 'o'},
		{"json", no_argument, &build->json, 1},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	while ((option = options_next(argc, argv, "o:h", options)) != -1) {
		switch (option) {
		case 0:
			break;
		case KERNEL:
			build->kernel = optarg;
			break;
		case INITRD:
			build->initrd = optarg;
			break;
		case CMDLINE:
			build->cmdline = optarg;
			break;
		case DESCRIPTION:
			build->description = optarg;
			break;
		case KEY:
			build->key = optarg;
			break;
		case NAME:
			build->name = optarg;
			break;
		case 'o':
			build->output = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_DONE;
		default:
			return command_bad_option("build");
		}
	}
	if (optind != argc)
		return command_usage("build", "unexpected argument \"%s\"", argv[optind]);
	if (!build->kernel || !build->output)
		return command_usage("build", "%s is missing", build->kernel ? "--output" : "--kernel");
	if (build->name && !build->key)
		return command_usage("build", "--name without --key");
	return -1;
}

/* A kernel that cannot boot should not get into an image. */
static int kernel_check(const char *path, const struct file_map *kernel, struct error *err)
{
	struct elf_kernel elf;
	struct bzimage bzimage;

	if (elf_probe(kernel->data, kernel->size))
		return elf_parse(path, kernel->data, kernel->size, &elf, err);
	if (bzimage_probe(kernel->data, kernel->size))
		return bzimage_parse(path, kernel->data, kernel->size, &bzimage, err);
	return error_set(err, -EINVAL, "kernel %s: neither an ELF vmlinux nor a bzImage", path);
}

static int cmdline_check(const char *cmdline, struct error *err)
{
	for (const char *c = cmdline; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(err, -EINVAL, "command line: a control character at byte %td",
					 c - cmdline);
	return 0;
}

static int sign(const struct build *build, const struct image_parts *parts, struct signing_key *key,
		struct image_file *file, struct error *err)
{
	uint8_t *tree = file->tree;
	int result = signing_key_set(key, build->key, build->name, err);

	if (!result)
		result = image_sign_configurations(build->output, tree, file->tree_size, key,
						   parts->timestamp, file, err);
	if (!result)
		free(tree);
	return result;
}

static int report(const struct build *build, const struct signing_key *key, const struct image_file *file)
{
	char size[32];

	if (build->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "image", build->output);
		cJSON_AddNumberToObject(json, "size", (double)file->tree_size);
		if (build->key)
			cJSON_AddStringToObject(json, "signed_by", key->name);
		return command_print_json(json);
	}
	text_size(size, sizeof(size), file->tree_size);
	printf("%s: %s, %s%s\n", build->output, size, build->key ? "signed by " : "not signed",
	       build->key ? key->name : "");
	return EXIT_DONE;
}

static int build_run(const struct build *build, struct image_parts *parts, struct error *err)
{
	struct image_file file = {.tree = NULL};
	struct signing_key key;
	int result;
	int code;

	result = cmdline_check(build->cmdline, err);
	if (!result)
		result = image_timestamp(&parts->timestamp, err);
	if (!result)
		result = image_make(parts, &file, err);
	if (!result && build->key)
		result = sign(build, parts, &key, &file, err);
	if (!result)
		result = image_write(build->output, &file, err);
	code = result ? command_fail(result, err) : report(build, &key, &file);
	free(file.tree);
	return code;
}

int image_build(int argc, char **argv)
{
	struct build build = {.description = "rastOS boot image"};
	struct file_map kernel = {.data = NULL};
	struct file_map initrd = {.data = NULL};
	struct error err;
	int result;
	int code = build_parse(&build, argc, argv);

	if (code >= 0)
		return code;
	result = file_map_open(&kernel, "kernel", build.kernel, &err);
	if (!result)
		result = kernel_check(build.kernel, &kernel, &err);
	if (!result && build.initrd)
		result = file_map_open(&initrd, "initrd", build.initrd, &err);
	if (result) {
		code = command_fail(result, &err);
	} else {
		struct image_parts parts = {
			.description = build.description,
			.kernel = kernel.data,
			.kernel_size = kernel.size,
			.initrd = initrd.data,
			.initrd_size = initrd.size,
			.cmdline = build.cmdline,
		};

		code = build_run(&build, &parts, &err);
	}
	file_map_close(&kernel);
	file_map_close(&initrd);
	return code;
}
