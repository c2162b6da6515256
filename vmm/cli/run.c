/* rastos-vmm run: one guest in the foreground. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "hypervisor/boot/fit.h"
#include "vmm/cli/cli.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"
#include "vmm/guest/process.h"

#define MEMORY_MIB_MAX (16UL << 20)
#define NS_PER_SECOND  1000000000ULL
#define RESTART_NS     NS_PER_SECOND /* from one start of a guest that reboots to the next, at least */

static const char usage[] =
	"Usage: rastos-vmm run [OPTIONS] FILE\n\n"
	"Runs one guest in the foreground, its console on this terminal, without a manager.\n"
	"FILE is a guest definition (NAME.json), a boot image (NAME.itb) or a kernel (vmlinux, bzImage).\n"
	"Ctrl-] asks the guest to power off, once more ends it at once; so do SIGINT and SIGTERM.\n\n"
	"Options:\n"
	"  -c, --cpus N            vCPUs (default 1)\n"
	"  -m, --memory MIB        memory in MiB (default 512)\n"
	"  -d, --disk PATH[,ro][,id=ID]\n"
	"                          a raw disk; may be given more than once\n"
	"  -n, --net tap:DEVICE | passt[:PUBLISH,...]\n"
	"                          a network card; may be given more than once\n"
	"  -i, --initrd FILE       initrd of a bare kernel\n"
	"  -a, --append TEXT       command line of a bare kernel (default console=ttyS0)\n"
	"      --protocol WORD     auto, pvh, linux64 or bzimage (default auto)\n"
	"      --console WORD      serial or virtio (default serial)\n"
	"      --vsock PATH        unix socket for programs that talk to the guest's vsock ports\n"
	"      --key FILE          public key that boot images must be signed by; may be given more than once\n"
	"                          (default: the keys of the configuration)\n"
	"      --allow-unsigned    boot an image although no signature verifies\n"
	"      --no-reboot         end when the guest reboots, with exit status 0\n"
	"      --boot-report FILE  write the boot report as JSON when the guest has ended\n"
	"      --help              show this help\n\n"
	"Exit status: 0 the guest powered off, 1 it crashed or could not start, 2 usage, 4 refused.\n";

enum {
	OPT_PROTOCOL = 256,
	OPT_CONSOLE,
	OPT_VSOCK,
	OPT_KEY,
	OPT_ALLOW_UNSIGNED,
	OPT_NO_REBOOT,
	OPT_BOOT_REPORT,
	OPT_HELP,
};

static const struct option options[] = {
	{"cpus", required_argument, NULL, 'c'},
	{"memory", required_argument, NULL, 'm'},
	{"disk", required_argument, NULL, 'd'},
	{"net", required_argument, NULL, 'n'},
	{"initrd", required_argument, NULL, 'i'},
	{"append", required_argument, NULL, 'a'},
	{"protocol", required_argument, NULL, OPT_PROTOCOL},
	{"console", required_argument, NULL, OPT_CONSOLE},
	{"vsock", required_argument, NULL, OPT_VSOCK},
	{"key", required_argument, NULL, OPT_KEY},
	{"allow-unsigned", no_argument, NULL, OPT_ALLOW_UNSIGNED},
	{"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
	{"boot-report", required_argument, NULL, OPT_BOOT_REPORT},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* What the options said, before FILE is known. */
struct run_options {
	unsigned long cpus, memory_mib;
	const char *disks[DEFINITION_DISKS_MAX];
	unsigned disk_count;
	const char *networks[DEFINITION_NETWORKS_MAX];
	unsigned network_count;
	const char *initrd, *append, *protocol, *console, *vsock, *boot_report;
	struct fit_key keys[SETTINGS_KEYS_MAX];
	unsigned key_count;
	bool allow_unsigned, no_reboot;
};

static enum exit_code take_option(int option, struct run_options *run)
{
	switch (option) {
	case 'c':
		if (!cli_number(optarg, 1, DEFINITION_VCPUS_MAX, &run->cpus))
			return cli_usage("run", "--cpus: must be a number from 1 to %d",
					 DEFINITION_VCPUS_MAX);
		break;
	case 'm':
		if (!cli_number(optarg, DEFINITION_MEMORY_MIN, MEMORY_MIB_MAX, &run->memory_mib))
			return cli_usage("run", "--memory: must be a number of MiB from %d on",
					 DEFINITION_MEMORY_MIN);
		break;
	case 'd':
		if (run->disk_count == DEFINITION_DISKS_MAX)
			return cli_usage("run", "--disk: at most %d disks are possible",
					 DEFINITION_DISKS_MAX);
		run->disks[run->disk_count++] = optarg;
		break;
	case 'n':
		if (run->network_count == DEFINITION_NETWORKS_MAX)
			return cli_usage("run", "--net: at most %d are possible", DEFINITION_NETWORKS_MAX);
		run->networks[run->network_count++] = optarg;
		break;
	case 'i':
		run->initrd = optarg;
		break;
	case 'a':
		run->append = optarg;
		break;
	case OPT_PROTOCOL:
		run->protocol = optarg;
		break;
	case OPT_CONSOLE:
		run->console = optarg;
		break;
	case OPT_VSOCK:
		run->vsock = optarg;
		break;
	case OPT_KEY:
		if (run->key_count == SETTINGS_KEYS_MAX)
			return cli_usage("run", "--key: at most %d keys are possible", SETTINGS_KEYS_MAX);
		run->keys[run->key_count++] = (struct fit_key){.name = optarg, .path = optarg};
		break;
	case OPT_ALLOW_UNSIGNED:
		run->allow_unsigned = true;
		break;
	case OPT_NO_REBOOT:
		run->no_reboot = true;
		break;
	case OPT_BOOT_REPORT:
		run->boot_report = optarg;
		break;
	default:
		return cli_bad_option("run");
	}
	return EXIT_DONE;
}

/*
 * The options are put into words of the definition's JSON, so that there is one reader, one set of checks and
 * one set of sentences for both ways in.
 */
static cJSON *disk_json(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	cJSON *disk = cJSON_CreateObject();
	char *rest = copy;
	char *word = strsep(&rest, ",");

	cJSON_AddStringToObject(disk, "path", word);
	while ((word = strsep(&rest, ","))) {
		if (strcmp(word, "ro") == 0)
			cJSON_AddTrueToObject(disk, "read_only");
		else if (strncmp(word, "id=", 3) == 0)
			cJSON_AddStringToObject(disk, "id", word + 3);
		else
			cJSON_AddStringToObject(disk, word, ""); /* refused by name */
	}
	return disk;
}

static cJSON *network_json(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	cJSON *network = cJSON_CreateObject();
	char *rest = copy;
	const char *type = strsep(&rest, ":");
	cJSON *publish;
	char *word;

	cJSON_AddStringToObject(network, "type", type);
	if (rest && strcmp(type, "tap") == 0)
		cJSON_AddStringToObject(network, "device", rest);
	if (!rest || strcmp(type, "passt") != 0)
		return network;
	publish = cJSON_AddArrayToObject(network, "publish");
	while ((word = strsep(&rest, ",")))
		cJSON_AddItemToArray(publish, cJSON_CreateString(word));
	return network;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return len >= strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* The first bytes of FILE say what it is. */
static bool file_is_fit(const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	uint8_t start[64];

	return file && fread(start, 1, sizeof(start), file) == sizeof(start) &&
	       fit_probe(start, sizeof(start));
}

/* One that is missing or damaged is an image still, by its name. */
static bool is_image(const char *path)
{
	return has_suffix(path, ".itb") || file_is_fit(path);
}

/* The guest is named after its file. */
static void add_name(cJSON *json, const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *name = strdup(slash ? slash + 1 : path);

	if (name && has_suffix(name, ".itb"))
		name[strlen(name) - strlen(".itb")] = '\0';
	cJSON_AddStringToObject(json, "name", name && definition_name_valid(name) ? name : "guest");
}

static cJSON *options_json(const struct run_options *run, const char *path)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *kernel, *list;

	add_name(json, path);
	if (is_image(path)) {
		cJSON_AddStringToObject(json, "image", path);
	} else {
		kernel = cJSON_AddObjectToObject(json, "kernel");
		cJSON_AddStringToObject(kernel, "path", path);
		if (run->initrd)
			cJSON_AddStringToObject(kernel, "initrd", run->initrd);
		if (run->protocol)
			cJSON_AddStringToObject(kernel, "protocol", run->protocol);
		cJSON_AddStringToObject(kernel, "cmdline",
					run->append && *run->append ? run->append : "console=ttyS0");
	}
	if (run->cpus)
		cJSON_AddNumberToObject(json, "vcpus", (double)run->cpus);
	if (run->memory_mib)
		cJSON_AddNumberToObject(json, "memory_mib", (double)run->memory_mib);
	if (run->console)
		cJSON_AddStringToObject(json, "console", run->console);
	if (run->vsock)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "vsock"), "path", run->vsock);
	list = cJSON_AddArrayToObject(json, "disks");
	for (unsigned i = 0; i < run->disk_count; i++)
		cJSON_AddItemToArray(list, disk_json(run->disks[i]));
	list = cJSON_AddArrayToObject(json, "networks");
	for (unsigned i = 0; i < run->network_count; i++)
		cJSON_AddItemToArray(list, network_json(run->networks[i]));
	return json;
}

/* Whether options were given that only make sense when FILE is not a definition. */
static const char *option_against_definition(const struct run_options *run)
{
	if (run->cpus)
		return "--cpus";
	if (run->memory_mib)
		return "--memory";
	if (run->disk_count)
		return "--disk";
	if (run->network_count)
		return "--net";
	if (run->initrd || run->append || run->protocol)
		return "--initrd, --append and --protocol";
	return run->console ? "--console" : run->vsock ? "--vsock" : NULL;
}

static enum exit_code read_definition(const struct run_options *run, const char *path,
				      struct guest_definition **definition, struct error *err)
{
	AUTO_FREE char *folder = getcwd(NULL, 0);
	AUTO_FREE char *text = NULL;
	const char *against;
	cJSON *json;

	if (has_suffix(path, ".xml"))
		return cli_fail(EXIT_REFUSED,
				"%s: libvirt domain XML is not supported yet, give a .json definition", path);
	if (has_suffix(path, ".json")) {
		against = option_against_definition(run);
		if (against)
			return cli_usage("run",
					 "%s: cannot be combined with a definition, which says it itself",
					 against);
		return definition_read(path, definition, err) < 0 ? cli_fail(EXIT_FAILED, "%s", err->text)
								  : EXIT_DONE;
	}
	if (is_image(path) && (run->initrd || run->append || run->protocol))
		return cli_usage(
			"run", "--initrd, --append and --protocol: are for bare kernels, %s is a boot image",
			path);
	if (!is_image(path) && run->key_count)
		return cli_usage("run", "--key: is for boot images, %s is none and carries no signature",
				 path);
	json = options_json(run, path);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!folder || !text)
		return cli_fail(EXIT_FAILED, "out of memory");
	if (definition_parse("command line", folder, text, definition, err) < 0)
		return cli_usage("run", "%s", err->text);
	return EXIT_DONE;
}

/* --key replaces the configuration's keys. */
static void use_keys(const struct run_options *run, struct guest_resources *resources)
{
	if (!run->key_count)
		return;
	settings_keys_free(resources->keys, resources->key_count);
	resources->key_count = 0;
	for (unsigned i = 0; i < run->key_count; i++) {
		resources->keys[i] = (struct fit_key){
			.name = strdup(run->keys[i].name),
			.path = strdup(run->keys[i].path),
		};
		resources->key_count++;
	}
}

static enum exit_code write_boot_report(const char *path, struct boot_recorder *recorder)
{
	AUTO_FCLOSE FILE *file = fopen(path, "we");
	AUTO_FREE char *text = NULL;
	struct boot_report report;
	cJSON *json;

	boot_recorder_read(recorder, &report);
	json = boot_report_to_json(&report);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!file || !text || fprintf(file, "%s\n", text) < 0)
		return cli_fail(EXIT_FAILED, "boot report %s: cannot write: %s", path, strerror(errno));
	return EXIT_DONE;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* A reboot starts this command anew: a fresh process is a fresh machine, and only the disks survive. */
static enum exit_code start_again(char *const *whole_argv, uint64_t started_ns)
{
	uint64_t lived_ns = now_ns() - started_ns;
	sigset_t none;

	/* Signals that came too late for the guest end us here: one that reboots for ever would never end. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (lived_ns < RESTART_NS)
		usleep((useconds_t)((RESTART_NS - lived_ns) / 1000));
	execv("/proc/self/exe", whole_argv);
	return cli_fail(EXIT_FAILED, "cannot start again after the guest's reboot: %s", strerror(errno));
}

/* What the guest's end means for the command; *again: the guest is to start again. */
static enum exit_code judge_end(enum machine_end end, const struct guest_definition *definition,
				const struct run_options *run, const struct error *why, bool *again)
{
	switch (end) {
	case MACHINE_POWERED_OFF:
		*again = definition->on_poweroff == GUEST_ACTION_RESTART;
		return EXIT_DONE;
	case MACHINE_RESET:
		*again = !run->no_reboot && definition->on_reboot == GUEST_ACTION_RESTART;
		return EXIT_DONE;
	case MACHINE_KILLED:
		return EXIT_DONE;
	case MACHINE_REFUSED:
		return cli_fail(EXIT_REFUSED, "%s", why->text);
	case MACHINE_CRASHED:
		*again = definition->on_crash == GUEST_ACTION_RESTART;
		return cli_fail(EXIT_FAILED, "%s", why->text);
	default:
		return cli_fail(EXIT_FAILED, "%s", why->text);
	}
}

static enum exit_code run_guest(struct cli *cli, const struct run_options *run,
				const struct guest_definition *definition, struct boot_recorder *recorder,
				bool *again)
{
	struct guest_resources resources;
	struct settings settings;
	struct error err = {""};
	struct guest_process_config config = {
		.definition = definition,
		.resources = &resources,
		.recorder = recorder,
		.control_fd = -1,
		.listen_fd = -1,
		.last_words_fd = -1,
		.console_log_fd = -1,
		.terminal = true,
	};
	enum machine_end end;

	if (settings_read(cli->config, &settings, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	if (guest_resources_open(definition, &settings, NULL, &resources, &err) < 0) {
		settings_free(&settings);
		return cli_fail(EXIT_FAILED, "%s", err.text);
	}
	use_keys(run, &resources);
	end = guest_process_run(&config, &err);
	guest_resources_close(&resources);
	settings_free(&settings);
	return judge_end(end, definition, run, &err, again);
}

enum exit_code command_run(struct cli *cli, int argc, char **argv)
{
	struct run_options run = {0};
	struct guest_definition *definition = NULL;
	struct boot_recorder recorder;
	struct error err = {""};
	enum exit_code code = EXIT_DONE;
	uint64_t started_ns = now_ns();
	bool again = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:m:d:n:i:a:", options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		code = take_option(option, &run);
		if (code != EXIT_DONE)
			return code;
	}
	if (optind != argc - 1)
		return cli_usage("run", optind == argc ? "which FILE?" : "one FILE is run");
	code = read_definition(&run, argv[optind], &definition, &err);
	if (code != EXIT_DONE)
		return code;
	definition->allow_unsigned = run.allow_unsigned;
	boot_recorder_start(&recorder, definition->name, true);
	code = run_guest(cli, &run, definition, &recorder, &again);
	if (run.boot_report && write_boot_report(run.boot_report, &recorder) != EXIT_DONE)
		code = EXIT_FAILED;
	definition_free(definition);
	return again ? start_again(cli->argv, started_ns) : code;
}
