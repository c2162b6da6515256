/*
 * Runs Criterion's tests in place of Criterion's own runner, for builds with the thread sanitizer: the memory
 * that Criterion shares with a test's process lies where the sanitizer lets nothing be mapped. The program's
 * tests, suites and assertions are Criterion's; each test runs in a forked child.
 *
 * Not done: options of the command line, and what goes with Criterion's own processes (cr_redirect_stdout).
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S    100 /* for a test that names none */
#define EXIT_SKIPPED 77
#define EXIT_FAILED  99 /* no test ends so by itself */

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

/* Of the test that runs in this process. */
static const struct criterion_test_extra_data *test_data, *suite_data;
static void *parameter;
static bool failed;

/* --- What a test calls --- */

void criterion_internal_test_setup(void)
{
	if (suite_data && suite_data->init)
		suite_data->init();
	if (test_data->init)
		test_data->init();
}

void criterion_internal_test_main(void (*body)(void))
{
	if (test_data->kind_ == CR_TEST_PARAMETERIZED)
		((void (*)(void *))body)(parameter);
	else
		body();
}

void criterion_internal_test_teardown(void)
{
	if (test_data->fini)
		test_data->fini();
	if (suite_data && suite_data->fini)
		suite_data->fini();
}

void cri_asserts_passed_incr(void)
{
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (stats->passed)
		return;
	failed = true;
	printf("%s:%u: %s\n", stats->file, stats->line, stats->message);
}

static void child_ends(int status)
{
	fflush(NULL);
	exit(status); /* by way of the sanitizer, which may have found something */
}

void criterion_abort_test(void)
{
	child_ends(EXIT_FAILED);
	abort();
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	child_ends(EXIT_SKIPPED);
	abort();
}

/* --- The runner --- */

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test)
{
	for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++) {
		if (strcmp((*suite)->name, test->category) == 0)
			return (*suite)->data;
	}
	return NULL;
}

static unsigned timeout_of(const struct criterion_test *test)
{
	double timeout = test->data->timeout;

	if (timeout == 0 && suite_data)
		timeout = suite_data->timeout;
	return timeout == 0 ? TIMEOUT_S : (unsigned)timeout + 1;
}

/* Whether it ended as it should. */
static bool is_good_end(const struct criterion_test *test, int status)
{
	int wanted_signal = test->data->signal ? test->data->signal : suite_data ? suite_data->signal : 0;
	int wanted_code = test->data->exit_code ? test->data->exit_code
			  : suite_data          ? suite_data->exit_code
						: 0;

	if (WIFSIGNALED(status))
		return WTERMSIG(status) == wanted_signal;
	return !wanted_signal && (WEXITSTATUS(status) == wanted_code || WEXITSTATUS(status) == EXIT_SKIPPED);
}

static bool run_once(const struct criterion_test *test)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(timeout_of(test));
		test->test();
		child_ends(failed ? EXIT_FAILED : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("cannot run a test");
		return false;
	}
	if (is_good_end(test, status))
		return true;
	printf("FAILED: %s/%s (status %#x)\n", test->category, test->name, (unsigned)status);
	return false;
}

static bool run(const struct criterion_test *test)
{
	struct criterion_test_params parameters;
	bool good = true;

	test_data = test->data;
	suite_data = suite_of(test);
	if (test_data->disabled || (suite_data && suite_data->disabled))
		return true;
	if (test_data->kind_ != CR_TEST_PARAMETERIZED)
		return run_once(test);
	parameters = test_data->param_();
	for (size_t i = 0; i < parameters.length; i++) {
		parameter = (char *)parameters.params + i * parameters.size;
		good = run_once(test) && good;
	}
	if (parameters.cleanup)
		parameters.cleanup(&parameters);
	return good;
}

struct criterion_test_set *criterion_initialize(void)
{
	return NULL;
}

void criterion_finalize(struct criterion_test_set *tests)
{
	(void)tests;
}

int criterion_handle_args(int argc, char **argv, bool handle_unknown)
{
	(void)argc, (void)argv, (void)handle_unknown;
	return 1;
}

int criterion_run_all_tests(struct criterion_test_set *tests)
{
	unsigned bad = 0, all = 0;

	(void)tests;
	for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
		if (!*test)
			continue; /* room between those of two files */
		all++;
		bad += !run(*test);
	}
	printf("%u tests, %u failed\n", all, bad);
	return bad == 0;
}

__attribute__((weak)) int main(void)
{
	return !criterion_run_all_tests(NULL);
}
