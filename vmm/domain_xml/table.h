/* Short forms of the table's rows (rule.h), one line each. What else a row has follows as designated
 * initializers. */
#pragma once

#include "vmm/domain_xml/convert.h"
#include "vmm/domain_xml/rule.h"
#include "vmm/domain_xml/special.h"

/* clang-format off */
#define MAP(path_, key_, conversion_, ...) \
	{.path = path_, .verdict = RULE_MAP, .key = key_, .conversion = &convert_##conversion_, __VA_ARGS__}
#define LIST(path_, key_, max_, ...) \
	{.path = path_, .verdict = RULE_LIST, .key = key_, .max = max_, .many = true, __VA_ARGS__}
#define SPECIAL(path_, function_, why_, ...) \
	{.path = path_, .verdict = RULE_SPECIAL, .special = &special_##function_, .why = why_, __VA_ARGS__}
#define HOLD(path_, ...)            {.path = path_, .verdict = RULE_HOLD, __VA_ARGS__}
#define FIXED(path_, value_, ...)   {.path = path_, .verdict = RULE_FIXED, .value = value_, __VA_ARGS__}
#define IGNORE(path_, why_, ...)    {.path = path_, .verdict = RULE_IGNORE, .why = why_, __VA_ARGS__}
#define REFUSE(path_, why_, ...)    {.path = path_, .verdict = RULE_REFUSE, .why = why_, __VA_ARGS__}
#define WHEN(when_)                 .when = when_
#define ELSE(fallback_)             .fallback = fallback_
#define MANY                        .many = true
/* clang-format on */

#define RULES_OF(array) (array), sizeof(array) / sizeof((array)[0])

extern const struct rule_group about_group, resource_group, os_group, cpu_group, life_group, disk_group,
	network_group, filesystem_group, display_group, device_group;
