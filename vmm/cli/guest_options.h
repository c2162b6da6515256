/*
 * What the options of `run` and `create` say, as a guest's definition (JSON), so that there is one reader,
 * one set of checks and one set of sentences for options and files.
 *
 * The source is what the guest boots from, a word that means what is there:
 *
 *      a file that is a boot image (NAME.itb)     {"image": ...}
 *      a file or block device that is a disk      {"kernel": {"from_disk": 0}, "disks": [{"path": ...}, ...]}
 *      any other file                             {"kernel": {"path": ...}}
 *      no file, but an image of the pool          {"kernel": {"from_disk": 0}, "disks": [{"image": ...},
 * ...]}
 *
 * A --disk is a file, or else an image of the pool, in the same way. A --volume with a ':' is a directory of
 * the host and where the guest mounts it, else it is a --disk. Strings are the command line's.
 */
#pragma once

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdbool.h>

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"
#include "vmm/exit_code.h"

struct guest_options {
	unsigned long cpus, memory_mib; /* 0: not given */
	const char *disks[DEFINITION_DISKS_MAX];
	unsigned disk_count;
	const char *networks[DEFINITION_NETWORKS_MAX];
	unsigned network_count;
	const char *volumes[FILESYSTEMS_MAX]; /* directories: HOSTDIR:DIR[:ro] */
	unsigned volume_count;
	const char *initrd, *append, *protocol, *console, *vsock; /* NULL: not given */
};

/* For getopt_long: the short ones, and the rows of the table of long ones. */
#define GUEST_OPTIONS_SHORT "c:m:d:v:n:i:a:"
enum {
	GUEST_OPTION_PROTOCOL = 512,
	GUEST_OPTION_CONSOLE,
	GUEST_OPTION_VSOCK,
};
/* clang-format off */
#define GUEST_OPTIONS_LONG                                                                                   \
	{"cpus", required_argument, NULL, 'c'},                                                              \
	{"memory", required_argument, NULL, 'm'},                                                            \
	{"disk", required_argument, NULL, 'd'},                                                              \
	{"volume", required_argument, NULL, 'v'},                                                            \
	{"net", required_argument, NULL, 'n'},                                                               \
	{"initrd", required_argument, NULL, 'i'},                                                            \
	{"append", required_argument, NULL, 'a'},                                                            \
	{"protocol", required_argument, NULL, GUEST_OPTION_PROTOCOL},                                        \
	{"console", required_argument, NULL, GUEST_OPTION_CONSOLE},                                          \
	{"vsock", required_argument, NULL, GUEST_OPTION_VSOCK}
/* clang-format on */
/* What --help says of them. */
extern const char guest_options_help[];

/* Takes one that getopt_long returned, with its optarg; *taken: it was one of these. command is for usage
 * errors. */
enum exit_code guest_options_take(struct guest_options *options, int option, const char *command,
				  bool *taken);
/* The options that were given, for a sentence that refuses them beside a definition; NULL: none. */
const char *guest_options_given(const struct guest_options *options);

/* What a source is. */
enum guest_source {
	GUEST_SOURCE_BOOT_IMAGE,
	GUEST_SOURCE_KERNEL,
	GUEST_SOURCE_DISK, /* a file or block device */
	GUEST_SOURCE_POOL, /* an image of the pool */
};

/* What is not there is a boot image when its name ends in .itb, else a kernel. */
enum guest_source guest_source_find(const char *source, const struct settings *settings);

/* The definition; name NULL: after the source. -EINVAL with the sentence for a usage error. The caller frees
 * *json. */
int guest_options_json(const struct guest_options *options, const char *name, const char *source,
		       const struct settings *settings, cJSON **json, struct error *err);
/* What one --disk or one --net says: an item of the definition's "disks" or "networks". */
cJSON *guest_options_disk(const char *text, const struct settings *settings);
cJSON *guest_options_network(const char *text);
/* What the --volume that is the index-th directory says, as an item of "filesystems": its tag is made of
 * where it is mounted. */
cJSON *guest_options_filesystem(const char *text, unsigned index);
