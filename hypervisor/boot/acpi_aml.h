/*
 * Writes ACPI Machine Language, the byte code of the DSDT (ACPI 6.5, chapter 20), for as much of ASL as
 * describing the machine takes: scopes, devices, names, packages, resource templates, registers in port
 * space, and methods that compare, notify and store.
 *
 *     size_t device = aml_device_begin(&aml, "COM1");
 *     aml_name_eisa_id(&aml, "_HID", "PNP0501");
 *     size_t resources = aml_resources_begin(&aml, "_CRS");
 *     aml_resource_io(&aml, 0x3f8, 8);
 *     aml_resources_end(&aml, resources);
 *     aml_end(&aml, device);
 *
 * What a _begin returns goes to the matching end, innermost first. The writer never leaves its buffer: once
 * something did not fit, `full` is set and nothing more is written, so it is enough to look at it at the end.
 * Names are the program's own constants: a path is up to four letters a segment, a dot between, a backslash
 * for the root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;
	size_t size;
	size_t used;
	bool full;
};

/* Raw bytes; also how what lies around the AML (the table's header) is written. */
void aml_bytes(struct aml *aml, const void *bytes, size_t count);

size_t aml_scope_begin(struct aml *aml, const char *path);
size_t aml_device_begin(struct aml *aml, const char *name);
size_t aml_method_begin(struct aml *aml, const char *name, unsigned arguments);
/* If (ArgN == value) */
size_t aml_if_argument_is_begin(struct aml *aml, unsigned argument, uint64_t value);
/* If (ArgN == Buffer () { bytes }) */
size_t aml_if_argument_is_buffer_begin(struct aml *aml, unsigned argument, const void *bytes, uint8_t count);
/* If (LocalN & bits) */
size_t aml_if_local_has_begin(struct aml *aml, unsigned local, uint32_t bits);
size_t aml_else_begin(struct aml *aml); /* right behind the end of the If */
size_t aml_package_begin(struct aml *aml, const char *name, uint8_t elements);
size_t aml_element_package_begin(struct aml *aml, uint8_t elements); /* inside of another package */
/* Fields of 32 bits in a region, from its beginning. */
size_t aml_fields_begin(struct aml *aml, const char *region);
void aml_end(struct aml *aml, size_t mark);

void aml_integer(struct aml *aml, uint64_t value);
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
void aml_name_string(struct aml *aml, const char *name, const char *text);
/* id: three capital letters and four hexadecimal digits, packed into 32 bits (19.3.4 EISAID) */
void aml_name_eisa_id(struct aml *aml, const char *name, const char *id);
void aml_name_buffer(struct aml *aml, const char *name, const void *bytes, uint8_t count);
void aml_store_integer(struct aml *aml, uint64_t value, const char *into);
void aml_store_local(struct aml *aml, const char *from, unsigned local); /* LocalN = from */
void aml_store_argument(struct aml *aml, unsigned argument, const char *into);
void aml_or_integer(struct aml *aml, const char *into, uint64_t bits);
void aml_return_integer(struct aml *aml, uint64_t value);
void aml_return_argument(struct aml *aml, unsigned argument);
/* A name for the 32 bits at a byte offset of a buffer that was passed. */
void aml_argument_dword(struct aml *aml, unsigned argument, unsigned offset, const char *name);
/* Ports under a name, for fields. */
void aml_region_io(struct aml *aml, const char *name, uint16_t port, uint8_t count);
void aml_field_dword(struct aml *aml, const char *name);
void aml_notify(struct aml *aml, const char *path, uint8_t value);

/* A resource template (6.4) under a name. */
size_t aml_resources_begin(struct aml *aml, const char *name);
void aml_resource_io(struct aml *aml, uint16_t port, uint8_t count);
void aml_resource_memory32(struct aml *aml, uint32_t base, uint32_t size);
/* What a bridge hands on to the bus behind it. */
void aml_resource_buses(struct aml *aml, uint16_t first, uint16_t count);
void aml_resource_window32(struct aml *aml, uint32_t base, uint32_t size);
/* edge triggered, active high */
void aml_resource_interrupt(struct aml *aml, uint32_t gsi, bool shared);
void aml_resources_end(struct aml *aml, size_t mark);
