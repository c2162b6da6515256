/* From one mode to the other, while guests run. */
#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "vmm/config/file.h"
#include "vmm/manager/division.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/plan.h"

static int write_mode(const struct settings *settings, enum mode mode, struct error *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%s\n", mode_name(mode));
	return file_write_text("mode file", settings->mode_file, text, 0644, err);
}

/* A guest that the mode does not run. */
static void send_away(struct managed_guest *guest, unsigned timeout_s)
{
	struct error err;

	if (guest->state == LIFE_OFF || guest->state == LIFE_FAILED || guest->state == LIFE_STOPPING)
		return;
	if (guest_shutdown(guest, timeout_s, &err) < 0)
		log_warning("%s", err.text);
}

int manager_set_mode(struct manager *manager, const char *word, unsigned timeout_s, struct error *err)
{
	enum mode mode;
	int code = mode_parse("mode", word, &mode, err);

	if (code < 0)
		return code;
	if (mode == manager->mode)
		return error_set(err, -EALREADY, "mode: is %s already", mode_name(mode));
	code = write_mode(manager->settings, mode, err);
	if (code < 0)
		return code;
	manager->mode = mode;
	events_add(manager->events, "mode", "", mode_name(mode));
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (!plan_mode_runs(mode, manager->guests[i]->definition->role))
			send_away(manager->guests[i], timeout_s);
	}
	division_apply(manager);
	code = manager_start_all(manager, err);
	manager_changed(manager);
	return code;
}
