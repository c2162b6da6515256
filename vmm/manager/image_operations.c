/*
 * Operations on boot images: the command `rastos-vmm image` in a process of its own, a task (task_process.h),
 * since a kernel's hashes and a signature take their time. All paths are the host's, and absolute; the key
 * never leaves it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/manager/request.h"
#include "vmm/manager/task_process.h"
#include "vmm/manager/wait.h"

#define MEMBERS_MAX 8
#define KEYS_MAX    8

/* A member of the request, and the option that it becomes. */
struct image_member {
	const char *key;
	enum {
		MEMBER_PATH,
		MEMBER_TEXT,
		MEMBER_PATHS,
	} type;
	bool needed;
};

struct image_verb {
	const char *kind, *verb;
	const char *subject; /* the member that the task is about */
	struct image_member members[MEMBERS_MAX];
};

static const struct image_verb build = {
	"image-build",
	"build",
	"output",
	{{"kernel", MEMBER_PATH, true},
	 {"initrd", MEMBER_PATH, false},
	 {"cmdline", MEMBER_TEXT, false},
	 {"description", MEMBER_TEXT, false},
	 {"key", MEMBER_PATH, false},
	 {"name", MEMBER_TEXT, false},
	 {"output", MEMBER_PATH, true}},
};

static const struct image_verb sign = {
	"image-sign",
	"sign",
	"image",
	{{"image", MEMBER_PATH, true},
	 {"key", MEMBER_PATH, true},
	 {"name", MEMBER_TEXT, false},
	 {"output", MEMBER_PATH, false}},
};

static const struct image_verb verify = {
	"image-verify",
	"verify",
	"image",
	{{"image", MEMBER_PATH, true}, {"key", MEMBER_PATHS, false}, {"configuration", MEMBER_TEXT, false}},
};

static const struct image_verb inspect = {
	"image-inspect",
	"inspect",
	"image",
	{{"image", MEMBER_PATH, true}},
};

/* --- The command's arguments --- */

struct arguments {
	unsigned count;
	char *list[TASK_ARGUMENTS_MAX];
};

static void arguments_free(struct arguments *arguments)
{
	for (unsigned i = 0; i < arguments->count; i++)
		free(arguments->list[i]);
}

#define AUTO_ARGUMENTS __attribute__((cleanup(arguments_free)))

/* option: "" for what is none. */
static int add(const struct json_place *place, struct arguments *arguments, const char *option,
	       const char *value)
{
	char *text = NULL;

	if (arguments->count == TASK_ARGUMENTS_MAX - 1)
		return error_set(place->err, -E2BIG, "request: says too much");
	if (asprintf(&text, "%s%s%s%s", *option ? "--" : "", option, *option ? "=" : "", value) < 0)
		return error_set(place->err, -ENOMEM, "%s: out of memory", option);
	arguments->list[arguments->count++] = text;
	return 0;
}

static int add_path(const struct json_place *place, struct arguments *arguments, const char *key,
		    const char *option, const char *path)
{
	if (*path != '/')
		return json_error(place, key, "must be an absolute path of the host");
	return add(place, arguments, option, path);
}

static int add_paths(const struct json_place *place, struct arguments *arguments, const char *key)
{
	const cJSON *array = NULL, *item;
	unsigned count = 0;
	int code = json_array(place, key, KEYS_MAX, &array, &count);

	cJSON_ArrayForEach(item, array)
	{
		if (code == 0 && !cJSON_IsString(item))
			code = json_error(place, key, "must be an array of paths");
		if (code == 0)
			code = add_path(place, arguments, key, key, item->valuestring);
	}
	return code;
}

static int add_member(const struct json_place *place, struct arguments *arguments,
		      const struct image_member *member)
{
	AUTO_FREE char *text = NULL;
	/* The image is no option; it comes last. */
	bool last = strcmp(member->key, "image") == 0;
	int code;

	if (member->type == MEMBER_PATHS)
		return add_paths(place, arguments, member->key);
	code = json_string(place, member->key, &text);
	if (code < 0)
		return code;
	if (!text)
		return member->needed ? json_error(place, member->key, "is missing") : 0;
	if (member->type == MEMBER_TEXT)
		return add(place, arguments, member->key, text);
	if (last && *text == '/')
		return 0;
	return add_path(place, arguments, member->key, member->key, text);
}

static int read_arguments(const struct json_place *place, const struct image_verb *verb,
			  struct arguments *arguments)
{
	const char *image = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(place->object, "image"));
	int code;

	if ((code = add(place, arguments, "", "image")) < 0 ||
	    (code = add(place, arguments, "", verb->verb)) < 0 ||
	    (code = add(place, arguments, "", "--json")) < 0)
		return code;
	for (unsigned i = 0; code == 0 && i < MEMBERS_MAX && verb->members[i].key; i++)
		code = add_member(place, arguments, &verb->members[i]);
	if (code < 0 || strcmp(verb->subject, "image") != 0)
		return code;
	code = add(place, arguments, "", "--");
	return code == 0 ? add(place, arguments, "", image) : code;
}

/* A task's name is short and plain: the file's, where that is. */
static const char *target_of(const struct json_place *place, const struct image_verb *verb)
{
	const char *path =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(place->object, verb->subject));
	const char *name = strrchr(path, '/') + 1;

	return definition_name_valid(name) ? name : "image";
}

static void run(struct call *call, const struct request *request, const struct image_verb *verb)
{
	struct task_processes *processes = call->operations->manager->task_processes;
	const struct json_place *place = &request->place;
	AUTO_ARGUMENTS struct arguments arguments = {0};
	struct task *task = NULL;
	int code = read_arguments(place, verb, &arguments);

	if (code < 0) {
		refuse_request(call, code, place->err);
		return;
	}
	code = task_process_begin_plain(processes, verb->kind, target_of(place, verb),
					(const char *const *)arguments.list, &task, place->err);
	if (code < 0)
		answer(call, code, place->err);
	else if (request->task)
		call->peer->done(call, task_to_json(task));
	else
		call_wait_task(call, task);
}

static void op_image_build(struct call *call, const struct request *request)
{
	run(call, request, &build);
}

static void op_image_sign(struct call *call, const struct request *request)
{
	run(call, request, &sign);
}

static void op_image_verify(struct call *call, const struct request *request)
{
	run(call, request, &verify);
}

static void op_image_inspect(struct call *call, const struct request *request)
{
	run(call, request, &inspect);
}

const struct operation image_operations[] = {
	{"image-build", .members = {"kernel", "initrd", "cmdline", "description", "key", "name", "output"},
	 .task = TASK_BY_ITSELF, .run = op_image_build},
	{"image-sign", .members = {"image", "key", "name", "output"}, .task = TASK_BY_ITSELF,
	 .run = op_image_sign},
	{"image-verify", .members = {"image", "key", "configuration"}, .task = TASK_BY_ITSELF,
	 .run = op_image_verify},
	{"image-inspect", .members = {"image"}, .task = TASK_BY_ITSELF, .run = op_image_inspect},
	{0},
};
