/* What the end of a process, and of a service, means. Pure. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/util.h"
#include "rinit/ini.h"
#include "rinit/manager.h"

#define RESTART_DELAY_MAX UINT64_C(30000) /* ms */

/* Is the exit status, or the signal, one of the list's words? A bare number is an exit status. */
static bool status_listed(const struct string_list *list, int status)
{
	for (size_t i = 0; i < list->count; i++) {
		char *end;
		long code = strtol(list->items[i], &end, 10);
		int number;

		if (!*end ? WIFEXITED(status) && WEXITSTATUS(status) == code
			  : WIFSIGNALED(status) && !parse_signal(list->items[i], &number) &&
				    WTERMSIG(status) == number)
			return true;
	}
	return false;
}

enum service_result service_result(const struct service_config *config, enum command_kind kind, int status)
{
	bool daemon = kind == COMMAND_START && config->type != TYPE_ONESHOT;
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (kind <= COMMAND_START && status_listed(&config->success_status, status))
		return RESULT_SUCCESS;
	if (!number)
		return WEXITSTATUS(status) ? RESULT_EXIT : RESULT_SUCCESS;
	/* systemd.service(5), SuccessExitStatus= */
	if (daemon && (number == SIGHUP || number == SIGINT || number == SIGTERM || number == SIGPIPE))
		return RESULT_SUCCESS;
	return RESULT_SIGNAL;
}

/* systemd.service(5), Restart=: the table, a bit for each result. */
static bool policy_restarts(enum restart_policy policy, enum service_result result)
{
#define ON(name) (1U << RESULT_##name)
	static const unsigned int results[] = {
		[RESTART_NO] = 0,
		[RESTART_ALWAYS] = ~0U,
		[RESTART_ON_SUCCESS] = ON(SUCCESS),
		[RESTART_ON_FAILURE] = ~ON(SUCCESS),
		[RESTART_ON_ABNORMAL] = ON(SIGNAL) | ON(OOM) | ON(TIMEOUT) | ON(WATCHDOG),
		[RESTART_ON_ABORT] = ON(SIGNAL) | ON(OOM),
		[RESTART_ON_WATCHDOG] = ON(WATCHDOG),
	};
#undef ON

	return results[policy] >> result & 1;
}

enum service_event service_verdict(const struct service_config *config, const struct unit_run *run)
{
	bool again = policy_restarts(config->restart, run->result);

	if (run->again)
		return EVENT_AGAIN;
	if (run->stop_asked || run->skipped)
		return EVENT_OVER;
	if (config->type == TYPE_ONESHOT && run->result == RESULT_SUCCESS)
		again = false; /* it would never be done */
	if (status_listed(&config->restart_force, run->exit_status))
		again = true;
	if (status_listed(&config->restart_prevent, run->exit_status))
		again = false;
	if (again && !run->connection) /* whom it served has gone */
		return EVENT_AGAIN;
	return run->result == RESULT_SUCCESS ? EVENT_OVER : EVENT_FAIL;
}

const char *service_result_name(enum service_result result)
{
	static const char *const names[] = {"success",  "exit-code", "signal",          "timeout", "watchdog",
					    "protocol", "resources", "start-limit-hit", "oom-kill"};

	return names[result];
}

uint64_t service_restart_delay(const struct service_config *config, unsigned int restarts)
{
	uint64_t delay = config->restart_ms;

	while (restarts-- > 1 && delay < RESTART_DELAY_MAX)
		delay *= 2;
	return MAX(MIN(delay, RESTART_DELAY_MAX), config->restart_ms);
}

void exit_describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}
