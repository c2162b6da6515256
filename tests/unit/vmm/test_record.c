/* What the manager must not forget, and the numbers of processes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"
#include "vmm/manager/record.h"

static struct error err;

TestSuite(record, .init = scratch_make, .fini = scratch_remove);

Test(record, comes_back_as_it_was)
{
	struct guest_record wrote = {
		.goal = GOAL_REBOOT,
		.process = {.pid = 1234, .start_time = 987654321},
		.started_ns = 55555555555,
		.restarts = 3,
		.id_slot = 7,
		.display_port = 5901,
		.definition = cJSON_Parse("{\"name\":\"web\"}"),
		.numbers = cJSON_Parse("{\"memory_mib\":768}"),
	};
	struct guest_record got = {0};

	cr_assert_eq(record_write(scratch, &wrote, &err), 0, "%s", err.text);
	cr_assert_eq(record_read(scratch, &got, &err), 0, "%s", err.text);
	cr_assert_eq(got.goal, GOAL_REBOOT);
	cr_assert_eq(got.process.pid, 1234);
	cr_assert_eq(got.process.start_time, 987654321);
	cr_assert_eq(got.started_ns, 55555555555);
	cr_assert_eq(got.restarts, 3);
	cr_assert_eq(got.id_slot, 7);
	cr_assert_eq(got.display_port, 5901);
	cr_assert(cJSON_Compare(got.numbers, wrote.numbers, true));
	cr_assert(cJSON_Compare(got.definition, wrote.definition, true));
	cJSON_Delete(got.numbers);
	cJSON_Delete(wrote.numbers);
	cJSON_Delete(got.definition);
	cJSON_Delete(wrote.definition);
}

Test(record, of_an_earlier_boot_counts_as_gone)
{
	struct guest_record got;

	scratch_file("state.json", "{\"boot_id\":\"another\",\"goal\":\"run\",\"pid\":1}");
	cr_assert_eq(record_read(scratch, &got, &err), -ENOENT);
}

Test(record, that_is_damaged_is_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"boot_id\":7}",
		"{\"goal\":\"fly\"}",
		"{\"goal\":\"run\",\"pid\":-1}",
		"{\"goal\":\"run\",\"pid\":99999999999}",
		"{\"goal\":\"run\",\"start_time\":\"x\"}",
		"{\"goal\":\"run\"",
	};
	struct guest_record got;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scratch_file("state.json", texts[i]);
		cr_assert_lt(record_read(scratch, &got, &err), 0, "%s", texts[i]);
	}
}

Test(record, removed_is_gone)
{
	struct guest_record record = {.id_slot = -1};

	cr_assert_eq(record_write(scratch, &record, &err), 0);
	record_remove(scratch);
	cr_assert_eq(record_read(scratch, &record, &err), -ENOENT);
	record_remove(scratch);
}

Test(process_id, of_oneself_opens)
{
	struct process_id id;
	int fd;

	cr_assert_eq(process_id_of(getpid(), &id), 0);
	fd = process_id_open(&id);
	cr_assert_geq(fd, 0);
	close(fd);
}

Test(process_id, of_another_with_the_same_number_does_not_open)
{
	struct process_id id;

	cr_assert_eq(process_id_of(getpid(), &id), 0);
	id.start_time--;
	cr_assert_eq(process_id_open(&id), -ESRCH);
}

Test(process_id, of_one_that_ended_does_not_open)
{
	struct process_id id;
	pid_t pid = fork();

	if (pid == 0)
		pause();
	cr_assert_eq(process_id_of(pid, &id), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(process_id_open(&id), -ESRCH);
	cr_assert_eq(process_id_open(&(struct process_id){0}), -ESRCH);
}
