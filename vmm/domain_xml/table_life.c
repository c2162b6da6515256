/* What follows when it ends. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
static const struct rule rules[] = {
	MAP    ("on_poweroff", "on_poweroff", action, ELSE("\"destroy\"")),
	MAP    ("on_reboot", "on_reboot", action, ELSE("\"restart\"")),
	MAP    ("on_crash", "on_crash", action, ELSE("\"destroy\"")),
	REFUSE ("on_lockfailure", "a guest whose disk is locked does not start"),
};
/* clang-format on */

const struct rule_group life_group = {"Its end", RULES_OF(rules)};
