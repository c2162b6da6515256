/* rastos-vmm info: all that is known of a guest. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/table.h"
#include "vmm/guest/boot_report.h"

#define LABEL 13 /* columns */

static const char usage[] =
	"Usage: rastos-vmm info [--json] GUEST...\n\n"
	"Shows what guests are made of, how they are, and where they are kept.\n\n"
	"      --json    print one JSON object a guest, one a line: the definition and the boot report are in it\n"
	"      --help    show this help\n";

/* One line, unless the text is empty. label: "" for a second line of the same. */
static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *label, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *clean = NULL;
	char before[32] = "";
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	clean = text ? table_printable(text) : NULL;
	if (!clean || !*clean)
		return;
	if (*label)
		snprintf(before, sizeof(before), "%s:", label);
	printf("%-*s%s\n", LABEL, before, clean);
}

static void print_state(const cJSON *guest)
{
	char uptime[16];

	answer_duration(uptime, answer_number(guest, "uptime_s"));
	if (answer_number(guest, "pid") > 0)
		line("State", "%s, for %s, process %.0f", answer_text(guest, "state"), uptime,
		     answer_number(guest, "pid"));
	else
		line("State", "%s", answer_text(guest, "state"));
	line("Why", "%s", answer_text(guest, "why"));
	line("Status", "%s", answer_text(guest, "status"));
	if (answer_number(guest, "restarts") > 0)
		line("Restarts", "%.0f in a row", answer_number(guest, "restarts"));
}

static void print_boots(const cJSON *definition)
{
	const cJSON *kernel = cJSON_GetObjectItemCaseSensitive(definition, "kernel");

	line("Image", "%s", answer_text(definition, "image"));
	line("Kernel", "%s", answer_text(kernel, "path"));
	line("Initrd", "%s", answer_text(kernel, "initrd"));
	line("Cmdline", "%s", answer_text(kernel, "cmdline"));
}

/* Where its bytes are: a file, an image of the pool, or a server's export. */
static void disk_place(const cJSON *disk, char *place, size_t size)
{
	const cJSON *source = cJSON_GetObjectItemCaseSensitive(disk, "source");
	const char *host = answer_text(source, "host");

	if (source)
		snprintf(place, size, "%s export %s of %s", answer_text(source, "protocol"),
			 answer_text(source, "name"), *host ? host : answer_text(source, "socket"));
	else if (*answer_text(disk, "image"))
		snprintf(place, size, "image %s", answer_text(disk, "image"));
	else
		snprintf(place, size, "%s", answer_text(disk, "path"));
}

static void print_disks(const cJSON *definition)
{
	const char *label = "Disks";
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(definition, "disks"))
	{
		const char *id = answer_text(item, "id");
		const char *cache = answer_text(item, "cache");
		char place[4352];

		disk_place(item, place, sizeof(place));
		line(label, "%s%s%s%s%s%s", place, *id ? ", id " : "", id,
		     cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "read_only")) ? ", read-only" : "",
		     *cache ? ", cache " : "", cache);
		label = "";
	}
}

static void print_filesystems(const cJSON *definition)
{
	const char *label = "Shares";
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(definition, "filesystems"))
	{
		const char *mount = answer_text(item, "mount");

		line(label, "%s, tag %s%s%s%s", answer_text(item, "path"), answer_text(item, "tag"),
		     *mount ? ", mounted at " : "", mount,
		     cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "read_only")) ? ", read-only" : "");
		label = "";
	}
}

/* The address of the card at this place in the definition; "" when none is known. */
static const char *card_address(const cJSON *guest, int card)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(guest, "networks"))
	{
		if ((int)answer_number(item, "card") == card)
			return answer_text(item, "address");
	}
	return "";
}

static void print_networks(const cJSON *guest, const cJSON *definition)
{
	static const char *const targets[] = {"network", "bridge", "device"};
	const char *label = "Networks";
	const cJSON *item, *port;
	int card = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(definition, "networks"))
	{
		const char *address = card_address(guest, card++);
		const char *target = "";

		for (unsigned i = 0; i < ARRAY_SIZE(targets) && !*target; i++)
			target = answer_text(item, targets[i]);
		line(label, "%s%s%s%s%s", answer_text(item, "type"), *target ? " " : "", target,
		     *address ? ", " : "", address);
		label = "";
		cJSON_ArrayForEach(port, cJSON_GetObjectItemCaseSensitive(item, "publish"))
		{
			line("", "  published: %s", cJSON_IsString(port) ? port->valuestring : "?");
		}
	}
}

static void print_dependencies(const cJSON *definition)
{
	const char *label = "Depends on";
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(definition, "depends_on"))
	{
		line(label, "%s", cJSON_IsString(item) ? item->valuestring : "?");
		label = "";
	}
}

static void print_ready(const cJSON *guest)
{
	struct boot_report report;

	if (boot_report_from_json(cJSON_GetObjectItemCaseSensitive(guest, "boot_report"), &report) == 0 &&
	    report.steps[BOOT_STEP_READY].reached)
		line("Ready", "after %.1f ms", (double)report.steps[BOOT_STEP_READY].wall_ns / 1e6);
}

static void print_guest(const cJSON *guest)
{
	const cJSON *definition = cJSON_GetObjectItemCaseSensitive(guest, "definition");

	line("Name", "%s", answer_text(guest, "name"));
	line("Title", "%s", answer_text(definition, "title"));
	line("UUID", "%s", answer_text(definition, "uuid"));
	line("Role", "%s", answer_text(guest, "role"));
	print_state(guest);
	print_ready(guest);
	if (cJSON_HasObjectItem(guest, "max_vcpus"))
		line("vCPUs", "%.0f of %.0f", answer_number(guest, "vcpus"),
		     answer_number(guest, "max_vcpus"));
	else
		line("vCPUs", "%.0f", answer_number(guest, "vcpus"));
	line("Memory", "%.0f MiB", answer_number(guest, "memory_mib"));
	print_boots(definition);
	print_disks(definition);
	print_filesystems(definition);
	print_networks(guest, definition);
	line("Display", "%s", answer_text(guest, "display"));
	print_dependencies(definition);
	line("Autostart", "%s",
	     cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(guest, "autostart")) ? "yes" : "no");
	line("Definition", "%s", answer_text(guest, "file"));
	line("Folder", "%s", answer_text(guest, "folder"));
	if (cJSON_HasObjectItem(guest, "next_definition"))
		line("Changed", "a new definition counts from the next start on");
}

static enum exit_code show(const struct cli *cli, const char *name, bool json, bool first)
{
	cJSON *guest = NULL;
	enum exit_code code = client_do(cli, "info", name, &guest);

	if (code != EXIT_DONE)
		return code;
	if (json) {
		cli_print_json(guest);
		return EXIT_DONE;
	}
	if (!first)
		putchar('\n');
	print_guest(guest);
	cJSON_Delete(guest);
	return EXIT_DONE;
}

enum exit_code command_info(struct cli *cli, int argc, char **argv)
{
	int json = false;
	const struct option options[] = {
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code, first = EXIT_DONE;

	if (!switches_take("info", usage, argc, argv, options, &code))
		return code;
	if (optind == argc)
		return cli_usage("info", "which guest?");
	for (int i = optind; i < argc; i++) {
		code = show(cli, argv[i], json, i == optind);
		if (first == EXIT_DONE)
			first = code;
	}
	return first;
}
