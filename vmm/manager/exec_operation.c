#include "vmm/manager/exec_operation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/printable.h"
#include "vmm/exec/capture.h"
#include "vmm/manager/wait.h"

/* Of what the command reads and prints. */
enum encoding {
	ENCODING_TEXT,
	ENCODING_BASE64,
};

static const char *const encodings[] = {
	[ENCODING_TEXT] = "text",
	[ENCODING_BASE64] = "base64",
	NULL,
};

/* --- The answer --- */

static void add_output(cJSON *json, const char *key, const struct capture_output *output, bool coded)
{
	const char *bytes = output->bytes ? output->bytes : "";
	AUTO_FREE char *text =
		coded ? base64_encode(bytes, output->length) : text_from_bytes(bytes, output->length);

	cJSON_AddStringToObject(json, key, text ? text : "");
}

static cJSON *printed(const struct call *call)
{
	struct capture_output output, error;
	cJSON *json = cJSON_CreateObject();

	capture_output(call->exec, &output, &error);
	add_output(json, "output", &output, call->base64);
	add_output(json, "error", &error, call->base64);
	if (call->base64)
		cJSON_AddStringToObject(json, "encoding", encodings[ENCODING_BASE64]);
	cJSON_AddBoolToObject(json, "truncated", output.cut || error.cut);
	return json;
}

static cJSON *describe(const struct call *call, const struct exec_exit *end)
{
	static const char *const words[] = {
		[EXEC_EXITED] = "exited",
		[EXEC_SIGNALED] = "signalled",
		[EXEC_FAILED] = "failed",
	};
	cJSON *json = printed(call);

	cJSON_AddStringToObject(json, "end", words[end->end]);
	cJSON_AddNumberToObject(json, "status", end->number);
	if (end->end == EXEC_FAILED)
		cJSON_AddStringToObject(json, "why", end->text);
	return json;
}

static void refuse_broken(struct call *call, const struct managed_guest *guest, int code)
{
	const char *name = guest->definition->name;
	struct error err;

	if (code == -EPIPE)
		error_set(&err, -ENOTCONN,
			  "guest %s: does not let the host run commands; in it, `rinitctl enable --now "
			  "rastos-exec.socket` does",
			  name);
	else if (code == -ECONNRESET)
		error_set(&err, code, "guest %s: the connection ended before the command did", name);
	else
		error_set(&err, code, "guest %s: what its helper says is not in its format", name);
	refuse(call, code == -EPIPE ? -ENOTCONN : code, code == -EPIPE ? EXIT_REFUSED : EXIT_FAILED, &err);
}

static void command_ended(void *owner, int code, const struct exec_exit *end)
{
	struct call *call = owner;
	const struct managed_guest *guest = call->guest;
	cJSON *result = code == 0 ? describe(call, end) : NULL;

	call_waited(call);
	if (code < 0)
		refuse_broken(call, guest, code);
	else
		call->peer->done(call, result);
}

void exec_call_expired(struct call *call)
{
	cJSON *details = cJSON_CreateObject();
	char text[160];

	snprintf(text, sizeof(text), "guest %s: the command did not end in time, and was ended",
		 call->guest->definition->name);
	cJSON_AddItemToObject(details, "result", printed(call));
	call_waited(call);
	call->peer->failed(call, EXIT_TIMED_OUT, text, details);
}

void exec_call_close(struct call *call)
{
	if (!call->exec)
		return;
	capture_close(TAKE_PTR(call->exec));
	call->operations->execs--;
}

/* --- The request --- */

/* The strings of an array stay the request's; *list is the caller's, ends with NULL. */
static int read_list(const struct json_place *place, const char *key, char ***list, unsigned *count)
{
	const cJSON *array = NULL, *item;
	unsigned used = 0;
	int code = json_array(place, key, EXEC_LIST_MAX, &array, count);

	if (code < 0)
		return code;
	*list = calloc(*count + 1, sizeof(**list));
	if (!*list)
		return error_set(place->err, -ENOMEM, "%s: out of memory", key);
	cJSON_ArrayForEach(item, array)
	{
		if (!cJSON_IsString(item))
			return json_error(place, key, "must be an array of strings");
		(*list)[used++] = item->valuestring;
	}
	return 0;
}

static int read_environment(const struct json_place *place, char ***variables)
{
	unsigned count = 0;
	int code = read_list(place, "environment", variables, &count);

	for (unsigned i = 0; i < count && code == 0; i++) {
		const char *equals = strchr((*variables)[i], '=');

		if (!equals || equals == (*variables)[i])
			code = json_error(place, "environment", "must be strings of the form NAME=VALUE");
	}
	return code;
}

static int read_command(const struct json_place *place, char ***words)
{
	unsigned count = 0;
	int code = read_list(place, "command", words, &count);

	if (code == 0 && count == 0)
		return json_error(place, "command", "is missing: an array, the program and its arguments");
	if (code == 0 && !(*words)[0][0])
		return json_error(place, "command", "must begin with a program's name");
	return code;
}

struct exec_members {
	char **words, **variables; /* the strings in them are the request's */
	char *user, *folder;
	enum encoding encoding;
	char *input; /* NULL: none */
	size_t input_length;
};

static int read_input(const struct json_place *place, struct exec_members *members)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, "input");
	unsigned word = ENCODING_TEXT;
	ssize_t length;
	int code = json_word(place, "encoding", encodings, &word);

	members->encoding = (enum encoding)word;
	if (code < 0 || !item)
		return code;
	if (!cJSON_IsString(item))
		return json_error(place, "input", "must be a string");
	members->input = strdup(item->valuestring);
	if (!members->input)
		return error_set(place->err, -ENOMEM, "input: out of memory");
	/* It becomes shorter where it is. */
	length = word == ENCODING_BASE64 ? base64_decode(members->input, members->input)
					 : (ssize_t)strlen(members->input);
	if (length < 0)
		return json_error(place, "input", "is not base64");
	if (length > (ssize_t)CAPTURE_INPUT_MAX)
		return json_error(place, "input", "may have %u bytes at most", CAPTURE_INPUT_MAX);
	members->input_length = (size_t)length;
	return 0;
}

static void members_free(struct exec_members *members)
{
	free(members->words);
	free(members->variables);
	free(members->user);
	free(members->folder);
	free(members->input);
}

static int read_members(const struct request *request, struct exec_members *members)
{
	const struct json_place *place = &request->place;
	int code;

	if ((code = read_command(place, &members->words)) < 0 ||
	    (code = read_environment(place, &members->variables)) < 0 ||
	    (code = json_string(place, "user", &members->user)) < 0 ||
	    (code = json_string(place, "folder", &members->folder)) < 0 ||
	    (code = read_input(place, members)) < 0)
		return code;
	return request->timeout_s ? 0 : json_error(place, "timeout_s", "must be a second at least");
}

/* --- Its begin --- */

/* Our end of a connection to the guest's helper, which the guest process makes. */
static int connect_helper(struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	int ends[2];
	int code;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: cannot make a socket: %m", guest->definition->name);
	ours = ends[0];
	theirs = ends[1];
	code = guest_vsock(guest, EXEC_PORT, theirs, err);
	return code < 0 ? code : TAKE_FD(ours);
}

static int begin(struct call *call, const struct request *request, const struct exec_members *members,
		 struct error *err)
{
	struct operations *operations = call->operations;
	const struct exec_request command = {
		.input = members->input != NULL,
		.user = members->user ? members->user : "",
		.folder = members->folder ? members->folder : "",
		.words = members->words,
		.variables = members->variables,
	};
	struct capture_config config = {
		.loop = operations->manager->loop,
		.request = &command,
		.input = members->input,
		.input_length = members->input_length,
		.ended = command_ended,
		.owner = call,
	};
	int code;

	if (operations->execs == EXECS_MAX)
		return error_set(
			err, -EBUSY,
			"%d commands run in guests already, which is the most; try again when one has "
			"ended",
			EXECS_MAX);
	config.connection = connect_helper(request->guest, err);
	if (config.connection < 0)
		return config.connection;
	code = capture_begin(&config, &call->exec, err);
	operations->execs += code == 0;
	call->base64 = members->encoding == ENCODING_BASE64;
	return code;
}

static void op_exec(struct call *call, const struct request *request)
{
	__attribute__((cleanup(members_free))) struct exec_members members = {0};
	struct error *err = request->place.err;
	int code = read_members(request, &members);

	if (code == 0)
		code = begin(call, request, &members, err);
	if (code == -EINVAL || code == -E2BIG)
		refuse(call, -EINVAL, EXIT_USAGE, err);
	else if (code < 0)
		answer(call, code, err);
	else
		call_wait(call, CALL_EXEC, request->guest, request->timeout_s);
}

const struct operation exec_operations[] = {
	{"exec", .on_guest = true,
	 .members = {"command", "input", "encoding", "environment", "user", "folder", "timeout_s"},
	 .timeout_s = WAIT_DEFAULT_S, .run = op_exec},
	{0},
};
