#include "vmm/domain_xml/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "common/sanitized.h"
#include "vmm/domain_xml/schema.h"
#include "domain_xml_filter.inc" /* made by filter_make */

/* A sanitizer needs terabytes of addresses, files of /proc, and system calls of its own: with one, only what
 * does not hinder it is closed. */
#define MEMORY_MAX  MIB(256)
#define OUTPUT_MAX  MIB(64)
#define CPU_SECONDS 16 /* as DOMAIN_XML_SECONDS (run.h) */
#define FILES_MAX   16

#define LANDLOCK_ALL                                                                                         \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |         \
	 LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |      \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |          \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |       \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)

static int limit(int resource, uint64_t value)
{
	struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

	return setrlimit((__rlimit_resource_t)resource, &limits) < 0 ? -errno : 0;
}

static int limit_all(void)
{
	int code = limit(RLIMIT_CORE, 0);

	if (code == 0 && !SANITIZED)
		code = limit(RLIMIT_AS, MEMORY_MAX);
	if (code == 0)
		code = limit(RLIMIT_FSIZE, OUTPUT_MAX);
	if (code == 0)
		code = limit(RLIMIT_CPU, CPU_SECONDS);
	return code == 0 ? limit(RLIMIT_NOFILE, FILES_MAX) : code;
}

/* 0 too where the kernel has no Landlock: the system-call filter closes what it leaves open. */
static int restrict_files(void)
{
	struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ALL};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	};
	AUTO_CLOSE int rules = -1;
	AUTO_CLOSE int schemas = open(SCHEMA_FOLDER, O_PATH | O_CLOEXEC);

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		return 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules < 0)
		return -errno;
	rule.parent_fd = schemas;
	if (schemas >= 0 && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

int confine_begin(struct error *err)
{
	int code = limit_all();

	if (code == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
		code = -errno;
	if (code == 0 && !SANITIZED && prctl(PR_SET_DUMPABLE, 0) < 0)
		code = -errno;
	if (code == 0 && !SANITIZED)
		code = restrict_files();
	return code < 0 ? error_set(err, code, "cannot close itself in: %s", strerror(-code)) : 0;
}

int confine_end(struct error *err)
{
	struct sock_fprog filter = {
		.len = ARRAY_SIZE(domain_xml_filter),
		.filter = (struct sock_filter *)(uintptr_t)domain_xml_filter,
	};

	if (!SANITIZED && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		return error_set(err, -errno, "cannot close itself in: %m");
	return 0;
}
