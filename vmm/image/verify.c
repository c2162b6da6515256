#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "hypervisor/boot/fit.h"
#include "hypervisor/boot/fit_tree.h"
#include "vmm/cli/options.h"
#include "vmm/image/command.h"
#include "vmm/image/file.h"
#include "vmm/image/keys.h"
#include "vmm/image/text.h"

static const char help[] =
	"Usage: rastos-vmm image verify IMAGE [--key FILE]... [OPTION...]\n"
	"\n"
	"Checks every hash in a boot image, and that each configuration is signed by a trusted key.\n"
	"\n"
	"  --key FILE            a trusted public key or certificate (PEM); default: " KEYS_FOLDER "/*.pem\n"
	"  --configuration NAME  only this one\n"
	"  --json                print the result as JSON\n"
	"\n"
	"Exit status: 0 verified, 4 refused, 1 when it cannot be read.\n";

struct verify {
	const char *image;
	const char *configuration;
	int json;
	struct keys keys;
};

/* Reads the options; an exit code when that already is the end, -1 to go on. */
static int verify_parse(struct verify *verify, int argc, char **argv)
{
	enum { KEY = 256, CONFIGURATION };
	const struct option options[] = {
		{"key", required_argument, NULL, KEY},
		{"configuration", required_argument, NULL, CONFIGURATION},
		{"json", no_argument, &verify->json, 1},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct error err;
	int result;
	int option;

	optind = 0;
	while ((option = options_next(argc, argv, "h", options)) != -1) {
		switch (option) {
		case 0:
			break;
		case KEY:
			result = keys_add_file(&verify->keys, optarg, &err);
			if (result)
				return command_fail(result, &err);
			break;
		case CONFIGURATION:
			verify->configuration = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_DONE;
		default:
			return command_bad_option("verify");
		}
	}
	if (optind + 1 != argc)
		return command_usage("verify", "one image is wanted");
	verify->image = argv[optind];
	if (verify->keys.count == 0) {
		result = keys_add_folder(&verify->keys, KEYS_FOLDER, &err);
		if (result)
			return command_fail(result, &err);
	}
	if (verify->keys.count == 0) {
		error_set(&err, -EKEYREJECTED,
			  "image %s: no key to verify it with: name one with --key, or put it into %s",
			  verify->image, KEYS_FOLDER);
		return command_fail(-EKEYREJECTED, &err);
	}
	return -1;
}

static cJSON *part_json(const struct fit_part *part)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "image", part->node);
	cJSON_AddNumberToObject(json, "size", (double)part->size);
	return json;
}

static void configuration_report_json(cJSON *list, const struct fit *fit)
{
	cJSON *json = cJSON_CreateObject();
	char text[4096];

	cJSON_AddStringToObject(json, "name", fit->configuration);
	cJSON_AddStringToObject(json, "signed_by", fit->signer);
	cJSON_AddItemToObject(json, "kernel", part_json(&fit->kernel));
	if (fit->initrd.data)
		cJSON_AddItemToObject(json, "initrd", part_json(&fit->initrd));
	if (fit->cmdline) {
		text_printable(text, sizeof(text), fit->cmdline);
		cJSON_AddStringToObject(json, "cmdline", text);
	}
	cJSON_AddItemToArray(list, json);
}

static void part_report(const char *what, const struct fit_part *part)
{
	char size[32];

	text_size(size, sizeof(size), part->size);
	printf("  %-8s %s, %s\n", what, part->node, size);
}

static void configuration_report(const struct fit *fit)
{
	char text[4096];

	printf("%s: verified, signed by %s\n", fit->configuration, fit->signer);
	part_report("kernel", &fit->kernel);
	if (fit->initrd.data)
		part_report("initrd", &fit->initrd);
	if (fit->cmdline) {
		text_printable(text, sizeof(text), fit->cmdline);
		printf("  %-8s %s\n", "cmdline", text);
	}
}

/* Reports only what was verified, into list when that is wanted. */
static int configurations_verify(const struct verify *verify, const struct fit_tree *tree, cJSON *list,
				 struct error *err)
{
	unsigned count = 0;
	int node;

	fdt_for_each_subnode(node, tree->data, tree->configurations) {
		const char *name = fit_tree_name(tree, node);
		struct fit fit;
		int result;

		if (verify->configuration && strcmp(verify->configuration, name) != 0)
			continue;
		result = fit_open(tree->name, tree->data, tree->size, name, verify->keys.keys,
				  verify->keys.count, false, &fit, err);
		if (result)
			return result;
		count++;
		if (list)
			configuration_report_json(list, &fit);
		else
			configuration_report(&fit);
	}
	/* says what is missing: the one that was named, or the default one */
	return count ? 0 : fit_tree_configuration(tree, verify->configuration, err);
}

static int verify_run(const struct verify *verify, const struct file_map *map)
{
	cJSON *list = verify->json ? cJSON_CreateArray() : NULL;
	struct fit_tree tree;
	struct error err;
	cJSON *json;
	int result = fit_tree_open(&tree, verify->image, map->data, map->size, &err);

	if (!result)
		result = configurations_verify(verify, &tree, list, &err);
	if (result < 0) {
		cJSON_Delete(list);
		return command_fail(result, &err);
	}
	if (!list)
		return EXIT_DONE;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "image", verify->image);
	cJSON_AddBoolToObject(json, "verified", true);
	cJSON_AddItemToObject(json, "configurations", list);
	return command_print_json(json);
}

int image_verify(int argc, char **argv)
{
	struct verify verify = {.image = NULL};
	struct file_map map = {.data = NULL};
	struct error err;
	int code = verify_parse(&verify, argc, argv);

	if (code < 0) {
		int result = file_map_open(&map, "image", verify.image, &err);

		code = result ? command_fail(result, &err) : verify_run(&verify, &map);
		file_map_close(&map);
	}
	keys_free(&verify.keys);
	return code;
}
