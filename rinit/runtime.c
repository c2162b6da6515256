#include "rinit/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <sys/io.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/file.h"

#define PROC_PID_INIT_INO                                                                                    \
	0xEFFFFFFCu /* include/linux/proc_ns.h in the kernel; stable, systemd relies on it too */

/* ACPI 6.4, 5.2.6: the OEM id in a table's header */
#define ACPI_OEM_ID_OFFSET 10
#define ACPI_OEM_ID_SIZE   6

/* Where rastos-vmm looks for it, as other VMMs do. */
#define DEBUG_PORT      0x80
#define DEBUG_PORT_USER 0x41

static bool in_first_pid_namespace(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) || status.st_ino == PROC_PID_INIT_INO;
}

bool runtime_is_container(void)
{
	return !in_first_pid_namespace() || getenv("container") || !access("/run/.containerenv", F_OK) ||
	       !access("/.dockerenv", F_OK);
}

static bool acpi_says_rastos(void)
{
	char header[ACPI_OEM_ID_OFFSET + ACPI_OEM_ID_SIZE + 1];

	file_read("/sys/firmware/acpi/tables/DSDT", header,
		  sizeof(header)); /* longer than that, which is fine */
	return !memcmp(header + ACPI_OEM_ID_OFFSET, "RASTOS", ACPI_OEM_ID_SIZE);
}

/* The property is a list of strings, each ended with a zero. */
static bool device_tree_says_rastos(void)
{
	char list[256];
	ssize_t length = file_read("/proc/device-tree/compatible", list, sizeof(list));

	for (ssize_t i = 0; i < length; i += (ssize_t)strlen(list + i) + 1)
		if (!strcmp(list + i, "rastos,vmm"))
			return true;
	return false;
}

bool runtime_is_rastos(void)
{
	return acpi_says_rastos() || device_tree_says_rastos();
}

void runtime_mark_start(void)
{
#ifdef __x86_64__
	if (ioperm(DEBUG_PORT, 1, 1) < 0)
		return; /* a kernel without CONFIG_X86_IOPL_IOPERM: the report lacks that step */
	outb(DEBUG_PORT_USER, DEBUG_PORT);
	ioperm(DEBUG_PORT, 1, 0);
#endif
}

const char *runtime_name(enum runtime_kind kind)
{
	static const char *const names[] = {
		[RUNTIME_NATIVE] = "native", [RUNTIME_RASTOS] = "rastos", [RUNTIME_CONTAINER] = "container"};

	return names[kind];
}

int mode_read(const char *path, enum runtime_mode *mode, struct error *err)
{
	static const char allowed[] = "it must hold one word, server or desktop";
	char word[64];
	ssize_t length = file_read_line(path, word, sizeof(word));

	*mode = MODE_NONE;
	if (length == -ENOENT)
		return 0;
	if (length == -EFBIG)
		return error_set(err, -EINVAL, "%s: too long: %s", path, allowed);
	if (length < 0)
		return error_set(err, (int)length, "%s: cannot read: %s", path, strerror((int)-length));
	if (!strcmp(word, "server"))
		*mode = MODE_SERVER;
	else if (!strcmp(word, "desktop"))
		*mode = MODE_DESKTOP;
	else
		return error_set(err, -EINVAL, "%s: unknown mode \"%s\": %s", path, word, allowed);
	return 0;
}

const char *mode_name(enum runtime_mode mode)
{
	return mode == MODE_DESKTOP ? "desktop" : "server";
}
