#include <stdio.h>
#include <stdlib.h>

#include "vmm/cli/options.h"
#include "vmm/image/command.h"
#include "vmm/image/file.h"
#include "vmm/image/make.h"
#include "vmm/image/signing.h"

static const char help[] =
	"Usage: rastos-vmm image sign IMAGE --key FILE [OPTION...]\n"
	"\n"
	"Signs every configuration of a boot image; a signature that was there is replaced.\n"
	"Hashes are checked first.\n"
	"\n"
	"  --key FILE         the private key (RSA with 2048, 3072 or 4096 bits, PEM)\n"
	"  --name NAME        the key's name in the signature (default: its file's name without ending)\n"
	"  -o, --output FILE  the signed image (default: IMAGE itself)\n"
	"  --json             print the result as JSON\n";

struct sign {
	const char *image;
	const char *key;
	const char *name;
	const char *output;
	int json;
};

/* Reads the options; an exit code when that already is the end, -1 to go on. */
static int sign_parse(struct sign *sign, int argc, char **argv)
{
	enum { KEY = 256, NAME };
	const struct option options[] = {
		{"key", required_argument, NULL, KEY},    {"name", required_argument, NULL, NAME},
		{"output", required_argument, NULL, 'o'}, {"json", no_argument, &sign->json, 1},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	while ((option = options_next(argc, argv, "o:h", options)) != -1) {
		switch (option) {
		case 0:
			break;
		case KEY:
			sign->key = optarg;
			break;
		case NAME:
			sign->name = optarg;
			break;
		case 'o':
			sign->output = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_DONE;
		default:
			return command_bad_option("sign");
		}
	}
	if (optind + 1 != argc)
		return command_usage("sign", "one image is wanted");
	if (!sign->key)
		return command_usage("sign", "--key is missing");
	sign->image = argv[optind];
	if (!sign->output)
		sign->output = sign->image;
	return -1;
}

static int sign_run(const struct sign *sign, struct signing_key *key, struct error *err)
{
	struct image_file file = {.tree = NULL};
	struct file_map map = {.data = NULL};
	uint32_t timestamp;
	int result = signing_key_set(key, sign->key, sign->name, err);

	if (!result)
		result = image_timestamp(&timestamp, err);
	if (!result)
		result = file_map_open(&map, "image", sign->image, err);
	if (!result)
		result = image_sign_configurations(sign->image, map.data, map.size, key, timestamp, &file,
						   err);
	if (!result)
		result = image_write(sign->output, &file, err);
	free(file.tree);
	file_map_close(&map);
	return result;
}

int image_sign(int argc, char **argv)
{
	struct sign sign = {.image = NULL};
	struct signing_key key;
	struct error err;
	cJSON *json;
	int result;
	int code = sign_parse(&sign, argc, argv);

	if (code >= 0)
		return code;
	result = sign_run(&sign, &key, &err);
	if (result)
		return command_fail(result, &err);
	if (!sign.json) {
		printf("%s: signed by %s\n", sign.output, key.name);
		return EXIT_DONE;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "image", sign.output);
	cJSON_AddStringToObject(json, "signed_by", key.name);
	return command_print_json(json);
}
