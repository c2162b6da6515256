/* What boots. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
#define NO_FIRMWARE "there is no firmware: a guest boots its kernel directly, from <kernel> or from a disk's /boot"

static const struct rule rules[] = {
	HOLD   ("os"),
	FIXED  ("os/@firmware", "bios", .key = "-"),
	REFUSE ("os/@firmware", NO_FIRMWARE),
	FIXED  ("os/type/@arch", "x86_64"),
	IGNORE ("os/type/@arch", "the guest's processor is x86_64, which runs 32-bit systems too", WHEN(".=i686")),
	REFUSE ("os/type/@arch", "guests are x86_64"),
	FIXED  ("os/type", "hvm"),
	REFUSE ("os/type", "guests are whole machines: give hvm"),
	IGNORE ("os/type/@machine", "there is one kind of machine, with virtio devices only"),
	MAP    ("os/kernel", "kernel.path", path),
	MAP    ("os/initrd", "kernel.initrd", path),
	MAP    ("os/cmdline", "kernel.cmdline", text),
	SPECIAL("os/boot", os_boot, "`hd`: the kernel in the /boot of the first disk", .key = "kernel.from_disk", MANY),
	HOLD   ("os/boot/@dev"),
	IGNORE ("os/bootmenu", "there is no firmware that could show a menu"),
	IGNORE ("os/bios", "there is no firmware that could print, or reboot"),
	REFUSE ("os/loader", NO_FIRMWARE),
	REFUSE ("os/nvram", NO_FIRMWARE),
	REFUSE ("os/firmware", NO_FIRMWARE),
	REFUSE ("os/dtb", "an x86 guest has no device tree"),
	REFUSE ("os/smbios", "a guest is told its UUID only"),
	REFUSE ("os/acpi", "a guest's ACPI tables are its host's work"),
	REFUSE ("os/init", "a guest is a whole machine, no container"),
	REFUSE ("bootloader", "a guest boots from <kernel>, or from a disk's /boot"),
	REFUSE ("sysinfo", "a guest is told its UUID only"),
};
/* clang-format on */

const struct rule_group os_group = {"What boots", RULES_OF(rules)};
