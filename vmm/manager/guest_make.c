/* A guest comes into being, gets another definition, and goes. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/manager/guest_coming.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/manager.h"

int guest_give_socket_paths(const struct managed_guest *guest, struct guest_definition *definition)
{
	if (definition->vsock_cid && !definition->vsock_path &&
	    asprintf(&definition->vsock_path, "%s/vsock.sock", guest->folder) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < definition->channels.count; i++) {
		struct channel_definition *channel = &definition->channels.channels[i];

		if (!channel->path &&
		    asprintf(&channel->path, "%s/channel-%s.sock", guest->folder, channel->name) < 0)
			return -ENOMEM;
	}
	return 0;
}

void guest_redefine(struct managed_guest *guest, struct guest_definition *definition)
{
	definition_free(guest->fresh);
	guest->fresh = definition;
	if (!guest_active(guest))
		guest_use_fresh(guest);
	else if (cJSON_Compare(definition->json, guest->definition->json, true))
		definition_free(TAKE_PTR(guest->fresh)); /* it runs as that already */
}

int guest_create(struct manager *manager, struct guest_definition *definition, char *file,
		 struct managed_guest **result, struct error *err)
{
	struct managed_guest *guest = calloc(1, sizeof(*guest));
	int code = 0;

	if (!guest)
		return error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	*guest = (struct managed_guest){
		.manager = manager,
		.definition = definition,
		.file = file,
		.record.id_slot = -1,
		.process.fd = -1,
		.control.fd = -1,
		.broker.fd = -1,
		.errors.source.fd = -1,
		.deadline.source.fd = -1,
		.ask_again.source.fd = -1,
		.display_again.source.fd = -1,
	};
	boot_report_clear(&guest->report, definition->name);
	if (asprintf(&guest->folder, "%s/guests/%s", manager->settings->runtime_dir, definition->name) < 0 ||
	    guest_give_socket_paths(guest, definition) < 0)
		code = error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	if (code == 0 &&
	    ((code = loop_timer_init(manager->loop, &guest->deadline, guest_deadline_expired)) < 0 ||
	     (code = loop_timer_init(manager->loop, &guest->ask_again, guest_hotplug_ask_again)) < 0))
		error_set(err, code, "guest %s: cannot make its timer: %s", definition->name,
			  strerror(-code));
	if (code < 0) {
		guest->definition = NULL; /* still the caller's */
		guest->file = NULL;
		guest_destroy(guest);
		return code;
	}
	*result = guest;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void guest_remove_folder(const struct managed_guest *guest)
{
	if (nftw(guest->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		log_warning("guest %s: cannot remove its folder %s: %m", guest->definition->name,
			    guest->folder);
}

void guest_destroy(struct managed_guest *guest)
{
	if (!guest)
		return;
	guest_process_start_cancel(guest);
	guest_coming_cancel(guest);
	guest_process_release(guest);
	if (guest->deadline.source.fd >= 0)
		loop_timer_close(guest->manager->loop, &guest->deadline);
	if (guest->ask_again.source.fd >= 0)
		loop_timer_close(guest->manager->loop, &guest->ask_again);
	if (guest->display_again.source.fd >= 0)
		loop_timer_close(guest->manager->loop, &guest->display_again);
	cJSON_Delete(guest->record.definition);
	cJSON_Delete(guest->record.numbers);
	free(guest->record.cgroup);
	definition_free(guest->definition);
	definition_free(guest->fresh);
	free(guest->file);
	free(guest->folder);
	free(guest->console_tail);
	free(guest);
}
