#include <criterion/criterion.h>

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
