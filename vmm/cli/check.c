/* rastos-vmm check: can this host run guests, and if not, what mends it? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "hypervisor/kvm/kvm.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/jail_check.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/table.h"
#include "vmm/config/mode.h"
#include "vmm/config/settings.h"

static const char usage[] =
	"Usage: rastos-vmm check [--json]\n\n"
	"Tells whether this host can run guests: hardware virtualization, /dev/kvm and what we need of it, and what the\n"
	"configured guests need besides. Each thing that is missing comes with the command that mends it.\n\n"
	"Exit status: 0 guests run here, 1 they do not.\n";

enum verdict {
	VERDICT_OK,
	VERDICT_WARNING, /* guests run, something that some of them need is missing */
	VERDICT_FAILED,  /* guests do not run */
};

struct finding {
	const char *name;
	enum verdict verdict;
	char text[512];
	const char *mend; /* NULL: nothing to do */
};

#define FINDINGS_MAX 24
#define HUGE_PAGES   "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

struct findings {
	unsigned count;
	struct finding items[FINDINGS_MAX];
};

static struct finding *add(struct findings *findings, const char *name, enum verdict verdict,
			   const char *text, const char *mend)
{
	struct finding *finding = &findings->items[findings->count++];

	*finding = (struct finding){.name = name, .verdict = verdict, .mend = mend};
	snprintf(finding->text, sizeof(finding->text), "%s", text);
	return finding;
}

static void check_cpu(struct findings *findings)
{
	const char *vendor = NULL;

	if (kvm_hardware(&vendor))
		add(findings, "cpu", VERDICT_OK, vendor, NULL);
	else
		add(findings, "cpu", VERDICT_FAILED,
		    "the CPU does not offer vmx or svm: KVM, if there is one, runs guest kernels in an instruction "
		    "emulator, which a Linux guest does not survive",
		    "turn on VT-x or AMD-V in the firmware, or nested virtualization on the machine around this one; "
		    "`./rastos up --metal` runs an emulated machine meanwhile");
}

/* kvm_explain ends with what to do about these, behind the last colon. */
static bool kvm_explain_mends(int code)
{
	return code == -ENOENT || code == -ENODEV || code == -ENXIO || code == -EACCES || code == -EPERM;
}

static void check_kvm(struct findings *findings)
{
	struct finding *finding;
	struct error err;
	struct kvm kvm;
	char *colon;
	int code = kvm_device_open(&err);

	if (code >= 0)
		code = kvm_open(&kvm, code, &err);
	if (code == 0) {
		kvm_close(&kvm);
		add(findings, "kvm", VERDICT_OK, KVM_DEVICE " opens and has all that we need", NULL);
		return;
	}
	finding = add(findings, "kvm", VERDICT_FAILED, err.text, NULL);
	colon = kvm_explain_mends(code) ? strrchr(finding->text, ':') : NULL;
	if (colon && colon[1] == ' ') {
		*colon = '\0';
		finding->mend = colon + 2;
	}
}

/* Guest memory is a memfd that asks for huge pages; this file decides whether it gets them (Linux
 * Documentation/admin-guide/mm/transhuge.rst). */
static void check_huge_pages(struct findings *findings)
{
	AUTO_CLOSE int fd = open(HUGE_PAGES, O_RDONLY | O_CLOEXEC);
	char choice[128] = "";

	if (fd < 0 || read(fd, choice, sizeof(choice) - 1) < 0)
		add(findings, "huge-pages", VERDICT_WARNING,
		    "guests are slower than they could be: this kernel has no huge pages for their memory",
		    "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE=y");
	else if (strstr(choice, "[never]") || strstr(choice, "[deny]"))
		add(findings, "huge-pages", VERDICT_WARNING,
		    "guests are slower than they could be: their memory gets no huge pages",
		    "echo advise >" HUGE_PAGES);
	else
		add(findings, "huge-pages", VERDICT_OK, "guest memory gets huge pages", NULL);
}

static void check_passt(struct findings *findings)
{
	if (access("/usr/bin/passt", X_OK) == 0)
		add(findings, "passt", VERDICT_OK, "networks without root are possible", NULL);
	else
		add(findings, "passt", VERDICT_WARNING,
		    "guests with a passt network cannot start: passt is not installed",
		    "apt-get install passt");
}

static void check_displays(struct findings *findings)
{
	if (access("/usr/lib/x86_64-linux-gnu/libvncserver.so.1", R_OK) == 0)
		add(findings, "displays", VERDICT_OK, "guests' screens can be shown", NULL);
	else
		add(findings, "displays", VERDICT_WARNING,
		    "guests' screens cannot be shown: libvncserver is not installed",
		    "apt-get install libvncserver1");
}

/* Programs that read and make disks; what for, and their packages. */
static void check_disks(struct findings *findings)
{
	static const struct {
		const char *path, *lacking, *install;
	} programs[] = {
		{"/sbin/debugfs", "disks cannot be booted by their own kernel: debugfs is not installed",
		 "apt-get install e2fsprogs"},
		{"/sbin/sfdisk", "disks cannot be booted by their own kernel: sfdisk is not installed",
		 "apt-get install fdisk"},
		{"/usr/bin/qemu-img", "qcow2 images cannot be imported: qemu-img is not installed",
		 "apt-get install qemu-utils"},
		{"/usr/bin/qemu-storage-daemon",
		 "guests with qcow2, VMDK, VHDX, LUKS, NBD or transient disks cannot start: qemu-storage-daemon is not installed",
		 "apt-get install qemu-system-common"},
		{"/usr/lib/qemu/virtiofsd",
		 "guests cannot share the host's directories: virtiofsd is not installed",
		 "apt-get install qemu-system-common"},
		{"/usr/bin/umoci", "OCI images cannot be imported: umoci is not installed",
		 "apt-get install umoci"},
		{"/usr/bin/skopeo", "Docker's image archives cannot be imported: skopeo is not installed",
		 "apt-get install skopeo"},
	};
	bool whole = true;

	for (unsigned i = 0; i < ARRAY_SIZE(programs); i++) {
		if (access(programs[i].path, X_OK) == 0)
			continue;
		whole = false;
		add(findings, "disks", VERDICT_WARNING, programs[i].lacking, programs[i].install);
	}
	if (whole)
		add(findings, "disks", VERDICT_OK, "disk images can be imported and booted", NULL);
}

static void check_vhost_net(struct findings *findings)
{
	AUTO_CLOSE int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	char text[256];

	if (fd >= 0) {
		add(findings, "vhost-net", VERDICT_OK, "the host's kernel moves the frames of TAP networks",
		    NULL);
		return;
	}
	snprintf(text, sizeof(text),
		 "guests' processes move the frames of TAP networks themselves: /dev/vhost-net: %s",
		 strerror(errno));
	add(findings, "vhost-net", VERDICT_WARNING, text, "modprobe vhost_net");
}

static void check_tun(struct findings *findings)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	char text[128];

	if (fd >= 0) {
		add(findings, "tun", VERDICT_OK, "TAP networks are possible", NULL);
		return;
	}
	snprintf(text, sizeof(text), "guests with a TAP network cannot start: /dev/net/tun: %s",
		 strerror(errno));
	add(findings, "tun", VERDICT_WARNING, text, "modprobe tun");
}

static void check_jail(const struct settings *settings, struct findings *findings)
{
	struct error err;

	if (!settings->jail)
		add(findings, "jail", VERDICT_WARNING,
		    "guests run without a jail: \"jail\" is false in vmm.json", NULL);
	else if (jail_check(settings, &err) < 0)
		add(findings, "jail", VERDICT_FAILED, err.text, NULL);
	else
		add(findings, "jail", VERDICT_OK, "each guest gets one", NULL);
}

static bool is_installed(const char *tool)
{
	static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", folders[i], tool);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* What the networks of this host are made with (vmm/net/networks.h). */
static void check_networks(struct findings *findings)
{
	static const char *const tools[][2] = {
		{"ip", "apt-get install iproute2"},
		{"nft", "apt-get install nftables"},
		{"dnsmasq", "apt-get install dnsmasq-base"},
	};
	char text[128];

	for (unsigned i = 0; i < ARRAY_SIZE(tools); i++) {
		if (is_installed(tools[i][0]))
			continue;
		snprintf(text, sizeof(text), "networks of this host cannot be made: %s is not installed",
			 tools[i][0]);
		add(findings, "networks", VERDICT_WARNING, text, tools[i][1]);
		return;
	}
	if (geteuid() == 0)
		add(findings, "networks", VERDICT_OK, "networks of this host are possible", NULL);
	else
		add(findings, "networks", VERDICT_OK, "networks of this host are possible for root's manager",
		    NULL);
}

static void check_configuration(struct cli *cli, struct findings *findings)
{
	struct fit_key keys[SETTINGS_KEYS_MAX];
	struct settings settings;
	struct error err;
	enum mode mode;
	unsigned count;
	char text[512];

	if (settings_read(cli->config, &settings, &err) < 0) {
		add(findings, "configuration", VERDICT_FAILED, err.text, NULL);
		return;
	}
	if (mode_read(settings.mode_file, &mode, &err) < 0)
		add(findings, "mode", VERDICT_FAILED, err.text, NULL);
	else
		add(findings, "mode", VERDICT_OK, mode_name(mode), NULL);
	if (settings_keys(&settings, keys, &count, &err) < 0) {
		add(findings, "keys", VERDICT_FAILED, err.text, NULL);
	} else {
		snprintf(text, sizeof(text), "%u in %s%s", count, settings.keys_dir,
			 count ? "" : ": no boot image can be verified");
		add(findings, "keys", count ? VERDICT_OK : VERDICT_WARNING, text,
		    count ? NULL : "put the public key that signs your images there, as NAME.pem");
		settings_keys_free(keys, count);
	}
	check_jail(&settings, findings);
	settings_free(&settings);
}

static const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"ok", "warning", "failed"};

	return names[verdict];
}

static void print_findings(const struct findings *findings, bool usable)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"}; /* of the verdicts */
	bool coloured = table_coloured(stdout);

	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];

		printf("%s%-8s%s %-14s %s\n", coloured ? colours[finding->verdict] : "",
		       verdict_name(finding->verdict), coloured ? "\033[0m" : "", finding->name,
		       finding->text);
		if (finding->mend)
			printf("%-8s %-14s -> %s\n", "", "", finding->mend);
	}
	puts(usable ? "Guests run here." : "Guests do not run here.");
}

static void print_findings_json(const struct findings *findings, bool usable)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list;

	cJSON_AddBoolToObject(json, "usable", usable);
	list = cJSON_AddArrayToObject(json, "checks");
	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", finding->name);
		cJSON_AddStringToObject(item, "verdict", verdict_name(finding->verdict));
		cJSON_AddStringToObject(item, "text", finding->text);
		if (finding->mend)
			cJSON_AddStringToObject(item, "mend", finding->mend);
		cJSON_AddItemToArray(list, item);
	}
	cli_print_json(json);
}

enum exit_code command_check(struct cli *cli, int argc, char **argv)
{
	int json = false;
	const struct option options[] = {
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code;
	struct findings findings = {0};
	bool usable = true;

	if (!switches_take("check", usage, argc, argv, options, &code))
		return code;
	if (optind != argc)
		return cli_usage("check", "takes no argument");
	check_cpu(&findings);
	check_kvm(&findings);
	check_huge_pages(&findings);
	check_passt(&findings);
	check_tun(&findings);
	check_vhost_net(&findings);
	check_disks(&findings);
	check_displays(&findings);
	check_networks(&findings);
	check_configuration(cli, &findings);
	for (unsigned i = 0; i < findings.count; i++)
		usable = usable && findings.items[i].verdict != VERDICT_FAILED;
	if (json)
		print_findings_json(&findings, usable);
	else
		print_findings(&findings, usable);
	return usable ? EXIT_DONE : EXIT_FAILED;
}
