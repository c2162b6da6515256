/* UUIDs as text (RFC 9562): 8-4-4-4-12 hexadecimal digits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define UUID_TEXT_SIZE 37 /* with the 0 at the end */
#define UUID_BYTES     16

/* Its form, and that it is not zeros only: that is no UUID (RFC 9562, 5.9). */
bool uuid_valid(const char *text);
/* A random one (version 4). */
int uuid_make(char uuid[UUID_TEXT_SIZE], struct error *err);
/* In the order of the text, which is valid. */
void uuid_bytes(const char *uuid, uint8_t bytes[UUID_BYTES]);
