#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rinit/fd_store.h"
#include "rinit/manager.h"

static struct loop loop;
static struct manager manager;
static struct unit *unit;

static void set_up(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	manager_init(&manager, &loop);
	unit = manager_add_service(&manager, "a.service", "a");
	unit->config.service.fd_store_max = 3;
}

TestSuite(fd_store, .init = set_up);

/* What was dropped is closed, by a process beside this one. */
static void assert_closed(int fd)
{
	while (wait(NULL) > 0)
		;
	cr_assert_eq(fcntl(fd, F_GETFD), -1, "%d is still open", fd);
}

Test(fd_store, names_that_may_stand_in_a_list)
{
	char long_name[FD_NAME_MAX + 2];

	memset(long_name, 'x', sizeof(long_name));
	long_name[FD_NAME_MAX] = '\0';
	cr_assert(fd_name_is_valid("a b-1"));
	cr_assert(fd_name_is_valid(long_name));
	long_name[FD_NAME_MAX] = 'x';
	long_name[FD_NAME_MAX + 1] = '\0';
	cr_assert_not(fd_name_is_valid(long_name));
	cr_assert_not(fd_name_is_valid(""));
	cr_assert_not(fd_name_is_valid("a:b"));
	cr_assert_not(fd_name_is_valid("a\tb"));
	cr_assert_not(fd_name_is_valid("\xc3\xa4"));
}

Test(fd_store, keeps_up_to_its_bound_and_drops_by_name)
{
	int fds[4];

	for (int i = 0; i < 4; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	fd_store_add(unit, fds, 2, "a", true);
	fd_store_add(unit, fds + 2, 2, "b", true);
	cr_assert_eq(unit->run.stored_count, 3);
	cr_assert_eq(manager.stored_count, 3);
	assert_closed(fds[3]);
	fd_store_drop(unit, "a");
	cr_assert_eq(unit->run.stored_count, 1);
	assert_closed(fds[0]);
	cr_assert_str_eq(unit->run.stored->name, "b");
	fd_store_drop(unit, NULL);
	cr_assert_null(unit->run.stored);
	cr_assert_eq(manager.stored_count, 0);
	assert_closed(fds[2]);
}

Test(fd_store, has_each_file_once)
{
	int fd = open("/dev/null", O_RDONLY), again = dup(fd);

	fd_store_add(unit, &fd, 1, "a", true);
	fd_store_add(unit, &again, 1, "a", true);
	cr_assert_eq(unit->run.stored_count, 1);
	assert_closed(again);
	cr_assert_geq(fcntl(fd, F_GETFD), 0);
}

Test(fd_store, what_hangs_up_is_dropped_unless_it_shall_not)
{
	int watched[2], kept[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, watched), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, kept), 0);
	fd_store_add(unit, &watched[0], 1, "a", true);
	fd_store_add(unit, &kept[0], 1, "b", false);
	close(watched[1]);
	close(kept[1]);
	loop_step(&loop, 1000);
	cr_assert_eq(unit->run.stored_count, 1);
	cr_assert_str_eq(unit->run.stored->name, "b");
	assert_closed(watched[0]);
}
