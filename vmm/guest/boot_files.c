#include "vmm/guest/boot_files.h"

#include "hypervisor/boot/fit.h"

int boot_files_find(const struct guest_definition *definition, const struct guest_resources *resources,
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
		return boot_prepare(source, err);
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
	return boot_prepare(source, err);
}
