#include "vmm/cli/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/nearest.h"

#define OPTIONS_MAX 64

/* The option's word, without what follows a '='. */
static void copy_word(char *into, size_t size, const char *text)
{
	snprintf(into, size, "%.*s", (int)strcspn(text, "="), text);
}

static void say_unknown(const char *command, const char *word, const struct option *options)
{
	const char *names[OPTIONS_MAX] = {NULL};
	const char *nearest;
	bool prefix = false;

	for (unsigned i = 0; options[i].name && i < OPTIONS_MAX - 1; i++) {
		names[i] = options[i].name;
		prefix = prefix || strncmp(options[i].name, word + 2, strlen(word + 2)) == 0;
	}
	nearest = nearest_word(word + 2, names);
	if (prefix)
		fprintf(stderr, "%s: %s is the start of more than one option\n", command, word);
	else if (nearest)
		fprintf(stderr, "%s: there is no option %s, did you mean --%s?\n", command, word, nearest);
	else
		fprintf(stderr, "%s: there is no option %s\n", command, word);
}

int options_next(int argc, char **argv, const char *shorts, const struct option *options)
{
	char with_colon[64];
	char word[64];
	int option;

	snprintf(with_colon, sizeof(with_colon), "%s:%s", *shorts == '+' ? "+" : "",
		 *shorts == '+' ? shorts + 1 : shorts);
	opterr = 0;
	option = getopt_long(argc, argv, with_colon, options, NULL);
	opterr = 1;
	if (option != '?' && option != ':')
		return option;
	copy_word(word, sizeof(word), argv[optind - 1]);
	if (option == ':')
		fprintf(stderr, "%s: %s needs an argument\n", argv[0], word);
	else if (optopt && strncmp(word, "--", 2) == 0)
		fprintf(stderr, "%s: %s takes no argument\n", argv[0], word);
	else if (optopt)
		fprintf(stderr, "%s: there is no option -%c\n", argv[0], optopt);
	else
		say_unknown(argv[0], word, options);
	return '?';
}
