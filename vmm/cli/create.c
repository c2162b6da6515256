/* rastos-vmm create: makes a guest's definition from options, and starts the guest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/define.h"
#include "vmm/cli/definition_file.h"
#include "vmm/cli/guest_options.h"
#include "vmm/cli/options.h"
#include "vmm/config/definition.h"

#define TIMEOUT_MAX 86400

enum {
	OPT_IMAGE = 256,
	OPT_ROLE,
	OPT_AUTOSTART,
	OPT_DEPENDS_ON,
	OPT_READY,
	OPT_NO_VALIDATE,
	OPT_NO_START,
	OPT_DETACH,
	OPT_HELP,
};

static const char usage_begin[] =
	"Usage: rastos-vmm create NAME --image SOURCE [OPTIONS]\n"
	"       rastos-vmm create FILE [OPTIONS]\n\n"
	"Makes a guest: its definition is given to the manager, which keeps and starts it; returns when it is ready.\n"
	"FILE is a definition (NAME.json, or libvirt domain XML, NAME.xml), which says itself what the guest is made of.\n"
	"SOURCE is a boot image (NAME.itb), a kernel (vmlinux, bzImage), or a raw disk or an image of the pool, which is\n"
	"booted by the kernel in its /boot.\n\n"
	"Options:\n";

static const char usage_more[] =
	"  -p, --publish [ADDRESS:]HOST:GUEST[/udp]\n"
	"                          a port of the host leads to one of the guest, by the first --net (default: passt)\n"
	"      --role WORD         guest, server or desktop (default guest)\n"
	"      --autostart WORD    yes or no: whether `up` starts it (default yes)\n"
	"      --depends-on GUEST  start that one first; may be given more than once\n"
	"      --ready WORD        notify: it is ready when its init says READY=1; started: as soon as it runs\n"
	"                          (default notify; of a disk: started)\n"
	"      --no-validate       do not look at libvirt's schema of domain XML (package libvirt0)\n"
	"      --no-start          define it, and no more\n"
	"      --detach            start it, and do not wait until it is ready\n"
	"  -t, --timeout S         how long to wait (default 60); exit status 5 when it takes longer\n"
	"      --help              show this help\n";

static const struct option options[] = {
	GUEST_OPTIONS_LONG,
	{"image", required_argument, NULL, OPT_IMAGE},
	{"publish", required_argument, NULL, 'p'},
	{"role", required_argument, NULL, OPT_ROLE},
	{"autostart", required_argument, NULL, OPT_AUTOSTART},
	{"depends-on", required_argument, NULL, OPT_DEPENDS_ON},
	{"ready", required_argument, NULL, OPT_READY},
	{"no-validate", no_argument, NULL, OPT_NO_VALIDATE},
	{"no-start", no_argument, NULL, OPT_NO_START},
	{"detach", no_argument, NULL, OPT_DETACH},
	{"timeout", required_argument, NULL, 't'},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

struct create_options {
	struct guest_options guest;
	const char *image;
	const char *publish[DEFINITION_PUBLISH_MAX];
	unsigned publish_count;
	const char *depends[DEFINITION_DEPENDS_MAX];
	unsigned depends_count;
	const char *role, *ready;
	const char *autostart; /* NULL: not given */
	bool no_validate, no_start, detach, help;
	unsigned long timeout_s; /* 0: not given */
};

static enum exit_code take_autostart(struct create_options *create)
{
	if (strcmp(optarg, "yes") != 0 && strcmp(optarg, "no") != 0)
		return cli_usage("create", "--autostart: must be yes or no, not %s", optarg);
	create->autostart = optarg;
	return EXIT_DONE;
}

static enum exit_code take_in_list(const char *option, const char **list, unsigned max, unsigned *count)
{
	if (*count == max)
		return cli_usage("create", "%s: at most %u are possible", option, max);
	list[(*count)++] = optarg;
	return EXIT_DONE;
}

static enum exit_code take_option(struct create_options *create, int option)
{
	bool taken;
	enum exit_code code = guest_options_take(&create->guest, option, "create", &taken);

	if (taken)
		return code;
	switch (option) {
	case OPT_IMAGE:
		create->image = optarg;
		return EXIT_DONE;
	case 'p':
		return take_in_list("--publish", create->publish, DEFINITION_PUBLISH_MAX,
				    &create->publish_count);
	case OPT_ROLE:
		create->role = optarg;
		return EXIT_DONE;
	case OPT_AUTOSTART:
		return take_autostart(create);
	case OPT_DEPENDS_ON:
		return take_in_list("--depends-on", create->depends, DEFINITION_DEPENDS_MAX,
				    &create->depends_count);
	case OPT_READY:
		create->ready = optarg;
		return EXIT_DONE;
	case OPT_NO_VALIDATE:
		create->no_validate = true;
		return EXIT_DONE;
	case OPT_NO_START:
		create->no_start = true;
		return EXIT_DONE;
	case OPT_DETACH:
		create->detach = true;
		return EXIT_DONE;
	case 't':
		return cli_number(optarg, 1, TIMEOUT_MAX, &create->timeout_s)
			       ? EXIT_DONE
			       : cli_usage("create", "--timeout: must be seconds from 1 to %d", TIMEOUT_MAX);
	case OPT_HELP:
		printf("%s%s%s", usage_begin, guest_options_help, usage_more);
		create->help = true;
		return EXIT_DONE;
	default:
		return cli_bad_option("create");
	}
}

/* --- The definition --- */

static void add_strings(cJSON *array, const char *const *strings, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(strings[i]));
}

/* Ports go to the first network; without any, one is made that needs no root. */
static void add_publish(cJSON *json, const struct create_options *create)
{
	cJSON *networks = cJSON_GetObjectItemCaseSensitive(json, "networks");
	cJSON *first = cJSON_GetArrayItem(networks, 0);
	cJSON *publish;

	if (!create->publish_count)
		return;
	if (!first) {
		first = cJSON_CreateObject();
		cJSON_AddStringToObject(first, "type", "passt");
		cJSON_AddItemToArray(networks, first);
	}
	publish = cJSON_GetObjectItemCaseSensitive(first, "publish");
	if (!publish)
		publish = cJSON_AddArrayToObject(first, "publish");
	add_strings(publish, create->publish, create->publish_count);
}

/* Checked here too: what is wrong with it is bad usage. */
static enum exit_code check_definition(const cJSON *json, const char *folder)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	struct guest_definition *definition = NULL;
	struct error err = {0};
	int code = text ? definition_parse("command line", folder, text, &definition, &err) : -ENOMEM;

	definition_free(definition);
	if (code == -ENOMEM)
		return cli_fail(EXIT_FAILED, "out of memory");
	return code < 0 ? cli_usage("create", "%s", err.text) : EXIT_DONE;
}

/* A disk that somebody brings has an init that does not know us, so that READY=1 would be waited for in vain.
 */
static const char *default_ready(const struct create_options *create, const struct settings *settings)
{
	enum guest_source source = guest_source_find(create->image, settings);

	return source == GUEST_SOURCE_DISK || source == GUEST_SOURCE_POOL ? "started" : NULL;
}

static enum exit_code make_definition(const struct cli *cli, const struct create_options *create,
				      const char *name, const char *folder, cJSON **json)
{
	const char *ready = create->ready;
	struct settings settings;
	struct error err = {0};
	int code = settings_read(cli->config, &settings, &err);

	if (code < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	code = guest_options_json(&create->guest, name, create->image, &settings, json, &err);
	if (!ready && code == 0)
		ready = default_ready(create, &settings);
	settings_free(&settings);
	if (code < 0)
		return cli_usage("create", "%s", err.text);
	cJSON_AddStringToObject(*json, "role", create->role ? create->role : "guest");
	if (ready)
		cJSON_AddStringToObject(*json, "ready", ready);
	if (create->autostart && strcmp(create->autostart, "no") == 0)
		cJSON_AddFalseToObject(*json, "autostart");
	if (create->depends_count)
		add_strings(cJSON_AddArrayToObject(*json, "depends_on"), create->depends,
			    create->depends_count);
	add_publish(*json, create);
	return check_definition(*json, folder);
}

/* --- Starting it --- */

/* What is left of a start that failed: the guest is there, and what it printed last says why. */
static void show_failure(const cJSON *answer, const char *name)
{
	const char *console = answer_text(answer, "console");

	if (*console)
		fprintf(stderr, "--- last lines of the console ---\n%s\n---\n", console);
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"guest %s is defined: `rastos-vmm start %s` tries again, `rastos-vmm undefine %s` "
			"forgets it\n",
			name, name, name);
}

static enum exit_code start(const struct cli *cli, const struct create_options *create, const char *name)
{
	double before = (double)monotonic_ns() / 1e9;
	struct error err = {0};
	struct client client;
	cJSON *answer = NULL;
	enum exit_code code = EXIT_FAILED;

	if (client_connect(cli, &client, &err) == 0) {
		cJSON *request = client_request_new(&client, "start");

		cJSON_AddStringToObject(request, "guest", name);
		if (!create->detach)
			cJSON_AddTrueToObject(request, "wait");
		if (create->timeout_s)
			cJSON_AddNumberToObject(request, "timeout_s", (double)create->timeout_s);
		code = client_call(&client, request, 0, NULL, &answer, &err);
	}
	client_close(&client);
	if (code != EXIT_DONE) {
		cli_fail(code, "%s", err.text);
		show_failure(answer, name);
	} else if (!create->detach && isatty(STDERR_FILENO)) {
		fprintf(stderr, "guest %s: ready after %.1f s\n", name,
			(double)monotonic_ns() / 1e9 - before);
	}
	cJSON_Delete(answer);
	return code;
}

static enum exit_code create_guest(const struct cli *cli, const struct create_options *create,
				   const char *name)
{
	AUTO_FREE char *folder = getcwd(NULL, 0);
	cJSON *json = NULL;
	cJSON *guest = NULL;
	enum exit_code code;

	if (!folder)
		return cli_fail(EXIT_FAILED, "cannot tell the working folder: %s", strerror(errno));
	code = make_definition(cli, create, name, folder, &json);
	if (code == EXIT_DONE)
		code = define_guest(cli, TAKE_PTR(json), folder, false, &guest);
	cJSON_Delete(json);
	cJSON_Delete(guest);
	return code == EXIT_DONE && !create->no_start ? start(cli, create, name) : code;
}

/* What a definition says itself; NULL: nothing of that was given. */
static const char *given_beside_file(const struct create_options *create)
{
	return create->image           ? "--image"
	       : create->publish_count ? "--publish"
	       : create->role          ? "--role"
	       : create->autostart     ? "--autostart"
	       : create->depends_count ? "--depends-on"
	       : create->ready         ? "--ready"
				       : guest_options_given(&create->guest);
}

static enum exit_code define_of_file(const struct cli *cli, const struct definition_file *file, cJSON **guest)
{
	struct guest_definition *definition = NULL;
	struct error err = {0};
	cJSON *json;

	if (definition_parse(file->name, file->folder, file->text, &definition, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	definition_free(definition);
	json = cJSON_Parse(file->text);
	return json ? define_guest(cli, json, file->folder, false, guest)
		    : cli_fail(EXIT_FAILED, "out of memory");
}

static enum exit_code create_from_file(const struct cli *cli, const struct create_options *create,
				       const char *path)
{
	const char *given = given_beside_file(create);
	struct definition_file file;
	cJSON *guest = NULL;
	enum exit_code code;

	if (given)
		return cli_usage("create", "%s: cannot be combined with a definition, which says it itself",
				 given);
	code = definition_file_read(path, create->no_validate, &file);
	if (code != EXIT_DONE)
		return code;
	code = define_of_file(cli, &file, &guest);
	if (code == EXIT_DONE)
		definition_file_tell(&file);
	definition_file_free(&file);
	if (code == EXIT_DONE && !create->no_start)
		code = start(cli, create, answer_text(guest, "name"));
	cJSON_Delete(guest);
	return code;
}

enum exit_code command_create(struct cli *cli, int argc, char **argv)
{
	struct create_options create = {0};
	enum exit_code code;
	int option;

	while ((option = options_next(argc, argv, GUEST_OPTIONS_SHORT "p:t:", options)) != -1) {
		code = take_option(&create, option);
		if (code != EXIT_DONE || create.help)
			return code;
	}
	if (optind != argc - 1)
		return cli_usage("create", optind == argc ? "which NAME?" : "one NAME at a time");
	if (create.no_start && (create.detach || create.timeout_s))
		return cli_usage("create", "--no-start: there is nothing to wait for then");
	if (definition_file_is_definition(argv[optind]))
		return create_from_file(cli, &create, argv[optind]);
	if (create.no_validate)
		return cli_usage("create", "--no-validate: is for a definition, %s is a guest's name",
				 argv[optind]);
	if (!create.image)
		return cli_usage("create", "--image: what does the guest boot from?");
	return create_guest(cli, &create, argv[optind]);
}
