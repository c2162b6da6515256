/*
 * Messages of the D-Bus (D-Bus Specification, "Message Protocol"), as far as asking the bus who owns a name
 * needs them: calls with one word to the bus itself, and what comes back. Pure; what comes is believed in
 * nothing: each length is checked before it is used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_MESSAGE_MAX 65536 /* a longer one is none that we have asked for */
#define BUS_HEADER_SIZE 16    /* tells how long the message is */
#define BUS_NAME_MAX    200   /* D-Bus allows 255; it has to fit into a request to rinit */
#define BUS_ITSELF      "org.freedesktop.DBus"

enum bus_message_type {
	BUS_CALL = 1,
	BUS_RETURN = 2,
	BUS_ERROR = 3,
	BUS_SIGNAL = 4,
};

/* Parts of the message; "" where there is none. */
struct bus_message {
	uint8_t type;
	bool big_endian;
	uint32_t reply_serial;
	const char *sender, *interface, *member, *error, *signature;
	const uint8_t *body;
	size_t body_length;
};

/* The length of the whole message whose first BUS_HEADER_SIZE bytes these are; 0: it can't be one. */
size_t bus_message_length(const uint8_t header[BUS_HEADER_SIZE]);
/* 0, or -EBADMSG. The message points into the data. */
int bus_message_parse(const uint8_t *data, size_t length, struct bus_message *message);
/* The next value of the body, at *at, which moves on. 0, or -EBADMSG when it is none of that type. */
int bus_body_string(const struct bus_message *message, size_t *at, const char **string);
int bus_body_u32(const struct bus_message *message, size_t *at, uint32_t *number);

/* A call to the bus itself; argument NULL: none. Returns its length, 0 when it does not fit. */
size_t bus_message_call(uint8_t *data, size_t size, uint32_t serial, const char *member,
			const char *argument);

/* "org.example.Name", as services own them. */
bool bus_name_is_valid(const char *name);
