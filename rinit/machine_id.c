#include "rinit/machine_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>

#include "rinit/file.h"

#define ETC_FILE "/etc/machine-id"
#define RUN_FILE "/run/machine-id"

bool machine_id_is_valid(const char *text)
{
	return strlen(text) == MACHINE_ID_MAX - 1 && strspn(text, "0123456789abcdefABCDEF") == strlen(text) &&
	       strspn(text, "0") != strlen(text);
}

void machine_id_format(unsigned char bytes[16], char text[MACHINE_ID_MAX])
{
	bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* RFC 4122, 4.4 */
	bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
	for (int i = 0; i < 16; i++)
		sprintf(text + i * 2, "%02x", bytes[i]);
}

bool machine_id_is_missing(void)
{
	char text[64];

	return file_read_line(ETC_FILE, text, sizeof(text)) <= 0 || !machine_id_is_valid(text);
}

/* As good as the kernel can so early, and never waiting for it to know better. */
static bool random_bytes(unsigned char *bytes, size_t size)
{
	return getrandom(bytes, size, GRND_NONBLOCK) == (ssize_t)size ||
	       getrandom(bytes, size, GRND_INSECURE) == (ssize_t)size;
}

void machine_id_setup(void)
{
	unsigned char bytes[16];
	char text[MACHINE_ID_MAX + 1];
	int rc;

	if (!machine_id_is_missing())
		return;
	if (!random_bytes(bytes, sizeof(bytes))) {
		fprintf(stderr, "<4>" ETC_FILE ": not made: the kernel has no random numbers: %m\n");
		return;
	}
	machine_id_format(bytes, text);
	strcat(text, "\n");
	rc = file_write(ETC_FILE, text);
	if (!rc)
		return;
	if (file_write(RUN_FILE, text) || mount(RUN_FILE, ETC_FILE, NULL, MS_BIND, NULL))
		fprintf(stderr,
			"<4>" ETC_FILE ": cannot write it: %s; nor put one of this boot over it: %m\n",
			strerror(-rc));
	else
		printf(ETC_FILE ": cannot write it: %s: the id is this boot's only\n", strerror(-rc));
}
