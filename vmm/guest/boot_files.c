#include "vmm/guest/boot_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/boot/cmdline.h"
#include "hypervisor/boot/fit.h"

/* What is in it was checked when the definition was read: none of it ends a word. */
static int add_mount(const struct filesystem_definition *filesystem, struct cmdline *line, struct error *err)
{
	char word[64 + FILESYSTEM_TAG_MAX + FILESYSTEM_MOUNT_MAX];

	snprintf(word, sizeof(word), "systemd.mount-extra=%s:%s:virtiofs:%s", filesystem->tag,
		 filesystem->mount, filesystem->read_only ? "ro" : "rw");
	return cmdline_append(line, word, err);
}

static int add_mounts(const struct guest_definition *definition, struct guest_resources *resources,
		      struct boot_source *source, struct error *err)
{
	struct cmdline line;
	int code;
	char *text;

	cmdline_init(&line);
	code = cmdline_append(&line, source->cmdline, err);
	for (unsigned i = 0; i < definition->filesystems.count && code == 0; i++) {
		if (definition->filesystems.list[i].mount)
			code = add_mount(&definition->filesystems.list[i], &line, err);
	}
	if (code < 0)
		return error_prefix(err, code, "guest %s", definition->name);
	text = strdup(line.text);
	if (!text)
		return error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	free(resources->cmdline);
	source->cmdline = resources->cmdline = text;
	return 0;
}

static bool any_mount(const struct filesystem_definitions *filesystems)
{
	for (unsigned i = 0; i < filesystems->count; i++) {
		if (filesystems->list[i].mount)
			return true;
	}
	return false;
}

static int prepare(const struct guest_definition *definition, struct guest_resources *resources,
		   struct boot_source *source, struct error *err)
{
	int code = any_mount(&definition->filesystems) ? add_mounts(definition, resources, source, err) : 0;

	return code < 0 ? code : boot_prepare(source, err);
}

int boot_files_find(const struct guest_definition *definition, struct guest_resources *resources,
		    int (*confine)(struct error *err), struct boot_recorder *recorder,
		    struct boot_source *source, struct error *err)
{
	struct fit fit;
	int code;

	if (!definition->image) {
		*source = (struct boot_source){
			.name = resources->image.path,
			.kernel = resources->image.data,
			.kernel_size = resources->image.size,
			.initrd = resources->initrd.data,
			.initrd_size = resources->initrd.size,
			.cmdline = resources->cmdline    ? resources->cmdline
				   : definition->cmdline ? definition->cmdline
							 : "",
			.protocol = definition->protocol,
		};
		return prepare(definition, resources, source, err);
	}
	code = fit_open_apart(definition->image, resources->image.data, resources->image.size,
			      definition->configuration, resources->keys, resources->key_count,
			      definition->allow_unsigned, confine, &fit, err);
	if (code < 0)
		return code;
	boot_recorder_mark(recorder, BOOT_STEP_VERIFY);
	*source = (struct boot_source){
		.name = definition->image,
		.kernel = fit.kernel.data,
		.kernel_size = fit.kernel.size,
		.initrd = fit.initrd.data,
		.initrd_size = fit.initrd.size,
		.cmdline = fit.cmdline ? fit.cmdline : "",
		.protocol = definition->protocol,
	};
	return prepare(definition, resources, source, err);
}
