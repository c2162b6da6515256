#include "rinit/bus_message.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"

#define ALIGN(at, to) (((at) + (to)-1) & ~((size_t)(to)-1))
#define VERSION       1
#define LITTLE        'l'
#define BIG           'B'
#define ALIGN_STRUCT  8
#define FIELDS_LENGTH 12 /* where the header says how long its fields are */
#define BODY_LENGTH   4
#define BUS_PATH      "/org/freedesktop/DBus"

/* "Header Fields" */
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR_NAME = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SENDER = 7,
	FIELD_SIGNATURE = 8,
};

/* ---- reading ---- */

struct reader {
	const uint8_t *data;
	size_t length, at;
	bool big_endian;
};

static uint32_t u32_at(const uint8_t *data, bool big_endian)
{
	return big_endian
		       ? (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3]
		       : (uint32_t)data[3] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[1] << 8 | data[0];
}

/* So many bytes, behind the padding; NULL when they are not there. */
static const uint8_t *take(struct reader *reader, size_t align, size_t length)
{
	size_t at = ALIGN(reader->at, align);

	if (at > reader->length || length > reader->length - at)
		return NULL;
	reader->at = at + length;
	return reader->data + at;
}

static int take_u32(struct reader *reader, uint32_t *number)
{
	const uint8_t *bytes = take(reader, 4, 4);

	if (!bytes)
		return -EBADMSG;
	*number = u32_at(bytes, reader->big_endian);
	return 0;
}

/* With a zero at its end and none in it. */
static int take_text(struct reader *reader, size_t length, const char **text)
{
	const uint8_t *bytes = length < BUS_MESSAGE_MAX ? take(reader, 1, length + 1) : NULL;

	if (!bytes || bytes[length] || memchr(bytes, 0, length))
		return -EBADMSG;
	*text = (const char *)bytes;
	return 0;
}

static int take_string(struct reader *reader, const char **text)
{
	uint32_t length;

	return take_u32(reader, &length) ? -EBADMSG : take_text(reader, length, text);
}

static int take_signature(struct reader *reader, const char **text)
{
	const uint8_t *length = take(reader, 1, 1);

	return length ? take_text(reader, *length, text) : -EBADMSG;
}

/* The value of a field that we do not know: of the types that a header of today has. */
static int skip_value(struct reader *reader, char type)
{
	static const char types[] = "ybnqiuhxtd";
	static const uint8_t sizes[] = {1, 4, 2, 2, 4, 4, 4, 8, 8, 8};
	const char *at = strchr(types, type), *text;

	if (type == 'g')
		return take_signature(reader, &text);
	if (type == 's' || type == 'o')
		return take_string(reader, &text);
	if (!type || !at)
		return -EBADMSG;
	return take(reader, sizes[at - types], sizes[at - types]) ? 0 : -EBADMSG;
}

static int take_field(struct reader *reader, struct bus_message *message)
{
	const struct {
		uint8_t code;
		char type;
		const char **text;
	} fields[] = {
		{FIELD_INTERFACE, 's', &message->interface}, {FIELD_MEMBER, 's', &message->member},
		{FIELD_ERROR_NAME, 's', &message->error},    {FIELD_SENDER, 's', &message->sender},
		{FIELD_SIGNATURE, 'g', &message->signature},
	};
	const uint8_t *code = take(reader, ALIGN_STRUCT, 1);
	const char *signature;

	if (!code || take_signature(reader, &signature) || strlen(signature) != 1)
		return -EBADMSG;
	if (*code == FIELD_REPLY_SERIAL)
		return *signature == 'u' ? take_u32(reader, &message->reply_serial) : -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].code != *code)
			continue;
		if (fields[i].type != *signature)
			return -EBADMSG;
		return *signature == 'g' ? take_signature(reader, fields[i].text)
					 : take_string(reader, fields[i].text);
	}
	return skip_value(reader, *signature);
}

size_t bus_message_length(const uint8_t header[BUS_HEADER_SIZE])
{
	bool big_endian = header[0] == BIG;
	uint32_t fields = u32_at(header + FIELDS_LENGTH, big_endian),
		 body = u32_at(header + BODY_LENGTH, big_endian);
	size_t length;

	if ((!big_endian && header[0] != LITTLE) || header[3] != VERSION || fields > BUS_MESSAGE_MAX ||
	    body > BUS_MESSAGE_MAX)
		return 0;
	length = ALIGN(BUS_HEADER_SIZE + (size_t)fields, ALIGN_STRUCT) + body;
	return length <= BUS_MESSAGE_MAX ? length : 0;
}

int bus_message_parse(const uint8_t *data, size_t length, struct bus_message *message)
{
	struct reader reader = {.data = data, .at = BUS_HEADER_SIZE};
	size_t body;

	*message = (struct bus_message){
		.sender = "", .interface = "", .member = "", .error = "", .signature = ""};
	if (length < BUS_HEADER_SIZE || bus_message_length(data) != length || data[1] < BUS_CALL ||
	    data[1] > BUS_SIGNAL)
		return -EBADMSG;
	message->type = data[1];
	message->big_endian = reader.big_endian = data[0] == BIG;
	reader.length = BUS_HEADER_SIZE + u32_at(data + FIELDS_LENGTH, reader.big_endian);
	while (reader.at < reader.length)
		if (take_field(&reader, message))
			return -EBADMSG;
	body = ALIGN(reader.length, ALIGN_STRUCT);
	message->body = data + body;
	message->body_length = length - body;
	return 0;
}

static struct reader body_reader(const struct bus_message *message, size_t at)
{
	return (struct reader){.data = message->body,
			       .length = message->body_length,
			       .at = at,
			       .big_endian = message->big_endian};
}

int bus_body_string(const struct bus_message *message, size_t *at, const char **string)
{
	struct reader reader = body_reader(message, *at);
	int rc = take_string(&reader, string);

	*at = reader.at;
	return rc;
}

int bus_body_u32(const struct bus_message *message, size_t *at, uint32_t *number)
{
	struct reader reader = body_reader(message, *at);
	int rc = take_u32(&reader, number);

	*at = reader.at;
	return rc;
}

/* ---- writing ---- */

struct writer {
	uint8_t *data;
	size_t size, at;
	bool full;
};

static void put(struct writer *writer, size_t align, const void *bytes, size_t length)
{
	size_t at = ALIGN(writer->at, align);

	writer->full |= at > writer->size || length > writer->size - at;
	if (writer->full)
		return;
	memset(writer->data + writer->at, 0, at - writer->at);
	memcpy(writer->data + at, bytes, length);
	writer->at = at + length;
}

static void put_u32(struct writer *writer, uint32_t number)
{
	const uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
				 (uint8_t)(number >> 24)};

	put(writer, 4, bytes, 4);
}

static void put_string(struct writer *writer, const char *text)
{
	put_u32(writer, (uint32_t)strlen(text));
	put(writer, 1, text, strlen(text) + 1);
}

/* A signature has one byte for its length. */
static void put_field(struct writer *writer, uint8_t code, char type, const char *text)
{
	const uint8_t head[] = {code, 1, (uint8_t)type, 0}, length = (uint8_t)strlen(text);

	put(writer, ALIGN_STRUCT, head, sizeof(head));
	if (type != 'g') {
		put_string(writer, text);
		return;
	}
	put(writer, 1, &length, 1);
	put(writer, 1, text, (size_t)length + 1);
}

size_t bus_message_call(uint8_t *data, size_t size, uint32_t serial, const char *member, const char *argument)
{
	const uint8_t head[] = {LITTLE, BUS_CALL, 0, VERSION};
	struct writer writer = {.data = data, .size = size};
	struct writer lengths = {.data = data, .size = BUS_HEADER_SIZE};
	size_t fields, body;

	put(&writer, 1, head, sizeof(head));
	put_u32(&writer, 0); /* the lengths are known later */
	put_u32(&writer, serial);
	put_u32(&writer, 0);
	put_field(&writer, FIELD_PATH, 'o', BUS_PATH);
	put_field(&writer, FIELD_DESTINATION, 's', BUS_ITSELF);
	put_field(&writer, FIELD_INTERFACE, 's', BUS_ITSELF);
	put_field(&writer, FIELD_MEMBER, 's', member);
	if (argument)
		put_field(&writer, FIELD_SIGNATURE, 'g', "s");
	fields = writer.at - BUS_HEADER_SIZE;
	put(&writer, ALIGN_STRUCT, "", 0);
	body = writer.at;
	if (argument)
		put_string(&writer, argument);
	if (writer.full)
		return 0;
	lengths.at = BODY_LENGTH;
	put_u32(&lengths, (uint32_t)(writer.at - body));
	lengths.at = FIELDS_LENGTH;
	put_u32(&lengths, (uint32_t)fields);
	return writer.at;
}
