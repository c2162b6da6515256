#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "rinit/uevent.h"

static struct uevent event;

Test(uevent, parts_are_found)
{
	static const char message[] =
		"add@/devices/x\0ACTION=add\0SUBSYSTEM=virtio\0MODALIAS=virtio:d00000002v00001AF4\0DEVNAME=vda\0SEQNUM=7";

	cr_assert(uevent_parse(message, sizeof(message), &event));
	cr_assert_str_eq(event.action, "add");
	cr_assert_str_eq(event.subsystem, "virtio");
	cr_assert_str_eq(event.modalias, "virtio:d00000002v00001AF4");
	cr_assert_str_eq(event.devname, "vda");
	cr_assert_str_eq(event.synthetic, "");
}

Test(uevent, what_is_missing_is_empty)
{
	static const char message[] = "add@/devices/x\0ACTION=add";

	cr_assert(uevent_parse(message, sizeof(message), &event));
	cr_assert_str_eq(event.modalias, "");
}

Test(uevent, an_event_that_somebody_asked_for_is_synthetic)
{
	static const char message[] = "add@/devices/x\0ACTION=add\0SYNTH_UUID=0\0SUBSYSTEM=pci";

	cr_assert(uevent_parse(message, sizeof(message), &event));
	cr_assert_str_eq(event.synthetic, "0");
	cr_assert_str_eq(event.subsystem, "pci");
}

Test(uevent, messages_that_are_none_are_refused)
{
	static const char udev[] = "libudev\0ACTION=add", no_action[] = "add@/x\0SUBSYSTEM=y";

	cr_assert_not(uevent_parse(udev, sizeof(udev), &event));
	cr_assert_not(uevent_parse(no_action, sizeof(no_action), &event));
	cr_assert_not(uevent_parse("", 0, &event));
	cr_assert_not(uevent_parse("add@/x\0ACTION=add", 17, &event), "no zero byte at its end");
}

static char folder[] = "/tmp/rinit-nodes-XXXXXX";

static bool node_is(const char *name, mode_t mode, unsigned int major, unsigned int minor)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return !lstat(path, &status) && status.st_mode == mode && status.st_rdev == makedev(major, minor);
}

static void node_event(const char *action, const char *subsystem, const char *devname, const char *major,
		       const char *devmode)
{
	uevent_node(&(struct uevent){.action = action,
				     .subsystem = subsystem,
				     .modalias = "",
				     .devname = devname,
				     .major = major,
				     .minor = "3",
				     .devmode = devmode},
		    folder);
}

Test(uevent, nodes_are_made_and_removed)
{
	char command[64];

	if (geteuid())
		cr_skip_test("needs root, to make device nodes");
	umask(022);
	cr_assert_not_null(mkdtemp(folder));
	node_event("add", "block", "vda", "254", "");
	cr_assert(node_is("vda", S_IFBLK | 0600, 254, 3));
	node_event("add", "mem", "a/b/null", "1", "0666");
	cr_assert(node_is("a/b/null", S_IFCHR | 0666, 1, 3));
	node_event("change", "mem", "zero", "1", "");
	node_event("add", "net", "eth0", "", "");
	node_event("add", "mem", "../up", "1", "");
	cr_assert_not(node_is("zero", S_IFCHR | 0600, 1, 3));
	cr_assert_not(node_is("eth0", S_IFCHR | 0600, 0, 3));
	cr_assert_neq(access("/tmp/up", F_OK), 0);
	node_event("remove", "block", "vda", "254", "");
	cr_assert_not(node_is("vda", S_IFBLK | 0600, 254, 3));
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}
