#include "vmm/manager/guest_coming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/guest/process.h"
#include "vmm/guest/resources.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/report.h"
#include "vmm/storage/image_lock.h"

#define NS_PER_MS          1000000ULL
#define LOOK_MS            20
#define DAEMON_PATIENCE_MS 2000 /* as of a guest that starts (opening.c) */

struct guest_coming {
	struct managed_guest *guest;
	const struct guest_definition *definition; /* what the guest then runs with */
	unsigned index;                            /* its place in there */
	bool is_disk;
	uint64_t until_ms;      /* look again by then */
	uint64_t busy_since_ms; /* 0: the disk was not somebody else's yet */
	int channel;            /* of a disk with a daemon, */
	unsigned slot;          /* which is guest->backends[slot] */
	int card;               /* of guest->cards and guest->passt; -1: none was taken */
	struct network_resource network;
	struct loop_source word; /* what it waits for; fd -1: nothing */
	struct loop_timer look;
};

static const struct disk_definition *disk_of(const struct guest_coming *coming)
{
	return &coming->definition->disks[coming->index];
}

/* --- A disk --- */

static int disk_send(const struct guest_coming *coming, int fd, uint64_t size, struct error *err)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	cJSON *message = guest_hotplug_message("device-add",
					       definition_disk_id(coming->definition, coming->index, buffer));

	cJSON_AddStringToObject(message, "kind", "disk");
	cJSON_AddItemToObject(
		message, "definition",
		cJSON_Duplicate(guest_hotplug_item(coming->definition, "disks", coming->index), true));
	cJSON_AddNumberToObject(message, "size", (double)size);
	return guest_hotplug_send(coming->guest, message, &fd, 1, err);
}

static int disk_busy(struct guest_coming *coming, unsigned patience_ms)
{
	uint64_t now = monotonic_ms();

	if (!coming->busy_since_ms)
		coming->busy_since_ms = now;
	if (now - coming->busy_since_ms >= patience_ms)
		return -EBUSY;
	coming->until_ms = now + LOOK_MS;
	return -EAGAIN;
}

static int file_come(struct guest_coming *coming, struct error *err)
{
	const struct disk_definition *disk = disk_of(coming);
	struct disk_resource resource = {.fd = -1};
	AUTO_CLOSE int fd = -1;
	int code = disk_open(disk, coming->guest->manager->settings, &resource, err);

	fd = resource.fd;
	if (code == -EBUSY)
		return disk_busy(coming, IMAGE_LOCK_PATIENCE_MS);
	if (code == 0)
		code = disk_open_direct(disk, &resource, err);
	if (code == 0)
		code = guest_raise_file_limit(coming->guest, resource.size, err);
	return code < 0 ? code : disk_send(coming, fd, resource.size, err);
}

static int free_backend(struct guest_coming *coming, struct error *err)
{
	for (unsigned i = 0; i < DEFINITION_DISKS_MAX; i++) {
		if (coming->guest->backends[i].pid <= 0) {
			coming->slot = i;
			return 0;
		}
	}
	return error_set(err, -ENOSPC, "guest %s: has %d disks with daemons, which is the most",
			 coming->guest->definition->name, DEFINITION_DISKS_MAX);
}

/* In the guest's cgroup, which has room for one more from now on. */
static int daemon_begin(struct guest_coming *coming, struct error *err)
{
	struct managed_guest *guest = coming->guest;
	const char *cgroup = guest->record.cgroup;
	AUTO_CLOSE int fd = cgroup ? open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct disk_backend_place place = {
		.jail = guest->manager->settings->jail,
		.cgroup_fd = fd,
		.id_slot = guest->record.id_slot,
	};
	int code = free_backend(coming, err);

	if (code == 0 && cgroup && fd < 0)
		code = error_set(err, -errno, "guest %s: cannot open its cgroup %s: %m",
				 guest->definition->name, cgroup);
	if (code == 0)
		code = guest_jail_limit(guest, coming->definition, err);
	if (code < 0)
		return code;
	coming->channel = disk_backend_begin(&guest->backends[coming->slot], disk_of(coming),
					     guest->manager->settings, &place, err);
	return MIN(coming->channel, 0);
}

static int daemon_come(struct guest_coming *coming, struct error *err)
{
	struct disk_backend *backend = &coming->guest->backends[coming->slot];
	char name[96];
	int code = 0;

	if (coming->channel < 0) {
		code = daemon_begin(coming, err);
		backend = &coming->guest->backends[coming->slot];
		if (code == -EBUSY)
			return disk_busy(coming, DAEMON_PATIENCE_MS);
	}
	if (code < 0)
		return code;
	snprintf(name, sizeof(name), "disk %s", disk_definition_name(disk_of(coming)));
	code = disk_backend_heard(backend, coming->channel, name, err);
	coming->until_ms = backend->until_ms;
	return code < 0 ? code : disk_send(coming, coming->channel, 1, err); /* its back end knows its size */
}

/* --- A card --- */

/* With its MAC address: the guest's process does not know which one is this card's by default. */
static cJSON *card_message(const struct guest_definition *definition, unsigned index, const char *id)
{
	const uint8_t *mac = definition->networks[index].mac;
	cJSON *card = cJSON_Duplicate(guest_hotplug_item(definition, "networks", index), true);
	cJSON *message = guest_hotplug_message("device-add", id);
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	cJSON_DeleteItemFromObjectCaseSensitive(card, "mac");
	cJSON_AddStringToObject(card, "mac", text);
	cJSON_AddStringToObject(message, "kind", "network");
	cJSON_AddItemToObject(message, "definition", card);
	return message;
}

static int card_send(struct guest_coming *coming, struct error *err)
{
	const struct card_fds *card = &coming->network.fds;
	struct managed_guest *guest = coming->guest;
	cJSON *message = card_message(coming->definition, coming->index, guest->cards[coming->card]);
	unsigned queues = card_fds_count(card);
	unsigned count = queues;
	int fds[GUEST_MESSAGE_FDS];

	memcpy(fds, card->queues, queues * sizeof(int));
	if (card->vhost[0] >= 0) {
		memcpy(fds + queues, card->vhost, queues * sizeof(int));
		count += queues;
		cJSON_AddTrueToObject(message, "vhost");
	}
	return guest_hotplug_send(guest, message, fds, count, err);
}

static int card_begin(struct guest_coming *coming, struct error *err)
{
	struct managed_guest *guest = coming->guest;
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	int code;

	for (int i = DEFINITION_NETWORKS_MAX; i-- > 0;) {
		if (!guest->cards[i][0])
			coming->card = i;
	}
	if (coming->card < 0)
		return error_set(err, -ENOSPC, "guest %s: has %d network cards, which is the most",
				 guest->definition->name, DEFINITION_NETWORKS_MAX);
	code = network_open(guest->definition->name, (unsigned)coming->card,
			    &coming->definition->networks[coming->index], guest->manager->networks,
			    &coming->network, err);
	if (code < 0) {
		coming->card = -1;
		return code;
	}
	guest->passt[coming->card] = coming->network.passt;
	guest_cards_note(guest, (unsigned)coming->card, &coming->network.fds);
	snprintf(guest->cards[coming->card], sizeof(guest->cards[0]), "%s",
		 definition_network_id(coming->definition, coming->index, buffer));
	return 0;
}

static int card_come(struct guest_coming *coming, struct error *err)
{
	struct managed_guest *guest = coming->guest;
	int code = coming->card < 0 ? card_begin(coming, err) : 0;

	if (code < 0)
		return code;
	code = passt_heard(&guest->passt[coming->card], &coming->network.start, guest->definition->name, err);
	coming->until_ms = coming->network.start.until_ms;
	return code < 0 ? code : card_send(coming, err);
}

/* --- Either --- */

static void coming_unwatch(struct guest_coming *coming)
{
	if (coming->word.fd >= 0)
		loop_remove(coming->guest->manager->loop, &coming->word);
	coming->word.fd = -1;
}

/* What it has is the guest's process' now, or nobody's. */
static void coming_free(struct guest_coming *coming, bool came)
{
	struct managed_guest *guest = coming->guest;
	struct disk_backend *backend = &guest->backends[coming->slot];

	coming_unwatch(coming);
	if (coming->look.source.fd >= 0)
		loop_timer_close(guest->manager->loop, &coming->look);
	if (coming->channel >= 0 && !came) {
		backend->until_ms = 0;
		disk_backend_hurry(backend);
	}
	if (coming->card >= 0 && !came)
		guest_hotplug_drop_card(guest, (unsigned)coming->card);
	cleanup_close(&coming->channel);
	passt_start_close(&coming->network.start);
	card_fds_close(&coming->network.fds);
	guest->coming = NULL;
	free(coming);
}

static void word_ready(struct loop_source *source, uint32_t events);
static void look_expired(struct loop_timer *timer);

static int coming_watch(struct guest_coming *coming, struct error *err)
{
	struct loop *loop = coming->guest->manager->loop;
	uint64_t now = monotonic_ms(), until = coming->until_ms;
	int fd = coming->is_disk ? coming->channel : coming->network.start.word;
	int code = 0;

	if (coming->look.source.fd < 0)
		code = loop_timer_init(loop, &coming->look, look_expired);
	if (code == 0 && fd >= 0 && coming->word.fd < 0) {
		coming->word = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = word_ready};
		code = loop_add(loop, &coming->word);
		if (code < 0)
			coming->word.fd = -1;
	}
	if (code == 0)
		code = loop_timer_set(&coming->look, now < until ? (until - now) * NS_PER_MS : 0, 0);
	return code < 0 ? error_set(err, code, "guest %s: cannot wait for what its device needs: %s",
				    coming->guest->definition->name, strerror(-code))
			: 0;
}

static int coming_step(struct guest_coming *coming, struct error *err)
{
	int code = !coming->is_disk                               ? card_come(coming, err)
		   : disk_definition_has_backend(disk_of(coming)) ? daemon_come(coming, err)
								  : file_come(coming, err);

	if (code == -EAGAIN) {
		code = coming_watch(coming, err);
		if (code == 0)
			return -EINPROGRESS;
	}
	coming_free(coming, code == 0);
	return code;
}

static void coming_go_on(struct guest_coming *coming)
{
	struct managed_guest *guest = coming->guest;
	struct error err = {0};
	int code;

	coming_unwatch(coming); /* what it is about may be closed now */
	code = coming_step(coming, &err);
	if (code != -EINPROGRESS)
		guest_hotplug_opened(guest, code, &err);
}

static void word_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	coming_go_on(CONTAINER_OF(source, struct guest_coming, word));
}

static void look_expired(struct loop_timer *timer)
{
	coming_go_on(CONTAINER_OF(timer, struct guest_coming, look));
}

int guest_coming_begin(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	struct guest_coming *coming = calloc(1, sizeof(*coming));

	/* The plan's numbers stay as they are: the limits are made of them. */
	if (!coming ||
	    (guest->record.numbers && plan_restore_numbers(guest->record.numbers, change->running) < 0)) {
		free(coming);
		return error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
	}
	*coming = (struct guest_coming){
		.guest = guest,
		.definition = change->running,
		.index = change->index,
		.is_disk = change->is_disk,
		.channel = -1,
		.card = -1,
		.word.fd = -1,
		.look.source.fd = -1,
		.network.start = {.word = -1, .messages = -1},
	};
	card_fds_init(&coming->network.fds);
	guest->coming = coming;
	return coming_step(coming, err);
}

void guest_coming_cancel(struct managed_guest *guest)
{
	if (guest->coming)
		coming_free(guest->coming, false);
}
