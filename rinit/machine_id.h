/*
 * /etc/machine-id (machine-id(5)): made when it is missing or empty, in the file where that can be written,
 * else for this boot only, in /run and bound over it. For a helper; what goes wrong is said on standard
 * error.
 */
#pragma once

#include <stdbool.h>

#define MACHINE_ID_MAX 33

bool machine_id_is_missing(void);
void machine_id_setup(void);
/* Pure: 32 hexadecimal digits, not all zero? */
bool machine_id_is_valid(const char *text);
/* Pure: random bytes as an UUID of version 4, in hexadecimal. */
void machine_id_format(unsigned char bytes[16], char text[MACHINE_ID_MAX]);
