/* The domain itself: names, texts, metadata. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
static const struct rule rules[] = {
	FIXED  ("@type", "kvm"),
	IGNORE ("@type", "every guest runs on KVM", WHEN(".=qemu|test")),
	REFUSE ("@type", "a guest runs on KVM: give type=\"kvm\""),
	IGNORE ("@id", "a number that the guest had while it ran"),
	MAP    ("name", "name", name),
	MAP    ("uuid", "uuid", text),
	REFUSE ("genid", "a guest is told of no generation"),
	MAP    ("title", "title", title),
	MAP    ("description", "description", text),

	HOLD   ("metadata"),
	SPECIAL("metadata/*", metadata, "other programs' elements, one for each namespace, are kept as they are",
		.key = "metadata"),
	HOLD   ("metadata/rastos:guest"),
	MAP    ("metadata/rastos:guest/@role", "role", role, ELSE("\"server\"")),
	MAP    ("metadata/rastos:guest/@ready", "ready", ready, ELSE("\"notify\"")),
	MAP    ("metadata/rastos:guest/@autostart", "autostart", yes_no, ELSE("true")),
	MAP    ("metadata/rastos:guest/@image", "image", path),
	MAP    ("metadata/rastos:guest/@configuration", "configuration", line),
	MAP    ("metadata/rastos:guest/@protocol", "kernel.protocol", protocol, ELSE("\"auto\"")),
	MAP    ("metadata/rastos:guest/@placement", "cpus.placement", placement, ELSE("\"shared\"")),
	MAP    ("metadata/rastos:guest/@transport", "transport", transport, ELSE("\"mmio\"")),
	MAP    ("metadata/rastos:guest/@vsock", "vsock.path", path),
	SPECIAL("metadata/rastos:guest/rastos:depends", depends, "a guest that must be ready before this one starts",
		.key = "depends_on", MANY),
	SPECIAL("metadata/rastos:guest/rastos:value", remainder_value,
		"any other value of the definition that domain XML cannot say, as JSON", MANY),
	HOLD   ("metadata/rastos:guest/rastos:value/@pointer"),
	SPECIAL("metadata/rastos:guest/rastos:absent", remainder_absent,
		"a value that domain XML must say, and the definition does not", MANY),
	HOLD   ("metadata/rastos:guest/rastos:absent/@pointer"),
};
/* clang-format on */

const struct rule_group about_group = {"The guest", RULES_OF(rules)};
