/* The guests' dependencies as a graph. Pure. */
#pragma once

#include "common/error.h"
#include "vmm/config/definition.h"

/* -ELOOP when the dependencies of the last definition lead back to it; the sentence shows the whole circle.
 * Names that no definition has lead nowhere. */
int depends_check(const struct guest_definition *const *definitions, unsigned count, struct error *err);
