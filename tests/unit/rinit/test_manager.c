#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rinit/log.h"
#include "rinit/manager.h"

#define EXITED(code)   (((code)&0xff) << 8)
#define KILLED(signal) (signal)
#define LIMIT_MS       5000

static struct loop loop;
static struct manager manager;

static void set_up(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	manager_init(&manager, &loop);
	string_list_add(&manager.environment, "PATH=/bin:/usr/bin");
}

/* A service that runs a shell command. */
static struct unit *service(const char *name, const char *script)
{
	struct unit *unit = manager_add_service(&manager, name, name);

	service_config_command(&unit->config.service, "/bin/sh", (const char *[]){"sh", "-c", script, NULL},
			       false);
	return unit;
}

static void boot(void)
{
	manager_resolve(&manager, "");
	manager_boot(&manager);
}

/* Lets the world go on until the unit is in the state. */
static void await(const struct unit *unit, enum service_state state)
{
	uint64_t deadline = clock_ms() + LIMIT_MS;

	while (unit->run.state != state) {
		int status;
		pid_t pid;

		cr_assert_lt(clock_ms(), deadline, "%s is %s, not %s", unit->config.name,
			     service_state_name(unit->run.state), service_state_name(state));
		loop_step(&loop, 10);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			manager_child_ended(&manager, pid, status);
	}
}

static bool logged(const char *text)
{
	size_t length;
	char *log = log_copy(NULL, &length);
	bool found = strstr(log, text) != NULL;

	free(log);
	return found;
}

static void assert_logged(const char *text)
{
	size_t length;
	char *log = log_copy(NULL, &length);

	cr_assert_not_null(strstr(log, text), "\"%s\" is not in: %s", text, log);
	free(log);
}

TestSuite(manager, .init = set_up);

/* ---- the verdict ---- */

#define POLICIES 7
#define RESULTS  6

Test(verdict, restart_policies_are_the_table_of_the_manual)
{
	/* success, exit, signal, timeout, watchdog, protocol */
	static const bool restarts[POLICIES][RESULTS] = {
		[RESTART_NO] = {false},
		[RESTART_ALWAYS] = {true, true, true, true, true, true},
		[RESTART_ON_SUCCESS] = {true},
		[RESTART_ON_FAILURE] = {false, true, true, true, true, true},
		[RESTART_ON_ABNORMAL] = {false, false, true, true, true, false},
		[RESTART_ON_ABORT] = {false, false, true, false, false, false},
		[RESTART_ON_WATCHDOG] = {false, false, false, false, true, false},
	};

	for (int policy = 0; policy < POLICIES; policy++)
		for (int result = 0; result < RESULTS; result++) {
			struct service_config config = {.restart = policy};
			struct unit_run run = {.result = result};
			enum service_event want = restarts[policy][result]   ? EVENT_AGAIN
						  : result == RESULT_SUCCESS ? EVENT_OVER
									     : EVENT_FAIL;

			cr_assert_eq(service_verdict(&config, &run), want, "policy %d, result %d", policy,
				     result);
		}
}

Test(verdict, whom_an_instance_served_does_not_come_back)
{
	struct service_config config = {.restart = RESTART_ALWAYS};
	struct unit_connection connection = {.fd = -1};
	struct unit_run run = {.connection = &connection};

	cr_assert_eq(service_verdict(&config, &run), EVENT_OVER);
	run.result = RESULT_EXIT;
	cr_assert_eq(service_verdict(&config, &run), EVENT_FAIL);
	run.again = true; /* somebody asks for it nevertheless */
	cr_assert_eq(service_verdict(&config, &run), EVENT_AGAIN);
}

Test(verdict, oneshot_that_ended_well_is_not_repeated)
{
	struct service_config config = {.type = TYPE_ONESHOT, .restart = RESTART_ALWAYS};
	struct unit_run run = {0};

	cr_assert_eq(service_verdict(&config, &run), EVENT_OVER);
	run.result = RESULT_EXIT;
	cr_assert_eq(service_verdict(&config, &run), EVENT_AGAIN);
}

Test(verdict, want_of_memory_is_like_a_signal)
{
	for (int policy = 0; policy < POLICIES; policy++) {
		struct service_config config = {.restart = policy};
		struct unit_run signal = {.result = RESULT_SIGNAL}, memory = {.result = RESULT_OOM};

		cr_assert_eq(service_verdict(&config, &memory), service_verdict(&config, &signal),
			     "policy %d", policy);
	}
	cr_assert_str_eq(service_result_name(RESULT_OOM), "oom-kill");
}

Test(verdict, what_was_asked_for_wins)
{
	struct service_config config = {.restart = RESTART_ALWAYS};
	struct unit_run run = {.result = RESULT_EXIT, .stop_asked = true};

	cr_assert_eq(service_verdict(&config, &run), EVENT_OVER);
	run.again = true;
	cr_assert_eq(service_verdict(&config, &run), EVENT_AGAIN);
}

Test(verdict, listed_statuses_prevent_and_force_a_restart)
{
	struct service_config config = {.restart = RESTART_ALWAYS};
	struct unit_run run = {.result = RESULT_EXIT, .exit_status = EXITED(3)};

	string_list_add(&config.restart_prevent, "3");
	string_list_add(&config.restart_prevent, "SIGUSR1");
	cr_assert_eq(service_verdict(&config, &run), EVENT_FAIL);
	run.exit_status = KILLED(SIGUSR1);
	cr_assert_eq(service_verdict(&config, &run), EVENT_FAIL);
	run.exit_status = EXITED(SIGUSR1);
	cr_assert_eq(service_verdict(&config, &run), EVENT_AGAIN);
	config.restart = RESTART_NO;
	string_list_add(&config.restart_force, "10");
	cr_assert_eq(service_verdict(&config, &run), EVENT_AGAIN);
}

Test(result, daemons_may_end_by_the_usual_signals_and_commands_may_not)
{
	struct service_config config = {0};

	cr_assert_eq(service_result(&config, COMMAND_START, EXITED(0)), RESULT_SUCCESS);
	cr_assert_eq(service_result(&config, COMMAND_START, EXITED(1)), RESULT_EXIT);
	cr_assert_eq(service_result(&config, COMMAND_START, KILLED(SIGTERM)), RESULT_SUCCESS);
	cr_assert_eq(service_result(&config, COMMAND_START, KILLED(SIGSEGV)), RESULT_SIGNAL);
	cr_assert_eq(service_result(&config, COMMAND_PRE, KILLED(SIGTERM)), RESULT_SIGNAL);
	string_list_add(&config.success_status, "1");
	string_list_add(&config.success_status, "SIGSEGV");
	cr_assert_eq(service_result(&config, COMMAND_START, EXITED(1)), RESULT_SUCCESS);
	cr_assert_eq(service_result(&config, COMMAND_START, KILLED(SIGSEGV)), RESULT_SUCCESS);
	cr_assert_eq(service_result(&config, COMMAND_STOP, EXITED(1)), RESULT_EXIT);
}

Test(restart_delay, grows_and_is_bounded)
{
	struct service_config config = {.restart_ms = 100};

	cr_assert_eq(service_restart_delay(&config, 1), 100);
	cr_assert_eq(service_restart_delay(&config, 2), 200);
	cr_assert_eq(service_restart_delay(&config, 5), 1600);
	cr_assert_eq(service_restart_delay(&config, 1000), 30000);
	config.restart_ms = 60000;
	cr_assert_eq(service_restart_delay(&config, 7), 60000);
	config.restart_ms = 0;
	cr_assert_eq(service_restart_delay(&config, 1000000), 0);
}

Test(manager, simple_service_runs_and_its_output_is_logged)
{
	struct unit *unit = service("a.service", "echo hello; echo oops >&2; exec sleep 60");

	boot();
	await(unit, STATE_RUNNING);
	for (int i = 0; i < 200 && !logged("a.service: oops"); i++)
		loop_step(&loop, 10);
	manager_stop(&manager, unit);
	await(unit, STATE_INACTIVE);
	assert_logged("a.service: hello\n");
	assert_logged("a.service: oops\n");
	assert_logged("rinit: started a.service");
	assert_logged("rinit: stopped a.service");
}

Test(manager, syslog_levels_are_not_part_of_the_line)
{
	struct unit *unit =
		service("a.service", "echo '<6>fine'; echo '<3>bad'; echo '<x>odd'; exec sleep 60");

	boot();
	await(unit, STATE_RUNNING);
	for (int i = 0; i < 200 && !logged("a.service: <x>odd"); i++)
		loop_step(&loop, 10);
	manager_stop(&manager, unit);
	await(unit, STATE_INACTIVE);
	assert_logged("a.service: fine\n");
	assert_logged("a.service: bad\n");
	assert_logged("a.service: <x>odd\n");
}

Test(manager, services_start_in_order)
{
	struct unit *b = service("b.service", "exec sleep 60"), *a = service("a.service", "sleep 0.2");

	a->config.service.type = TYPE_ONESHOT;
	string_list_add(&b->config.after, "a.service");
	boot();
	cr_assert_eq(b->run.state, STATE_WAITING);
	await(b, STATE_RUNNING);
	cr_assert_eq(a->run.state, STATE_INACTIVE);
	cr_assert_geq(b->run.settled_ms, a->run.settled_ms);
}

Test(manager, services_stop_in_reverse_order)
{
	struct unit *a = service("a.service", "exec sleep 60");
	struct unit *b = service("b.service", "trap 'sleep 0.2; exit 0' TERM; while :; do sleep 0.05; done");

	string_list_add(&b->config.after, "a.service");
	boot();
	await(b, STATE_RUNNING);
	manager_stop_all(&manager);
	cr_assert_eq(a->run.state, STATE_RUNNING);
	await(a, STATE_INACTIVE);
	cr_assert_eq(b->run.state, STATE_INACTIVE);
	cr_assert(manager_is_idle(&manager));
}

Test(manager, missing_program_fails_at_once)
{
	struct unit *unit = manager_add_service(&manager, "a.service", "a");

	service_config_command(&unit->config.service, "/no/such/program", (const char *[]){"x", NULL}, false);
	boot();
	await(unit, STATE_FAILED);
	assert_logged("a.service: cannot run /no/such/program: No such file or directory");
}

Test(manager, requirement_that_failed_stops_the_start)
{
	struct unit *a = service("a.service", "exit 3"), *b = service("b.service", "exec sleep 60");

	a->config.service.type = TYPE_ONESHOT;
	string_list_add(&b->config.after, "a.service");
	string_list_add(&b->config.requires, "a.service");
	boot();
	await(b, STATE_FAILED);
	assert_logged("a.service: failed: exit status 3");
	assert_logged("b.service: not started: a.service, which it requires, is failed");
}

Test(manager, failed_service_is_restarted)
{
	struct unit *unit = service("a.service", "echo run >&2; exit 1");

	unit->config.service.restart = RESTART_ON_FAILURE;
	unit->config.service.restart_ms = 10;
	boot();
	while (unit->run.restarts < 3) {
		await(unit, STATE_DELAY);
		loop_step(&loop, 5);
	}
	manager_stop(&manager, unit);
	await(unit, STATE_INACTIVE);
	assert_logged("a.service: run\n");
}

Test(manager, oneshot_runs_its_commands_one_after_the_other)
{
	struct unit *unit = service("a.service", "echo one");

	unit->config.service.type = TYPE_ONESHOT;
	unit->config.service.remain_after_exit = true;
	service_config_command(&unit->config.service, "/bin/sh", (const char *[]){"sh", "-c", "exit 1", NULL},
			       true);
	service_config_command(&unit->config.service, "/bin/sh",
			       (const char *[]){"sh", "-c", "echo three", NULL}, false);
	boot();
	await(unit, STATE_EXITED);
	assert_logged("a.service: one");
	assert_logged("a.service: three");
}

Test(manager, oneshot_ends_at_the_first_command_that_fails)
{
	struct unit *unit = service("a.service", "exit 1");

	unit->config.service.type = TYPE_ONESHOT;
	service_config_command(&unit->config.service, "/bin/sh",
			       (const char *[]){"sh", "-c", "echo two", NULL}, false);
	boot();
	await(unit, STATE_FAILED);
	cr_assert_eq(unit->run.command, 0);
}

Test(manager, service_that_does_not_stop_is_killed)
{
	struct unit *unit = service("a.service", "trap '' TERM; while :; do sleep 1; done");

	unit->config.service.stop_timeout_ms = 100;
	boot();
	await(unit, STATE_RUNNING);
	loop_step(&loop, 100); /* the trap is set */
	manager_stop(&manager, unit);
	await(unit, STATE_INACTIVE);
	assert_logged("a.service: did not stop within 0.1 s: killed");
}

Test(manager, notify_service_that_says_nothing_is_stopped)
{
	struct unit *unit = service("a.service", "exec sleep 60");

	unit->config.service.type = TYPE_NOTIFY;
	unit->config.service.start_timeout_ms = 50;
	boot();
	await(unit, STATE_FAILED);
	assert_logged("a.service: not ready after 0.1 s: stopping it");
}

Test(manager, notify_service_is_ready_when_it_says_so)
{
	struct unit *unit = service("a.service", "exec sleep 60");

	unit->config.service.type = TYPE_NOTIFY;
	unit->config.service.notify_access = NOTIFY_MAIN;
	boot();
	await(unit, STATE_STARTING);
	manager_notified(&manager, getpid(), "READY=1");
	cr_assert_eq(unit->run.state, STATE_STARTING, "a stranger is not listened to");
	manager_notified(&manager, unit->run.pid, "STATUS=almost\n");
	cr_assert_eq(unit->run.state, STATE_STARTING);
	cr_assert_str_eq(unit->run.status, "almost");
	manager_notified(&manager, unit->run.pid, "READY=1\nSTATUS=serving\n");
	cr_assert_eq(unit->run.state, STATE_RUNNING);
	cr_assert_str_eq(unit->run.status, "serving");
	manager_stop(&manager, unit);
	await(unit, STATE_INACTIVE);
}

Test(manager, condition_that_does_not_hold_skips)
{
	struct unit *a = service("a.service", "exec sleep 60"), *b = service("b.service", "exec sleep 60");

	string_list_add(&a->config.conditions, "PathExists=/no/such/file");
	string_list_add(&b->config.conditions, "PathExists=!/no/such/file");
	boot();
	cr_assert_eq(a->run.state, STATE_INACTIVE);
	cr_assert(a->run.skipped);
	await(b, STATE_RUNNING);
}

Test(manager, restart_is_one_operation)
{
	struct unit *unit = service("a.service", "exec sleep 60");
	pid_t before;

	boot();
	await(unit, STATE_RUNNING);
	before = unit->run.pid;
	manager_restart(&manager, unit);
	await(unit, STATE_DELAY);
	await(unit, STATE_RUNNING);
	cr_assert_neq(unit->run.pid, before);
	cr_assert_eq(unit->run.restarts, 0);
}

Test(manager, start_starts_what_is_required_too)
{
	struct unit *a = service("a.service", "exec sleep 60"), *b = service("b.service", "exec sleep 60");

	string_list_add(&b->config.requires, "a.service");
	string_list_add(&b->config.after, "a.service");
	manager_resolve(&manager, "");
	manager_start(&manager, b);
	await(b, STATE_RUNNING);
	cr_assert_eq(a->run.state, STATE_RUNNING);
	manager_stop(&manager, a);
	await(a, STATE_INACTIVE);
	cr_assert_eq(b->run.state, STATE_INACTIVE);
}

Test(manager, target_that_is_held_holds_what_comes_after_it)
{
	struct unit *held, *a;

	held = manager_add_target(&manager, "sysinit.target", true);
	a = service("a.service", "exec sleep 60");
	boot();
	cr_assert_eq(a->run.state, STATE_WAITING);
	manager_reached(&manager, "sysinit.target");
	cr_assert_eq(held->run.state, STATE_EXITED);
	await(a, STATE_RUNNING);
}

Test(manager, graphical_services_are_not_for_servers)
{
	struct unit *a = service("a.service", "exec sleep 60"), *b = service("b.service", "exec sleep 60");

	string_list_add(&a->config.wanted_by, "graphical.target");
	string_list_add(&b->config.wanted_by, "multi-user.target");
	manager_resolve(&manager, "multi-user.target");
	cr_assert_not(a->run.wanted);
	cr_assert(b->run.wanted);
	manager_resolve(&manager, "graphical.target");
	cr_assert(a->run.wanted);
	cr_assert(b->run.wanted);
}

Test(manager, thousand_services_with_an_order_start_and_stop)
{
	struct unit *units[1000];
	uint64_t begin;
	char name[32], other[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "u%d.service", i);
		units[i] = manager_add_target(&manager, name, false);
		for (int j = 1; j <= 5 && i > j * j; j++) {
			snprintf(other, sizeof(other), "u%d.service", i - j * j);
			string_list_add(&units[i]->config.after, other);
		}
	}
	begin = clock_ms();
	boot();
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(units[i]->run.state, STATE_EXITED);
	manager_stop_all(&manager);
	cr_assert(manager_is_idle(&manager));
	cr_assert_lt(clock_ms() - begin, 2000);
}

Test(manager, load_reads_a_folder_and_names_what_is_wrong)
{
	char root[] = "/tmp/rinit-test-XXXXXX", folder[64], path[128];
	FILE *file;

	cr_assert_not_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/etc", root);
	mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%s/etc/rinit", root);
	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/good.service", folder);
	file = fopen(path, "w");
	fputs("[Service]\nExecStart=/bin/true\nFrobnicate=1\n", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/bad.service", folder);
	file = fopen(path, "w");
	fputs("[Service]\nType=simple\n", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/folder.service", folder);
	mkdir(path, 0700);
	manager_load(&manager, root);
	cr_assert_eq(manager.units.count, 1);
	cr_assert_str_eq(manager.units.items[0]->config.name, "good.service");
	assert_logged("good.service:3: Frobnicate= in [Service]");
	assert_logged("bad.service: no usable ExecStart=");
	assert_logged("folder.service: cannot read: Is a directory");
	rmdir(path);
	snprintf(path, sizeof(path), "rm -r %s", root);
	cr_assert_eq(system(path), 0);
}
