/* What a guest's init says: whole messages are told, hostile ones are not. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "vmm/guest/notify.h"

static struct loop loop;
static struct notify *notify;
static char told[512];

static void note(void *owner, const char *key, const char *value)
{
	(void)owner;
	strcat(told, key);
	strcat(told, "->");
	strcat(told, value);
	strcat(told, ";");
}

static void setup(void)
{
	loop_init(&loop);
	notify = notify_create(&loop, note, NULL);
	told[0] = '\0';
}

static void teardown(void)
{
	notify_destroy(notify);
	loop_close(&loop);
}

TestSuite(notify, .init = setup, .fini = teardown);

static void settle(void)
{
	for (int i = 0; i < 20; i++)
		loop_step(&loop, 0);
}

Test(notify, message_is_told_when_the_connection_ends)
{
	int guest = notify_connect(notify);

	cr_assert_eq(write(guest, "READY=1\nSTATUS=all ", 19), 19);
	settle();
	cr_assert_str_eq(told, "");
	cr_assert_eq(write(guest, "well\n", 5), 5);
	close(guest);
	settle();
	cr_assert_str_eq(told, "READY->1;STATUS->all well;");
}

Test(notify, lines_without_equals_are_ignored)
{
	int guest = notify_connect(notify);

	cr_assert_gt(write(guest, "nonsense\n\n=\nA=", 14), 0);
	close(guest);
	settle();
	cr_assert_str_eq(told, "->;A->;");
}

Test(notify, message_that_is_too_long_is_dropped)
{
	static char flood[NOTIFY_MESSAGE_MAX + 100];
	int guest = notify_connect(notify);

	memset(flood, 'A', sizeof(flood));
	memcpy(flood, "READY=1\n", 8);
	cr_assert_gt(write(guest, flood, sizeof(flood)), 0);
	settle();
	close(guest);
	settle();
	cr_assert_str_eq(told, "");
}

Test(notify, peers_are_bounded_and_come_back)
{
	int peers[NOTIFY_PEERS_MAX];

	for (int i = 0; i < NOTIFY_PEERS_MAX; i++)
		cr_assert_geq(peers[i] = notify_connect(notify), 0);
	cr_assert_lt(notify_connect(notify), 0);
	close(peers[0]);
	settle();
	cr_assert_geq(notify_connect(notify), 0);
}
