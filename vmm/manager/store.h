/*
 * The definitions on the disk: one file a guest in the settings' guests_dir, NAME.json. A file is replaced as
 * a whole, so that a crash at any instant leaves the old definition or the new one.
 */
#pragma once

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"

/* A definition and the file it is in. */
struct stored_definition {
	struct guest_definition *definition;
	char *file;
};

/* Reads all; the caller frees the items (store_free). A file that cannot be read is an error. */
int store_read(const struct settings *settings, struct stored_definition **items, unsigned *count,
	       struct error *err);
void store_free(struct stored_definition *items, unsigned count);

/* Writes the definition into the file, or into NAME.json when *file is NULL, which is then set. */
int store_write(const struct settings *settings, const struct guest_definition *definition, char **file,
		struct error *err);
/* file may be NULL: a definition that is on no disk. */
int store_remove(const char *file, struct error *err);
