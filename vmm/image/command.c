#include "vmm/image/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/nearest.h"
#include "vmm/image/image.h"

static const char help[] =
	"Usage: rastos-vmm image VERB ...\n"
	"\n"
	"Boot images: kernel, initrd and command line in one signed file (a FIT image, as mkimage makes it).\n"
	"\n"
	"  build    make an image, and sign it\n"
	"  sign     sign an image that is there\n"
	"  verify   check an image's hashes and signature\n"
	"  inspect  show what is in an image\n"
	"\n"
	"rastos-vmm image VERB --help says more.\n";

int command_fail(int code, const struct error *err)
{
	fprintf(stderr, "rastos-vmm: %s\n", err->text);
	return code == -EKEYREJECTED || code == -EBADMSG ? EXIT_REFUSED : EXIT_FAILED;
}

int command_usage(const char *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "rastos-vmm image %s: ", verb);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return command_bad_option(verb);
}

int command_bad_option(const char *verb)
{
	fprintf(stderr, "Try `rastos-vmm image %s --help`.\n", verb);
	return EXIT_USAGE;
}

int command_print_json(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (!text) {
		fputs("rastos-vmm: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	puts(text);
	free(text);
	return EXIT_DONE;
}

int command_image(int argc, char **argv)
{
	static const struct {
		const char *verb;
		char *name; /* how messages about options begin */
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{"build", "rastos-vmm image build", image_build},
		{"sign", "rastos-vmm image sign", image_sign},
		{"verify", "rastos-vmm image verify", image_verify},
		{"inspect", "rastos-vmm image inspect", image_inspect},
	};
	const char *names[ARRAY_SIZE(verbs) + 1] = {NULL};
	const char *nearest;

	if (argc < 2) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].verb) != 0)
			continue;
		argv[1] = verbs[i].name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		names[i] = verbs[i].verb;
	nearest = nearest_word(argv[1], names);
	if (nearest)
		fprintf(stderr, "rastos-vmm: image has no verb \"%s\", did you mean %s?\n", argv[1], nearest);
	else
		fprintf(stderr,
			"rastos-vmm: image has no verb \"%s\": build, sign, verify and inspect are there\n",
			argv[1]);
	return EXIT_USAGE;
}
