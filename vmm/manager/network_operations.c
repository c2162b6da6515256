#include "vmm/manager/network_operations.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"

static int op_list(struct networks *networks, const struct json_place *request, cJSON **result)
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

static int op_info(struct networks *networks, const struct json_place *request, cJSON **result)
{
	AUTO_FREE char *name = NULL;
	int code = read_name(request, &name);

	if (code < 0)
		return code;
	*result = networks_info(networks, name, request->err);
	return *result ? 0 : -ENOENT;
}

static int op_define(struct networks *networks, const struct json_place *request, cJSON **result)
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

static int op_undefine(struct networks *networks, const struct json_place *request, cJSON **result)
{
	AUTO_FREE char *name = NULL;
	int code = read_name(request, &name);

	(void)result;
	return code < 0 ? code : networks_undefine(networks, name, request->err);
}

static const struct {
	const char *op;
	int (*run)(struct networks *networks, const struct json_place *request, cJSON **result);
} operations[] = {
	{"network-list", op_list},
	{"network-info", op_info},
	{"network-define", op_define},
	{"network-undefine", op_undefine},
};

int network_operation(struct networks *networks, const struct json_place *request, cJSON **result)
{
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request->object, "op"));

	*result = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		if (op && strcmp(op, operations[i].op) == 0)
			return operations[i].run(networks, request, result);
	}
	return json_error(request, "op", "is not an operation on networks");
}
