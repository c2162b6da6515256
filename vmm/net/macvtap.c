#include "vmm/net/macvtap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "vmm/net/bridge.h"
#include "vmm/net/interface.h"
#include "vmm/net/tap.h"

#define MARK "rastos macvtap "

/* ---- What is there ---- */

/* MARK, the runtime folder, the guest and the card, which is what tells it from another of them. */
static int mark_write(const struct macvtap_place *place, char mark[INTERFACE_ALIAS_MAX], struct error *err)
{
	int len = snprintf(mark, INTERFACE_ALIAS_MAX, MARK "%s %s %u", place->runtime_dir, place->guest,
			   place->index);

	return len < INTERFACE_ALIAS_MAX
		       ? 0
		       : error_set(err, -ENAMETOOLONG, "the runtime folder's path is too long for macvtap");
}

static void interface_remove(const char *name)
{
	char command[64];
	struct error err;

	snprintf(command, sizeof(command), "link del dev %s\n", name);
	if (interface_run_ip(command, &err) < 0)
		log_warning("cannot remove %s: %s", name, err.text);
}

static void remove_exact(void *owner, const char *name, const char *rest)
{
	(void)owner;
	if (*rest == '\0')
		interface_remove(name);
}

void macvtap_remove(const struct macvtap_place *place)
{
	char mark[INTERFACE_ALIAS_MAX];

	if (mark_write(place, mark, NULL) == 0)
		interface_each_marked(mark, remove_exact, NULL);
}

struct keeper {
	bool (*keeps)(void *owner, const char *guest);
	void *owner;
	bool kept;
};

/* rest: "GUEST INDEX" */
static void remove_unkept(void *owner, const char *name, const char *rest)
{
	struct keeper *keeper = owner;
	char guest[INTERFACE_ALIAS_MAX];

	snprintf(guest, sizeof(guest), "%.*s", (int)strcspn(rest, " "), rest);
	if (keeper->keeps && keeper->keeps(keeper->owner, guest))
		keeper->kept = true;
	else
		interface_remove(name);
}

bool macvtap_remove_all(const char *runtime_dir, bool (*keeps)(void *owner, const char *guest), void *owner)
{
	struct keeper keeper = {.keeps = keeps, .owner = owner};
	char mark[INTERFACE_ALIAS_MAX];

	snprintf(mark, sizeof(mark), MARK "%s ", runtime_dir);
	interface_each_marked(mark, remove_unkept, &keeper);
	return keeper.kept;
}

/* ---- One more ---- */

static int interface_make(const char *name, const char *mark, const struct network_definition *card,
			  struct error *err)
{
	const uint8_t *mac = card->mac;
	char commands[2 * INTERFACE_ALIAS_MAX];
	char mtu[24] = "";

	if (card->mtu)
		snprintf(mtu, sizeof(mtu), " mtu %u", card->mtu);
	snprintf(commands, sizeof(commands),
		 "link add link %s name %s address %02x:%02x:%02x:%02x:%02x:%02x%s type macvtap mode %s\n"
		 "link set dev %s alias \"%s\" up\n",
		 card->source, name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], mtu,
		 network_mode_word(card->mode), name, mark);
	return interface_run_ip(commands, err);
}

/* The kernel's name for it: /dev/tap and the interface's number. */
static int queues_open(const char *name, unsigned count, struct card_fds *fds, struct error *err)
{
	char path[32];
	int code = 0;

	snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(name));
	for (unsigned i = 0; i < count && code == 0; i++) {
		fds->queues[i] = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		code = fds->queues[i] < 0 ? -errno : tap_configure(fds->queues[i], name, count > 1);
		if (code < 0)
			error_set(err, code, "macvtap %s: cannot open %s: %s", name, path, strerror(-code));
	}
	return code;
}

static int check_source(const struct network_definition *card, struct error *err)
{
	if (if_nametoindex(card->source) == 0)
		return error_set(err, -ENODEV, "the host has no interface %s; see `ip link`", card->source);
	return 0;
}

int macvtap_open(const struct macvtap_place *place, const struct network_definition *card,
		 struct card_fds *fds, struct error *err)
{
	char mark[INTERFACE_ALIAS_MAX];
	char name[TAP_NAME_SIZE];
	int code = mark_write(place, mark, err);

	card_fds_init(fds);
	if (code == 0)
		code = check_source(card, err);
	if (code < 0)
		return code;
	macvtap_remove(place);
	if (!tap_name_choose(NULL, NULL, name))
		return error_set(err, -ENOSPC, "the host has too many TAPs");
	code = interface_make(name, mark, card, err);
	if (code < 0)
		error_prefix(err, code, "cannot make a macvtap on %s", card->source);
	else
		code = queues_open(name, card->queues, fds, err);
	if (code < 0) {
		card_fds_close(fds);
		if (if_nametoindex(name))
			interface_remove(name);
	}
	return code;
}
