/* rastos-vmm run: one guest in the foreground. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "hypervisor/boot/fit.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/definition_file.h"
#include "vmm/cli/guest_options.h"
#include "vmm/cli/options.h"
#include "vmm/config/definition.h"
#include "vmm/guest/display_start.h"
#include "vmm/guest/opening.h"
#include "vmm/guest/process.h"
#include "vmm/plan/apply.h"

#define NS_PER_SECOND 1000000000ULL
#define RESTART_NS    NS_PER_SECOND /* from one start of a guest that reboots to the next, at least */

static const char usage_begin[] =
	"Usage: rastos-vmm run [OPTIONS] FILE\n\n"
	"Runs one guest in the foreground, its console on this terminal, without a manager.\n"
	"FILE is a guest definition (NAME.json, or libvirt domain XML, NAME.xml), a boot image (NAME.itb), a kernel (vmlinux, bzImage), or a raw\n"
	"disk or an image of the pool, which is booted by the kernel in its /boot.\n"
	"Ctrl-] asks the guest to power off, once more ends it at once; so do SIGINT and SIGTERM.\n\n"
	"Options:\n";

static const char usage_more[] =
	"      --key FILE          public key that boot images must be signed by; may be given more than once\n"
	"                          (default: the keys of the configuration)\n"
	"      --allow-unsigned    boot an image although no signature verifies\n"
	"      --no-reboot         end when the guest reboots, with exit status 0\n"
	"      --no-validate       do not look at libvirt's schema of domain XML (package libvirt0)\n"
	"      --boot-report FILE  write the boot report as JSON when the guest has ended\n"
	"      --help              show this help\n\n"
	"Exit status: 0 the guest powered off, 1 it crashed or could not start, 2 usage, 4 refused.\n";

enum {
	OPT_KEY = 256,
	OPT_ALLOW_UNSIGNED,
	OPT_NO_REBOOT,
	OPT_BOOT_REPORT,
	OPT_NO_VALIDATE,
	OPT_HELP,
};

static const struct option options[] = {
	GUEST_OPTIONS_LONG,
	{"key", required_argument, NULL, OPT_KEY},
	{"allow-unsigned", no_argument, NULL, OPT_ALLOW_UNSIGNED},
	{"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
	{"boot-report", required_argument, NULL, OPT_BOOT_REPORT},
	{"no-validate", no_argument, NULL, OPT_NO_VALIDATE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* What the options said, before FILE is known. */
struct run_options {
	struct guest_options guest;
	const char *boot_report;
	struct fit_key keys[SETTINGS_KEYS_MAX];
	unsigned key_count;
	bool allow_unsigned, no_reboot, no_validate;
};

static enum exit_code take_option(int option, struct run_options *run)
{
	bool taken;
	enum exit_code code = guest_options_take(&run->guest, option, "run", &taken);

	if (taken)
		return code;
	switch (option) {
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
	case OPT_NO_VALIDATE:
		run->no_validate = true;
		break;
	case OPT_BOOT_REPORT:
		run->boot_report = optarg;
		break;
	default:
		return cli_bad_option("run");
	}
	return EXIT_DONE;
}

/* The definition that the options make. */
static enum exit_code make_definition(const struct run_options *run, const char *source,
				      const struct settings *settings, struct guest_definition **definition,
				      struct error *err)
{
	AUTO_FREE char *folder = getcwd(NULL, 0);
	AUTO_FREE char *text = NULL;
	cJSON *json = NULL;

	if (run->key_count && guest_source_find(source, settings) != GUEST_SOURCE_BOOT_IMAGE)
		return cli_usage("run", "--key: is for boot images, %s is none and carries no signature",
				 source);
	if (guest_options_json(&run->guest, NULL, source, settings, &json, err) < 0)
		return cli_usage("run", "%s", err->text);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!folder || !text)
		return cli_fail(EXIT_FAILED, "out of memory");
	if (definition_parse("command line", folder, text, definition, err) < 0)
		return cli_usage("run", "%s", err->text);
	return EXIT_DONE;
}

static enum exit_code read_definition(const struct run_options *run, const char *path,
				      const struct settings *settings, struct guest_definition **definition,
				      struct error *err)
{
	const char *against = guest_options_given(&run->guest);
	struct definition_file file;
	enum exit_code code;

	if (!definition_file_is_definition(path))
		return make_definition(run, path, settings, definition, err);
	if (against)
		return cli_usage("run", "%s: cannot be combined with a definition, which says it itself",
				 against);
	code = definition_file_read(path, run->no_validate, &file);
	if (code != EXIT_DONE)
		return code;
	if (definition_parse(file.name, file.folder, file.text, definition, err) < 0)
		code = cli_fail(EXIT_FAILED, "%s", err->text);
	else
		definition_file_tell(&file);
	definition_file_free(&file);
	return code;
}

/* --key replaces the configuration's keys. */
static int use_keys(const struct run_options *run, struct guest_resources *resources, struct error *err)
{
	int code = 0;

	if (!run->key_count)
		return 0;
	settings_keys_free(resources->keys, resources->key_count);
	resources->key_count = 0;
	for (unsigned i = 0; i < run->key_count && code == 0; i++) {
		resources->keys[i] = (struct fit_key){
			.name = strdup(run->keys[i].name),
			.path = strdup(run->keys[i].path),
		};
		resources->key_count++;
		code = settings_key_read(&resources->keys[i], err);
	}
	return code;
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

/* A reboot starts this command anew: a fresh process is a fresh machine, and only the disks survive. */
static enum exit_code start_again(char *const *whole_argv, uint64_t started_ns)
{
	uint64_t lived_ns = monotonic_ns() - started_ns;
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
	case MACHINE_WATCHDOG:
		*again = definition->watchdog.action == WATCHDOG_POWEROFF
				 ? definition->on_poweroff == GUEST_ACTION_RESTART
				 : !run->no_reboot && definition->on_reboot == GUEST_ACTION_RESTART;
		return cli_fail(EXIT_FAILED, "%s", why->text);
	case MACHINE_CRASHED:
		*again = definition->on_crash == GUEST_ACTION_RESTART;
		return cli_fail(EXIT_FAILED, "%s", why->text);
	default:
		return cli_fail(EXIT_FAILED, "%s", why->text);
	}
}

static void tell_display(const struct guest_definition *definition, uint16_t port)
{
	char uri[DISPLAY_URI_MAX];

	display_uri(&definition->graphics, port, uri);
	fprintf(stderr, "rastos-vmm: guest %s: its screen is at %s\n", definition->name, uri);
}

static enum exit_code run_guest(const struct settings *settings, const struct run_options *run,
				struct guest_definition *definition, struct boot_recorder *recorder,
				bool *again)
{
	struct guest_resources resources;
	struct guest_opening opening;
	struct error err = {0};
	struct guest_process_config config = {
		.definition = definition,
		.resources = &resources,
		.recorder = recorder,
		.control_fd = -1,
		.listen_fd = -1,
		.last_words_fd = -1,
		.console_log_fd = -1,
		.broker_fd = -1,
		.confinement = GUEST_OF_USER,
		.terminal = true,
	};
	const struct disk_backend_place place = {.jail = settings->jail, .cgroup_fd = -1, .id_slot = -1};
	enum machine_end end;
	int code;

	guest_opening_begin(&opening, definition, settings, NULL, &place, &resources);
	code = guest_opening_wait(&opening, &err);
	guest_opening_end(&opening);
	if (code < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	if (definition->wants.quota_us) {
		guest_resources_close(&resources);
		return cli_fail(EXIT_REFUSED, "guest %s: cpus.global_quota: only a manager has control groups",
				definition->name);
	}
	if (plan_apply_alone(definition, &err) < 0) {
		guest_resources_close(&resources);
		return cli_fail(EXIT_REFUSED, "%s", err.text);
	}
	if (resources.display_fd >= 0)
		tell_display(definition, resources.display_port);
	end = use_keys(run, &resources, &err) < 0 ? MACHINE_FAILED : guest_process_run(&config, &err);
	guest_resources_close(&resources);
	display_forget(&definition->graphics);
	return judge_end(end, definition, run, &err, again);
}

/* Runs the guest of the definition and writes its report. */
static enum exit_code run_definition(const struct run_options *run, const struct settings *settings,
				     struct guest_definition *definition, bool *again)
{
	struct boot_recorder recorder;
	enum exit_code code;

	definition->allow_unsigned = run->allow_unsigned;
	boot_recorder_start(&recorder, definition->name, 0);
	code = run_guest(settings, run, definition, &recorder, again);
	if (run->boot_report && write_boot_report(run->boot_report, &recorder) != EXIT_DONE)
		code = EXIT_FAILED;
	return code;
}

enum exit_code command_run(struct cli *cli, int argc, char **argv)
{
	struct run_options run = {0};
	struct guest_definition *definition = NULL;
	struct settings settings;
	struct error err = {0};
	enum exit_code code = EXIT_DONE;
	uint64_t started_ns = monotonic_ns();
	bool again = false;
	int option;

	while ((option = options_next(argc, argv, GUEST_OPTIONS_SHORT, options)) != -1) {
		if (option == OPT_HELP) {
			printf("%s%s%s", usage_begin, guest_options_help, usage_more);
			return EXIT_DONE;
		}
		code = take_option(option, &run);
		if (code != EXIT_DONE)
			return code;
	}
	if (optind != argc - 1)
		return cli_usage("run", optind == argc ? "which FILE?" : "one FILE is run");
	if (settings_read(cli->config, &settings, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	code = read_definition(&run, argv[optind], &settings, &definition, &err);
	if (code == EXIT_DONE)
		code = run_definition(&run, &settings, definition, &again);
	definition_free(definition);
	settings_free(&settings);
	return again ? start_again(cli->argv, started_ns) : code;
}
