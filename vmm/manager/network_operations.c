/* Operations on networks (vmm/net/networks.h). */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/manager/request.h"
#include "vmm/net/networks.h"

static int list(struct networks *networks, const struct json_place *request, cJSON **result)
{
	*result = networks_list(networks, request->err);
	return *result ? 0 : -EIO;
}

/* The member "network". */
static int read_name(const struct json_place *request, char **name)
{
	int code = json_string(request, "network", name);

	return code == 0 && !*name ? json_error(request, "network", "is missing: which network?") : code;
}

static int info(struct networks *networks, const struct json_place *request, cJSON **result)
{
	AUTO_FREE char *name = NULL;
	int code = read_name(request, &name);

	if (code < 0)
		return code;
	*result = networks_info(networks, name, request->err);
	return *result ? 0 : -ENOENT;
}

static int define(struct networks *networks, const struct json_place *request, cJSON **result)
{
	char name[VIRTUAL_NETWORK_NAME_MAX + 1];
	struct json_place definition;
	bool replace = false;
	int code;

	if ((code = json_object(request, "definition", &definition)) < 0 ||
	    (code = json_bool(request, "replace", &replace)) < 0)
		return code;
	if (!definition.object)
		return json_error(request, "definition", "is missing");
	code = networks_define(networks, definition.object, replace, name, request->err);
	if (code == 0)
		*result = networks_info(networks, name, request->err);
	return code;
}

static int undefine(struct networks *networks, const struct json_place *request, cJSON **result)
{
	AUTO_FREE char *name = NULL;
	int code = read_name(request, &name);

	(void)result;
	return code < 0 ? code : networks_undefine(networks, name, request->err);
}

/* Answers with what the work on networks came to. */
static void run(struct call *call, const struct request *request,
		int (*work)(struct networks *networks, const struct json_place *request, cJSON **result))
{
	cJSON *result = NULL;
	int code = work(call->operations->manager->networks, &request->place, &result);

	answer_with(call, code, request->place.err, result);
}

static void op_network_list(struct call *call, const struct request *request)
{
	run(call, request, list);
}

static void op_network_info(struct call *call, const struct request *request)
{
	run(call, request, info);
}

static void op_network_define(struct call *call, const struct request *request)
{
	run(call, request, define);
}

static void op_network_undefine(struct call *call, const struct request *request)
{
	run(call, request, undefine);
}

const struct operation network_operations[] = {
	{"network-list", .run = op_network_list},
	{"network-info", .members = {"network"}, .run = op_network_info},
	{"network-define", .members = {"definition", "replace"}, .run = op_network_define},
	{"network-undefine", .members = {"network"}, .run = op_network_undefine},
	{0},
};
