/* What anybody may send to PID 1: requests of the control socket, lines of /dev/log. And what rinitctl reads
 * of it. */
#include <stdlib.h>
#include <string.h>

#include "rinit/chart.h"
#include "rinit/control_request.h"
#include "rinit/draw.h"
#include "rinit/plan.h"
#include "rinit/syslog_parse.h"
#include "rinit/why.h"

static void requests(const char *data, size_t size)
{
	struct control_request request;
	struct log_request log;
	const char *why;

	if (control_request_parse(data, size, &request, &why))
		return;
	if (strlen(request.verb) + strlen(request.argument) > size)
		abort();
	if (!log_request_parse(request.argument, &log) &&
	    log.unit + strlen(log.unit) != request.argument + strlen(request.argument))
		abort();
}

static void messages(const char *data, size_t size)
{
	struct syslog_message message;

	syslog_parse(data, size, &message);
	if (message.text < data || message.text + message.length > data + size ||
	    message.priority > PRIORITY_MAX || strlen(message.tag) > LOG_WHO_MAX)
		abort();
}

static void ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

static void plans(const char *data, size_t size)
{
	static FILE *nowhere;
	char *text = strndup(data, size);
	struct plan plan;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!plan_parse(&plan, text)) {
		for (size_t i = 0; i < plan.count; i++)
			why_explain(&plan, &plan.units[i], NULL, ignore);
		chart_text(&plan, nowhere, 80);
		chart_svg(&plan, nowhere);
		chart_json(&plan, nowhere);
		draw_svg(&plan, nowhere);
		draw_dot(&plan, nowhere);
		plan_clear(&plan);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	requests(text, size);
	messages(text, size);
	plans(text, size);
	return 0;
}
