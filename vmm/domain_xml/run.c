#include "vmm/domain_xml/run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/exit_code.h"

#define PROGRAM       "rastos-domain-xml"
#define NS_PER_SECOND 1000000000ULL

void domain_xml_result_clear(struct domain_xml_result *result)
{
	cJSON_Delete(result->definition);
	cJSON_Delete(result->ignored);
	free(result->xml);
	*result = (struct domain_xml_result){0};
}

/* --- What it made --- */

static void take_place(const cJSON *answer, struct domain_xml_result *result)
{
	const cJSON *place = cJSON_GetObjectItemCaseSensitive(answer, "xpath");

	if (!place)
		place = cJSON_GetObjectItemCaseSensitive(answer, "pointer");
	if (cJSON_IsString(place))
		snprintf(result->place, sizeof(result->place), "%s", place->valuestring);
}

/* The sentence of a program that has refused, or failed. */
static int take_refusal(const char *output, size_t size, int status, struct domain_xml_result *result)
{
	cJSON *answer = cJSON_ParseWithLength(output, size);
	const cJSON *sentence = cJSON_GetObjectItemCaseSensitive(answer, "error");
	int code = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_REFUSED ? -EINVAL : -EIO;

	take_place(answer, result);
	if (cJSON_IsString(sentence))
		error_set(&result->err, code, "%s", sentence->valuestring);
	else if (WIFSIGNALED(status))
		code = error_set(&result->err, -EIO, PROGRAM " was ended by signal %d", WTERMSIG(status));
	else
		code = error_set(&result->err, -EIO, PROGRAM " ended without a word");
	cJSON_Delete(answer);
	return code;
}

static int take_definition(const char *output, size_t size, struct domain_xml_result *result)
{
	cJSON *answer = cJSON_ParseWithLength(output, size);

	result->definition = cJSON_DetachItemFromObjectCaseSensitive(answer, "definition");
	result->ignored = cJSON_DetachItemFromObjectCaseSensitive(answer, "ignored");
	cJSON_Delete(answer);
	if (cJSON_IsObject(result->definition) && cJSON_IsArray(result->ignored))
		return 0;
	return error_set(&result->err, -EIO, PROGRAM ": its answer is not to be understood");
}

/* The descriptor's position is the program's, who shares it: as far as it has written. */
static int read_output(int fd, char **text, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_CUR);

	if (end < 0 || end > DOMAIN_XML_OUTPUT_MAX)
		return -EIO;
	*text = malloc((size_t)end + 1);
	if (!*text)
		return -ENOMEM;
	if (pread(fd, *text, (size_t)end, 0) != end)
		return -EIO;
	(*text)[end] = '\0';
	*size = (size_t)end;
	return 0;
}

static int take_output(struct domain_xml_job *job, int status)
{
	struct domain_xml_result *result = &job->result;
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	int code = read_output(job->output, &text, &size);

	if (code < 0)
		return error_set(&result->err, code, PROGRAM ": cannot read its answer: %s", strerror(-code));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return take_refusal(text, size, status, result);
	if (job->way == DOMAIN_XML_TO_JSON)
		return take_definition(text, size, result);
	result->xml = TAKE_PTR(text);
	result->size = size;
	return 0;
}

/* --- Its end --- */

static int reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The process is gone or told to; all but the result is released. Returns its wait status. */
static int job_end(struct domain_xml_job *job)
{
	int status = reap(job->pid);

	loop_remove(job->loop, &job->process);
	loop_timer_close(job->loop, &job->timer);
	close(job->process.fd);
	job->loop = NULL;
	return status;
}

static void process_ended(struct loop_source *source, uint32_t events)
{
	struct domain_xml_job *job = CONTAINER_OF(source, struct domain_xml_job, process);
	int status = job_end(job);

	(void)events;
	job->result.code = take_output(job, status);
	close(TAKE_FD(job->output));
	job->done(job);
}

static void time_is_up(struct loop_timer *timer)
{
	struct domain_xml_job *job = CONTAINER_OF(timer, struct domain_xml_job, timer);

	kill(job->pid, SIGKILL);
	job_end(job);
	close(TAKE_FD(job->output));
	job->result.code = error_set(&job->result.err, -ETIMEDOUT, PROGRAM " was not done after %u seconds",
				     job->seconds);
	job->done(job);
}

void domain_xml_cancel(struct domain_xml_job *job)
{
	if (job->loop) {
		kill(job->pid, SIGKILL);
		job_end(job);
		close(TAKE_FD(job->output));
	}
	domain_xml_result_clear(&job->result);
}

/* --- Its start --- */

static int spawn(pid_t *pid, const struct domain_xml_request *request, int input, int output)
{
	char path[PATH_MAX];
	const char *const argv[] = {
		PROGRAM,
		request->way == DOMAIN_XML_TO_JSON ? "to-json" : "to-xml",
		request->no_validate ? "--no-validate" : NULL,
		NULL,
	};
	const struct child child = {
		.path = path, .argv = argv, .input = input, .output = output, .errors = -1};

	child_path_beside(PROGRAM, path);
	return child_spawn(&child, pid);
}

/* From here on job_end releases all. */
static int watch(struct loop *loop, struct domain_xml_job *job)
{
	int fd = pidfd_open(job->pid, 0);
	int code = fd < 0 ? -errno : 0;

	job->process = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = process_ended};
	if (code == 0)
		code = loop_timer_init(loop, &job->timer, time_is_up);
	if (code == 0) {
		code = loop_timer_set(&job->timer, job->seconds * NS_PER_SECOND, 0);
		if (code == 0)
			code = loop_add(loop, &job->process);
		if (code < 0)
			loop_timer_close(loop, &job->timer);
	}
	if (code < 0) {
		cleanup_close(&fd);
		kill(job->pid, SIGKILL);
		reap(job->pid);
		return code;
	}
	job->loop = loop;
	return 0;
}

static int start(struct loop *loop, const struct domain_xml_request *request, struct domain_xml_job *job)
{
	struct error *err = &job->result.err;
	AUTO_CLOSE int input = child_input(request->input, request->size);
	AUTO_CLOSE int output = child_output(DOMAIN_XML_OUTPUT_MAX);
	int code = input < 0 ? input : output < 0 ? output : 0;

	if (code == 0)
		code = spawn(&job->pid, request, input, output);
	if (code == -ENOENT)
		return error_set(err, code,
				 "libvirt domain XML needs the program " PROGRAM
				 ", which is not beside rastos-vmm");
	if (code == 0)
		code = watch(loop, job);
	if (code < 0)
		return error_set(err, code, "cannot run " PROGRAM ": %s", strerror(-code));
	job->output = TAKE_FD(output);
	return 0;
}

int domain_xml_start(struct loop *loop, const struct domain_xml_request *request, struct domain_xml_job *job)
{
	job->result = (struct domain_xml_result){0};
	job->way = request->way;
	job->seconds = request->seconds ? request->seconds : DOMAIN_XML_SECONDS;
	job->loop = NULL;
	job->output = -1;
	if (request->size > DOMAIN_XML_INPUT_MAX)
		job->result.code = error_set(&job->result.err, -E2BIG, "is larger than %u KiB",
					     DOMAIN_XML_INPUT_MAX >> 10);
	else
		job->result.code = start(loop, request, job);
	return job->result.code;
}

/* --- Waiting for it --- */

struct waiting_job {
	struct domain_xml_job job;
	struct loop loop;
};

static void stop_waiting(struct domain_xml_job *job)
{
	loop_stop(&CONTAINER_OF(job, struct waiting_job, job)->loop);
}

int domain_xml_run(const struct domain_xml_request *request, struct domain_xml_result *result)
{
	struct waiting_job waiting = {.job = {.done = stop_waiting}};
	int code = loop_init(&waiting.loop);

	if (code < 0) {
		*result = (struct domain_xml_result){.code = code};
		return error_set(&result->err, code, "cannot run " PROGRAM ": %s", strerror(-code));
	}
	if (domain_xml_start(&waiting.loop, request, &waiting.job) == 0)
		loop_run(&waiting.loop);
	*result = waiting.job.result;
	loop_close(&waiting.loop);
	return result->code;
}
