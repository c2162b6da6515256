#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hypervisor/boot/fit.h"
#include "hypervisor/boot/fit_signed.h"
#include "hypervisor/boot/fit_tree.h"
#include "vmm/cli/options.h"
#include "vmm/image/command.h"
#include "vmm/image/file.h"
#include "vmm/image/text.h"

static const char help[] =
	"Usage: rastos-vmm image inspect IMAGE [--json]\n"
	"\n"
	"Shows what a boot image says of itself. Nothing is checked: that is what verify is for.\n"
	"\n"
	"  --json  print it as JSON\n";

#define TEXT_ROOM  4096
#define DIGITS_MAX 12 /* of a hash in the table */

/* A node's property when it is text, made fit to be shown; empty when it is not there. */
static const char *node_text(const struct fit_tree *tree, int node, const char *property,
			     char text[TEXT_ROOM])
{
	const char *value = fit_tree_string(tree, node, property);

	text_printable(text, TEXT_ROOM, value ? value : "");
	return text;
}

static void json_add_text(cJSON *json, const struct fit_tree *tree, int node, const char *property,
			  const char *member)
{
	char text[TEXT_ROOM];

	if (fit_tree_string(tree, node, property))
		cJSON_AddStringToObject(json, member, node_text(tree, node, property, text));
}

/* A hash's value in hexadecimal digits, at most so many. */
static void hash_digits(const struct fit_tree *tree, int node, char *digits, size_t most)
{
	int length = 0;
	const uint8_t *value = fdt_getprop(tree->data, node, "value", &length);

	*digits = '\0';
	for (int i = 0; value && i < length && (size_t)(2 * i + 2) <= most; i++)
		sprintf(digits + 2 * i, "%02x", value[i]);
}

static bool is_signature(const struct fit_tree *tree, int node)
{
	return strncmp(fit_tree_name(tree, node), "signature", strlen("signature")) == 0;
}

static bool is_default(const struct fit_tree *tree, int configuration)
{
	const char *name = fit_tree_string(tree, tree->configurations, "default");

	return name && strcmp(name, fit_tree_name(tree, configuration)) == 0;
}

static cJSON *image_json(const struct fit_tree *tree, int node)
{
	static const char *const properties[] = {"description", "type", "arch", "os", "compression", NULL};
	cJSON *json = cJSON_CreateObject();
	cJSON *hashes = cJSON_AddArrayToObject(json, "hashes");
	struct fit_image image;
	int child;

	cJSON_AddStringToObject(json, "name", fit_tree_name(tree, node));
	for (const char *const *property = properties; *property; property++)
		json_add_text(json, tree, node, *property, *property);
	if (fit_tree_image(tree, fit_tree_name(tree, node), &image, NULL) == 0)
		cJSON_AddNumberToObject(json, "size", (double)image.size);
	fdt_for_each_subnode(child, tree->data, node) {
		char digits[2 * 64 + 1];
		cJSON *hash;

		if (!fit_is_hash(tree, child))
			continue;
		hash = cJSON_CreateObject();
		hash_digits(tree, child, digits, sizeof(digits) - 1);
		json_add_text(hash, tree, child, "algo", "algorithm");
		cJSON_AddStringToObject(hash, "value", digits);
		cJSON_AddItemToArray(hashes, hash);
	}
	return json;
}

/* The command line is an image: its text is what one wants to see. */
static bool cmdline_text(const struct fit_tree *tree, int configuration, char text[TEXT_ROOM])
{
	const char *name = fit_tree_string(tree, configuration, fit_reference_names[FIT_CMDLINE]);
	struct fit_image image;

	if (!name || fit_tree_image(tree, name, &image, NULL) != 0 || image.size == 0 ||
	    image.data[image.size - 1] != '\0')
		return false;
	text_printable(text, TEXT_ROOM, (const char *)image.data);
	return true;
}

/* "kernel-1", or all of a list: "fdt-1, fdt-2"; false when the configuration does not have it. */
static bool reference_text(const struct fit_tree *tree, int configuration, unsigned reference,
			   char text[TEXT_ROOM])
{
	const char *property = fit_reference_names[reference];
	size_t used = 0;

	*text = '\0';
	for (int i = 0; used < TEXT_ROOM; i++) {
		const char *name = fdt_stringlist_get(tree->data, configuration, property, i, NULL);
		char clean[FIT_NAME_MAX + 1];

		if (!name)
			return i > 0;
		text_printable(clean, sizeof(clean), name);
		used += (size_t)snprintf(text + used, TEXT_ROOM - used, "%s%s", i ? ", " : "", clean);
	}
	return true;
}

static cJSON *configuration_json(const struct fit_tree *tree, int node)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *signatures;
	char text[TEXT_ROOM];
	int child;

	cJSON_AddStringToObject(json, "name", fit_tree_name(tree, node));
	cJSON_AddBoolToObject(json, "default", is_default(tree, node));
	json_add_text(json, tree, node, "description", "description");
	for (unsigned i = 0; i < FIT_REFERENCES; i++)
		if (reference_text(tree, node, i, text))
			cJSON_AddStringToObject(json, fit_reference_names[i], text);
	if (cmdline_text(tree, node, text))
		cJSON_AddStringToObject(json, "cmdline_text", text);
	signatures = cJSON_AddArrayToObject(json, "signatures");
	fdt_for_each_subnode(child, tree->data, node) {
		cJSON *signature;

		if (!is_signature(tree, child))
			continue;
		signature = cJSON_CreateObject();
		json_add_text(signature, tree, child, "algo", "algorithm");
		json_add_text(signature, tree, child, "key-name-hint", "key");
		cJSON_AddItemToArray(signatures, signature);
	}
	return json;
}

static int inspect_json(const struct fit_tree *tree)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *images = cJSON_CreateArray();
	cJSON *configurations = cJSON_CreateArray();
	uint32_t timestamp;
	int node;

	cJSON_AddStringToObject(json, "image", tree->name);
	cJSON_AddNumberToObject(json, "size", (double)tree->size);
	json_add_text(json, tree, 0, "description", "description");
	if (fit_tree_u32(tree, 0, "timestamp", &timestamp) == 0)
		cJSON_AddNumberToObject(json, "timestamp", timestamp);
	fdt_for_each_subnode(node, tree->data, tree->images)
		cJSON_AddItemToArray(images, image_json(tree, node));
	fdt_for_each_subnode(node, tree->data, tree->configurations)
		cJSON_AddItemToArray(configurations, configuration_json(tree, node));
	cJSON_AddItemToObject(json, "images", images);
	cJSON_AddItemToObject(json, "configurations", configurations);
	return command_print_json(json);
}

static void image_print(const struct fit_tree *tree, int node)
{
	char type[TEXT_ROOM];
	char text[TEXT_ROOM];
	char size[32] = "-";
	struct fit_image image;
	int child;

	if (fit_tree_image(tree, fit_tree_name(tree, node), &image, NULL) == 0)
		text_size(size, sizeof(size), image.size);
	printf("%-16s %-14s %11s ", fit_tree_name(tree, node), node_text(tree, node, "type", type), size);
	fdt_for_each_subnode(child, tree->data, node) {
		char digits[DIGITS_MAX + 1];

		if (!fit_is_hash(tree, child))
			continue;
		hash_digits(tree, child, digits, DIGITS_MAX);
		printf(" %s:%s", node_text(tree, child, "algo", text), digits);
	}
	putchar('\n');
}

static void configuration_print(const struct fit_tree *tree, int node)
{
	char text[TEXT_ROOM];
	char algorithm[TEXT_ROOM];
	unsigned signatures = 0;
	int child;

	printf("\n%s%s\n", fit_tree_name(tree, node), is_default(tree, node) ? " (default)" : "");
	for (unsigned i = 0; i < FIT_REFERENCES; i++)
		if (reference_text(tree, node, i, text))
			printf("  %-10s %s\n", fit_reference_names[i], text);
	if (cmdline_text(tree, node, text))
		printf("  %-10s %s\n", "", text);
	fdt_for_each_subnode(child, tree->data, node) {
		if (!is_signature(tree, child))
			continue;
		signatures++;
		node_text(tree, child, "algo", algorithm);
		printf("  %-10s %s, key %s (not checked)\n", "signature", algorithm,
		       node_text(tree, child, "key-name-hint", text));
	}
	if (!signatures)
		printf("  %-10s none\n", "signature");
}

static int inspect_print(const struct fit_tree *tree)
{
	char text[TEXT_ROOM];
	char size[32];
	uint32_t timestamp;
	int node;

	text_size(size, sizeof(size), tree->size);
	printf("%s: %s, %s\n", tree->name, node_text(tree, 0, "description", text), size);
	if (fit_tree_u32(tree, 0, "timestamp", &timestamp) == 0 && timestamp) {
		time_t seconds = timestamp;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
		printf("created %s\n", text);
	}
	printf("\n%-16s %-14s %11s  %s\n", "IMAGE", "TYPE", "SIZE", "HASH");
	fdt_for_each_subnode(node, tree->data, tree->images)
		image_print(tree, node);
	fdt_for_each_subnode(node, tree->data, tree->configurations)
		configuration_print(tree, node);
	return EXIT_DONE;
}

int image_inspect(int argc, char **argv)
{
	int json = 0;
	const struct option options[] = {
		{"json", no_argument, &json, 1},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct file_map map = {.data = NULL};
	struct fit_tree tree;
	struct error err;
	int option;
	int result;
	int code;

	optind = 0;
	while ((option = options_next(argc, argv, "h", options)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option != 0)
			return command_bad_option("inspect");
	}
	if (optind + 1 != argc)
		return command_usage("inspect", "one image is wanted");
	result = file_map_open(&map, "image", argv[optind], &err);
	if (!result)
		result = fit_tree_open(&tree, argv[optind], map.data, map.size, &err);
	if (result)
		code = command_fail(result, &err);
	else
		code = json ? inspect_json(&tree) : inspect_print(&tree);
	file_map_close(&map);
	return code;
}
