/*
 * Condition...= and Assert...= (systemd.unit(5), "Conditions and Asserts"). A condition is kept as the text
 * "Kind=value", where Kind is the key without its Condition or Assert: "PathExists=|!/path".
 */
#pragma once

#include <stdbool.h>

#include "rinit/unit.h"

/* Is it one of the kinds below, with a value it can have? 0, -ENOENT for a kind that isn't known, -EINVAL. */
int condition_check(const char *kind, const char *value);

/* Does this one hold, | and ! aside? Looks at the system. */
bool condition_holds(const char *kind, const char *value);

/*
 * All without | must hold, and one of those with |, when there are any. Returns NULL when they do, else one
 * that does not.
 */
const char *conditions_failed(const struct string_list *conditions);
