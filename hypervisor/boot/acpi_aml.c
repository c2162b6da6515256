#include "hypervisor/boot/acpi_aml.h"

#include <string.h>

#include "common/util.h"

/* ACPI 6.5, 20.3: AML byte stream byte values */
enum aml_op {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE_PREFIX = 0x0a,
	AML_WORD_PREFIX = 0x0b,
	AML_DWORD_PREFIX = 0x0c,
	AML_STRING_PREFIX = 0x0d,
	AML_QWORD_PREFIX = 0x0e,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_METHOD = 0x14,
	AML_DUAL_NAME_PREFIX = 0x2e,
	AML_MULTI_NAME_PREFIX = 0x2f,
	AML_EXT_PREFIX = 0x5b,
	AML_EXT_REGION = 0x80,
	AML_EXT_FIELD = 0x81,
	AML_EXT_DEVICE = 0x82,
	AML_LOCAL0 = 0x60,
	AML_ARG0 = 0x68,
	AML_STORE = 0x70,
	AML_AND = 0x7b,
	AML_OR = 0x7d,
	AML_NOTIFY = 0x86,
	AML_DWORD_FIELD = 0x8a,
	AML_LEQUAL = 0x93,
	AML_IF = 0xa0,
	AML_ELSE = 0xa1,
	AML_RETURN = 0xa4,
};

#define AML_METHOD_SERIALIZED 0x08 /* 20.2.5.2 MethodFlags */

/* 6.4.2 small and 6.4.3 large resource data types */
enum aml_resource {
	RESOURCE_IO = 0x47,       /* 6.4.2.5, 7 bytes follow */
	RESOURCE_END_TAG = 0x79,  /* 6.4.2.9, 1 byte follows */
	RESOURCE_MEMORY32 = 0x86, /* 6.4.3.4 32-bit fixed memory range */
	RESOURCE_DWORD = 0x87,    /* 6.4.3.5.2 DWord address space */
	RESOURCE_WORD = 0x88,     /* 6.4.3.5.3 Word address space */
	RESOURCE_INTERRUPT = 0x89 /* 6.4.3.6 extended interrupt */
};

#define RESOURCE_IO_DECODE16        0x01
#define RESOURCE_MEMORY32_LENGTH    9
#define RESOURCE_MEMORY32_WRITE     0x01
#define RESOURCE_INTERRUPT_LENGTH   6
#define RESOURCE_INTERRUPT_CONSUMER 0x01
#define RESOURCE_INTERRUPT_EDGE     0x02 /* and bit 2 clear: active high */
#define RESOURCE_INTERRUPT_SHARED   0x08

/* 6.4.3.5: what an address space descriptor says; one that the device hands on to its children */
#define RESOURCE_SPACE_MEMORY 0
#define RESOURCE_SPACE_BUS    2
#define RESOURCE_SPACE_FIXED  0x0c /* both ends */
#define RESOURCE_MEMORY_WRITE 0x01 /* 6.4.3.5.5: and not cached */
#define RESOURCE_DWORD_LENGTH 23
#define RESOURCE_WORD_LENGTH  13

#define REGION_SYSTEM_IO 1 /* 19.6.100 OperationRegion */
#define FIELD_DWORD      3 /* 19.6.48 Field: 32-bit accesses, no lock, the rest preserved */

#define NAME_SEGMENT 4

void aml_bytes(struct aml *aml, const void *bytes, size_t count)
{
	if (aml->full || count > aml->size - aml->used) {
		aml->full = true;
		return;
	}
	memcpy(aml->data + aml->used, bytes, count);
	aml->used += count;
}

static void aml_byte(struct aml *aml, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	aml_bytes(aml, &byte, 1);
}

/* The low `count` bytes of value, lowest first. */
static void aml_little_endian(struct aml *aml, uint64_t value, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		aml_byte(aml, (unsigned)(value >> (8 * i)) & 0xff);
}

/* Lengths stand before what they count: room is made for them afterwards. */
static void aml_insert(struct aml *aml, size_t at, const uint8_t *bytes, size_t count)
{
	if (aml->full || count > aml->size - aml->used) {
		aml->full = true;
		return;
	}
	memmove(aml->data + at + count, aml->data + at, aml->used - at);
	memcpy(aml->data + at, bytes, count);
	aml->used += count;
}

/*
 * 20.2.4 PkgLength counts itself. One byte for up to 63; else the first byte holds how many follow (bits 6-7)
 * and the lowest four bits, each further byte eight more.
 */
static void aml_insert_package_length(struct aml *aml, size_t at)
{
	size_t length = aml->used - at;
	unsigned follow = 0;
	uint8_t bytes[4];

	if (length + 1 <= 0x3f) {
		bytes[0] = (uint8_t)(length + 1);
	} else {
		for (follow = 1; length + 1 + follow >= (size_t)1 << (4 + 8 * follow); follow++)
			if (follow == 3) {
				aml->full = true;
				return;
			}
		length += 1 + follow;
		bytes[0] = (uint8_t)(follow << 6 | (length & 0xf));
		for (unsigned i = 0; i < follow; i++)
			bytes[1 + i] = (uint8_t)(length >> (4 + 8 * i));
	}
	aml_insert(aml, at, bytes, 1 + follow);
}

/* 20.2.2 name objects */
static void aml_path(struct aml *aml, const char *path)
{
	unsigned segments = 1;

	if (*path == '\\') {
		aml_byte(aml, '\\');
		path++;
	}
	for (const char *c = path; *c; c++)
		segments += *c == '.';
	if (segments == 2) {
		aml_byte(aml, AML_DUAL_NAME_PREFIX);
	} else if (segments > 2) {
		aml_byte(aml, AML_MULTI_NAME_PREFIX);
		aml_byte(aml, segments);
	}
	while (segments--) {
		size_t length = strcspn(path, ".");
		char segment[NAME_SEGMENT] = {'_', '_', '_', '_'};

		memcpy(segment, path, MIN(length, sizeof(segment)));
		aml_bytes(aml, segment, sizeof(segment));
		path += length + 1;
	}
}

size_t aml_scope_begin(struct aml *aml, const char *path)
{
	size_t mark;

	aml_byte(aml, AML_SCOPE);
	mark = aml->used;
	aml_path(aml, path);
	return mark;
}

size_t aml_device_begin(struct aml *aml, const char *name)
{
	size_t mark;

	aml_byte(aml, AML_EXT_PREFIX);
	aml_byte(aml, AML_EXT_DEVICE);
	mark = aml->used;
	aml_path(aml, name);
	return mark;
}

size_t aml_method_begin(struct aml *aml, const char *name, unsigned arguments)
{
	size_t mark;

	aml_byte(aml, AML_METHOD);
	mark = aml->used;
	aml_path(aml, name);
	aml_byte(aml, arguments | AML_METHOD_SERIALIZED);
	return mark;
}

size_t aml_if_argument_is_begin(struct aml *aml, unsigned argument, uint64_t value)
{
	size_t mark;

	aml_byte(aml, AML_IF);
	mark = aml->used;
	aml_byte(aml, AML_LEQUAL);
	aml_byte(aml, AML_ARG0 + argument);
	aml_integer(aml, value);
	return mark;
}

static void aml_buffer(struct aml *aml, const void *bytes, uint8_t count)
{
	size_t mark;

	aml_byte(aml, AML_BUFFER);
	mark = aml->used;
	aml_integer(aml, count);
	aml_bytes(aml, bytes, count);
	aml_end(aml, mark);
}

size_t aml_if_argument_is_buffer_begin(struct aml *aml, unsigned argument, const void *bytes, uint8_t count)
{
	size_t mark;

	aml_byte(aml, AML_IF);
	mark = aml->used;
	aml_byte(aml, AML_LEQUAL);
	aml_byte(aml, AML_ARG0 + argument);
	aml_buffer(aml, bytes, count);
	return mark;
}

size_t aml_if_local_has_begin(struct aml *aml, unsigned local, uint32_t bits)
{
	size_t mark;

	aml_byte(aml, AML_IF);
	mark = aml->used;
	aml_byte(aml, AML_AND);
	aml_byte(aml, AML_LOCAL0 + local);
	aml_integer(aml, bits);
	aml_byte(aml, 0); /* the result is kept nowhere */
	return mark;
}

size_t aml_else_begin(struct aml *aml)
{
	aml_byte(aml, AML_ELSE);
	return aml->used;
}

void aml_store_integer(struct aml *aml, uint64_t value, const char *into)
{
	aml_byte(aml, AML_STORE);
	aml_integer(aml, value);
	aml_path(aml, into);
}

void aml_store_local(struct aml *aml, const char *from, unsigned local)
{
	aml_byte(aml, AML_STORE);
	aml_path(aml, from);
	aml_byte(aml, AML_LOCAL0 + local);
}

void aml_store_argument(struct aml *aml, unsigned argument, const char *into)
{
	aml_byte(aml, AML_STORE);
	aml_byte(aml, AML_ARG0 + argument);
	aml_path(aml, into);
}

void aml_or_integer(struct aml *aml, const char *into, uint64_t bits)
{
	aml_byte(aml, AML_OR);
	aml_path(aml, into);
	aml_integer(aml, bits);
	aml_path(aml, into);
}

void aml_return_integer(struct aml *aml, uint64_t value)
{
	aml_byte(aml, AML_RETURN);
	aml_integer(aml, value);
}

void aml_return_argument(struct aml *aml, unsigned argument)
{
	aml_byte(aml, AML_RETURN);
	aml_byte(aml, AML_ARG0 + argument);
}

void aml_argument_dword(struct aml *aml, unsigned argument, unsigned offset, const char *name)
{
	aml_byte(aml, AML_DWORD_FIELD);
	aml_byte(aml, AML_ARG0 + argument);
	aml_integer(aml, offset);
	aml_path(aml, name);
}

void aml_region_io(struct aml *aml, const char *name, uint16_t port, uint8_t count)
{
	aml_byte(aml, AML_EXT_PREFIX);
	aml_byte(aml, AML_EXT_REGION);
	aml_path(aml, name);
	aml_byte(aml, REGION_SYSTEM_IO);
	aml_integer(aml, port);
	aml_integer(aml, count);
}

size_t aml_fields_begin(struct aml *aml, const char *region)
{
	size_t mark;

	aml_byte(aml, AML_EXT_PREFIX);
	aml_byte(aml, AML_EXT_FIELD);
	mark = aml->used;
	aml_path(aml, region);
	aml_byte(aml, FIELD_DWORD);
	return mark;
}

void aml_field_dword(struct aml *aml, const char *name)
{
	aml_path(aml, name);
	aml_byte(aml, 32); /* bits, as a PkgLength: this short one is the number itself */
}

static void aml_name(struct aml *aml, const char *name)
{
	aml_byte(aml, AML_NAME);
	aml_path(aml, name);
}

void aml_name_buffer(struct aml *aml, const char *name, const void *bytes, uint8_t count)
{
	aml_name(aml, name);
	aml_buffer(aml, bytes, count);
}

size_t aml_package_begin(struct aml *aml, const char *name, uint8_t elements)
{
	size_t mark;

	aml_name(aml, name);
	aml_byte(aml, AML_PACKAGE);
	mark = aml->used;
	aml_byte(aml, elements);
	return mark;
}

size_t aml_element_package_begin(struct aml *aml, uint8_t elements)
{
	size_t mark;

	aml_byte(aml, AML_PACKAGE);
	mark = aml->used;
	aml_byte(aml, elements);
	return mark;
}

void aml_end(struct aml *aml, size_t mark)
{
	if (!aml->full)
		aml_insert_package_length(aml, mark);
}

/* 20.2.3 data objects: the shortest form that holds the value; returns its length */
static size_t integer_encode(uint8_t bytes[9], uint64_t value)
{
	unsigned count = 8;

	if (value <= 1) {
		bytes[0] = value ? AML_ONE : AML_ZERO;
		return 1;
	}
	bytes[0] = AML_QWORD_PREFIX;
	if (value <= UINT8_MAX) {
		bytes[0] = AML_BYTE_PREFIX;
		count = 1;
	} else if (value <= UINT16_MAX) {
		bytes[0] = AML_WORD_PREFIX;
		count = 2;
	} else if (value <= UINT32_MAX) {
		bytes[0] = AML_DWORD_PREFIX;
		count = 4;
	}
	for (unsigned i = 0; i < count; i++)
		bytes[1 + i] = (uint8_t)(value >> (8 * i));
	return 1 + count;
}

void aml_integer(struct aml *aml, uint64_t value)
{
	uint8_t bytes[9];

	aml_bytes(aml, bytes, integer_encode(bytes, value));
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
	aml_name(aml, name);
	aml_byte(aml, AML_STRING_PREFIX);
	aml_bytes(aml, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

void aml_name_eisa_id(struct aml *aml, const char *name, const char *id)
{
	unsigned letters = 0;
	unsigned digits = 0;

	/* five bits a letter, counted from '@', then four digits, highest byte first */
	for (unsigned i = 0; i < 3; i++)
		letters = letters << 5 | (unsigned)(id[i] - '@');
	for (unsigned i = 3; i < 7; i++)
		digits = digits << 4 | hex_digit(id[i]);
	aml_name(aml, name);
	aml_byte(aml, AML_DWORD_PREFIX);
	aml_byte(aml, letters >> 8);
	aml_byte(aml, letters);
	aml_byte(aml, digits >> 8);
	aml_byte(aml, digits);
}

void aml_notify(struct aml *aml, const char *path, uint8_t value)
{
	aml_byte(aml, AML_NOTIFY);
	aml_path(aml, path);
	aml_integer(aml, value);
}

size_t aml_resources_begin(struct aml *aml, const char *name)
{
	aml_name(aml, name);
	aml_byte(aml, AML_BUFFER);
	return aml->used;
}

void aml_resource_io(struct aml *aml, uint16_t port, uint8_t count)
{
	aml_byte(aml, RESOURCE_IO);
	aml_byte(aml, RESOURCE_IO_DECODE16);
	aml_little_endian(aml, port, 2); /* lowest base */
	aml_little_endian(aml, port, 2); /* highest base */
	aml_byte(aml, 1);                /* alignment */
	aml_byte(aml, count);
}

void aml_resource_memory32(struct aml *aml, uint32_t base, uint32_t size)
{
	aml_byte(aml, RESOURCE_MEMORY32);
	aml_little_endian(aml, RESOURCE_MEMORY32_LENGTH, 2);
	aml_byte(aml, RESOURCE_MEMORY32_WRITE);
	aml_little_endian(aml, base, 4);
	aml_little_endian(aml, size, 4);
}

void aml_resource_buses(struct aml *aml, uint16_t first, uint16_t count)
{
	aml_byte(aml, RESOURCE_WORD);
	aml_little_endian(aml, RESOURCE_WORD_LENGTH, 2);
	aml_byte(aml, RESOURCE_SPACE_BUS);
	aml_byte(aml, RESOURCE_SPACE_FIXED);
	aml_byte(aml, 0);
	aml_little_endian(aml, 0, 2); /* granularity */
	aml_little_endian(aml, first, 2);
	aml_little_endian(aml, first + count - 1U, 2);
	aml_little_endian(aml, 0, 2); /* translation */
	aml_little_endian(aml, count, 2);
}

void aml_resource_window32(struct aml *aml, uint32_t base, uint32_t size)
{
	aml_byte(aml, RESOURCE_DWORD);
	aml_little_endian(aml, RESOURCE_DWORD_LENGTH, 2);
	aml_byte(aml, RESOURCE_SPACE_MEMORY);
	aml_byte(aml, RESOURCE_SPACE_FIXED);
	aml_byte(aml, RESOURCE_MEMORY_WRITE);
	aml_little_endian(aml, 0, 4); /* granularity */
	aml_little_endian(aml, base, 4);
	aml_little_endian(aml, base + (size - 1), 4);
	aml_little_endian(aml, 0, 4); /* translation */
	aml_little_endian(aml, size, 4);
}

void aml_resource_interrupt(struct aml *aml, uint32_t gsi, bool shared)
{
	aml_byte(aml, RESOURCE_INTERRUPT);
	aml_little_endian(aml, RESOURCE_INTERRUPT_LENGTH, 2);
	aml_byte(aml, RESOURCE_INTERRUPT_CONSUMER | RESOURCE_INTERRUPT_EDGE |
			      (shared ? RESOURCE_INTERRUPT_SHARED : 0u));
	aml_byte(aml, 1); /* one line */
	aml_little_endian(aml, gsi, 4);
}

void aml_resources_end(struct aml *aml, size_t mark)
{
	uint8_t bytes[9];

	aml_byte(aml, RESOURCE_END_TAG);
	aml_byte(aml, 0); /* a checksum of 0 means: none */
	if (aml->full)
		return;
	aml_insert(aml, mark, bytes, integer_encode(bytes, aml->used - mark));
	aml_end(aml, mark);
}
