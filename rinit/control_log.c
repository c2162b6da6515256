#include "rinit/control_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/control_request.h"
#include "rinit/system.h"

#define GATHER_MS 20
#define LINE_ROOM (LOG_WHO_MAX + LOG_LINE_MAX + 64)

static int line_format(const struct log_entry *entry, char *text, size_t size)
{
	return snprintf(text, size, "%llu/%llu %u %c %s\t%s\n",
			(unsigned long long)log_time_of_day(entry->time_ms),
			(unsigned long long)entry->time_ms, entry->priority, entry->tagged ? 't' : '-',
			entry->who, entry->text);
}

/* A unit's own lines, and what rinit says of it. */
static bool line_wanted(const struct log_entry *entry, const char *who)
{
	size_t length = strlen(who);

	return !length || !strcmp(who, entry->who) ||
	       (!strcmp("rinit", entry->who) && !strncmp(who, entry->text, length) &&
		entry->text[length] == ':');
}

static unsigned long lines_count(const char *who)
{
	struct log_cursor cursor = log_oldest();
	struct log_entry entry;
	unsigned long count = 0;
	uint64_t missed = 0;

	while (log_next(&cursor, &entry, &missed))
		count += line_wanted(&entry, who);
	return count;
}

/* Leaves the cursor behind the last line. */
static char *lines_copy(const char *who, unsigned long skip, struct log_cursor *cursor, size_t *length)
{
	struct log_entry entry;
	char *text = NULL, line[LINE_ROOM];
	FILE *stream = open_memstream(&text, length);
	uint64_t missed = 0;

	*cursor = log_oldest();
	while (stream && log_next(cursor, &entry, &missed)) {
		if (!line_wanted(&entry, who) || (skip && skip--))
			continue;
		line_format(&entry, line, sizeof(line));
		fputs(line, stream);
	}
	return !stream ? NULL : fclose(stream) ? (free(text), NULL) : text;
}

/* A unit's name, in full or short, or what else has written lines: "rinit", a program's tag. */
static bool who_find(struct control_client *client, const char *name, char *who, size_t size,
		     unsigned long *count)
{
	const struct unit_set *units = &client->control->system->manager.units;
	bool known;

	snprintf(who, size, "%s", name);
	*count = lines_count(who);
	known = !*name || *count || !strcmp(name, "rinit") || unit_set_find(units, name);
	if (known)
		return true;
	snprintf(who, size, "%s.service", name);
	*count = lines_count(who);
	return *count || unit_set_find(units, who);
}

void control_log_request(struct control_client *client, const char *argument)
{
	struct control_follow *follow = &client->follow;
	struct log_request request;
	unsigned long count;
	char *text;
	size_t length = 0;

	if (log_request_parse(argument, &request)) {
		control_reply(client, CONTROL_USAGE, "log: \"%s\": not [-f] [-n COUNT] [UNIT]\n", argument);
		return;
	}
	if (!who_find(client, request.unit, follow->who, sizeof(follow->who), &count)) {
		control_reply(client, CONTROL_NO_UNIT, "%s: there is no such unit\n", request.unit);
		return;
	}
	text = lines_copy(follow->who, count - MIN(count, request.newest), &follow->cursor, &length);
	follow->on = request.follow;
	control_reply_text(client, CONTROL_DONE, text, text ? length : 0);
	free(text);
}

static size_t packet_fill(struct control_client *client)
{
	struct control_follow *follow = &client->follow;
	struct log_entry entry;
	size_t used = 0;

	while (CONTROL_PACKET_MAX - used > 2 * LINE_ROOM &&
	       log_next(&follow->cursor, &entry, &follow->missed)) {
		if (follow->missed)
			used += (size_t)snprintf(
				client->reply + used, LINE_ROOM,
				"%llu/%llu 4 - -\t%llu lines came too fast and are not shown\n",
				(unsigned long long)log_time_of_day(entry.time_ms),
				(unsigned long long)entry.time_ms, (unsigned long long)follow->missed);
		follow->missed = 0;
		if (line_wanted(&entry, follow->who))
			used += (size_t)line_format(&entry, client->reply + used, LINE_ROOM);
	}
	return used;
}

/* From here on one packet's room is enough. */
static bool packet_make(struct control_client *client)
{
	char *packet = malloc(CONTROL_PACKET_MAX);

	if (!packet)
		return false;
	free(client->reply);
	client->reply = packet;
	client->follow.packet = true;
	return true;
}

bool control_log_fill(struct control_client *client)
{
	if (!client->follow.packet && !packet_make(client))
		return false;
	client->sent = 0;
	client->length = packet_fill(client);
	return client->length > 0;
}

void control_log_dropped(struct control_client *client)
{
	struct log_cursor newest = client->follow.cursor;
	struct log_entry entry;
	uint64_t missed = client->follow.missed, left = 0;

	while (log_next(&newest, &entry, &missed))
		left++;
	log_info("a client that follows the log does not read: dropped, with %llu lines not sent",
		 (unsigned long long)(missed + left));
}

static void lines_gathered(struct loop_timer *timer)
{
	struct control *control = CONTAINER_OF(timer, struct control, gather);

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];

		if (client->source.fd >= 0 && client->follow.idle)
			control_reply_send(client);
	}
}

static void line_added(struct log_watcher *watcher)
{
	struct control *control = CONTAINER_OF(watcher, struct control, watcher);

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !control->gather.armed; i++)
		if (control->clients[i].follow.idle)
			loop_timer_set(&control->system->loop, &control->gather, GATHER_MS);
}

void control_log_init(struct control *control)
{
	control->gather.expired = lines_gathered;
	control->watcher.added = line_added;
	log_watch(&control->watcher);
}
