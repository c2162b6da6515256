/* The table. docs/openapi.json says the same, which the unit tests hold against this. */
#include "common/util.h"
#include "vmm/api/documents.h"
#include "vmm/api/follow.h"
#include "vmm/api/guests.h"
#include "vmm/api/resources.h"
#include "vmm/api/route.h"
#include "vmm/api/screenshot.h"
#include "vmm/api/stream.h"

#define WAIT                                                                                                 \
	{                                                                                                    \
		"wait", ARGUMENT_BOOL                                                                        \
	}
#define TIMEOUT                                                                                              \
	{                                                                                                    \
		"timeout_s", ARGUMENT_NUMBER                                                                 \
	}
#define NEXT_START                                                                                           \
	{                                                                                                    \
		"next_start", ARGUMENT_BOOL                                                                  \
	}
#define NEWEST                                                                                               \
	{                                                                                                    \
		"newest", ARGUMENT_BOOL                                                                      \
	}
#define LIMIT                                                                                                \
	{                                                                                                    \
		"limit", ARGUMENT_NUMBER                                                                     \
	}

/* clang-format off */
const struct route routes[] = {
	{"GET", "/v1/host", ROLE_READ, .op = "host"},
	{"GET", "/v1/plan", ROLE_READ, .op = "plan"},
	{"GET", "/v1/mode", ROLE_READ, .op = "mode"},
	{"PUT", "/v1/mode", ROLE_ADMIN, "mode", BODY_MEMBERS, .begin = mode_put,
	 .arguments = {{.name = "mode"}, TIMEOUT}},
	{"POST", "/v1/down", ROLE_ADMIN, "down", BODY_MEMBERS, .body_optional = true,
	 .arguments = {TIMEOUT, {.name = "force"}, {.name = "poweroff"}, {.name = "keep_guests"}}},

	{"GET", "/v1/guests", ROLE_READ, "list", .begin = guests_list, .arguments = {{.name = "state"}, LIMIT, {.name = "after"}}},
	{"GET", "/v1/guests/{guest}", ROLE_READ, .begin = guests_show},
	{"PUT", "/v1/guests/{guest}", ROLE_ADMIN, "define", BODY_GUEST, .begin = guests_put},
	{"PATCH", "/v1/guests/{guest}", ROLE_ADMIN, "define", BODY_PATCH, .begin = guests_patch},
	{"DELETE", "/v1/guests/{guest}", ROLE_ADMIN, "undefine", .begin = guests_delete},
	{"GET", "/v1/guests/{guest}/state", ROLE_READ, .op = "info"},
	{"POST", "/v1/guests/{guest}/start", ROLE_OPERATE, "start", .later = true, .arguments = {WAIT, TIMEOUT}},
	{"POST", "/v1/guests/{guest}/shutdown", ROLE_OPERATE, "shutdown", .later = true, .arguments = {WAIT, TIMEOUT}},
	{"POST", "/v1/guests/{guest}/reboot", ROLE_OPERATE, "reboot", .later = true, .arguments = {WAIT, TIMEOUT}},
	{"POST", "/v1/guests/{guest}/kill", ROLE_OPERATE, "kill", .later = true, .arguments = {WAIT}},
	{"POST", "/v1/guests/{guest}/pause", ROLE_OPERATE, .op = "pause"},
	{"POST", "/v1/guests/{guest}/resume", ROLE_OPERATE, .op = "resume"},
	{"PUT", "/v1/guests/{guest}/memory", ROLE_OPERATE, "memory-set", BODY_MEMBERS, .arguments = {{"memory_mib", ARGUMENT_NUMBER}}},
	{"PUT", "/v1/guests/{guest}/vcpus", ROLE_OPERATE, "vcpus-set", BODY_MEMBERS, .arguments = {{"vcpus", ARGUMENT_NUMBER}}},
	{"GET", "/v1/guests/{guest}/console", ROLE_OPERATE, "console", .begin = stream_begin},
	{"PUT", "/v1/guests/{guest}/console/size", ROLE_OPERATE, "console-resize", BODY_MEMBERS,
	 .arguments = {{"columns", ARGUMENT_NUMBER}, {"rows", ARGUMENT_NUMBER}}},
	{"GET", "/v1/guests/{guest}/channels/{channel}", ROLE_OPERATE, "console", .begin = stream_begin},
	{"GET", "/v1/guests/{guest}/screenshot", ROLE_OPERATE, "screenshot", .begin = screenshot_start},
	{"POST", "/v1/guests/{guest}/keys", ROLE_OPERATE, "send-key", BODY_MEMBERS,
	 .arguments = {{"keys", ARGUMENT_JSON}, {"hold_ms", ARGUMENT_NUMBER}}},
	{"GET", "/v1/guests/{guest}/vsock/{port}", ROLE_OPERATE, "vsock-connect", .begin = stream_begin},
	{"GET", "/v1/guests/{guest}/exec", ROLE_OPERATE, "vsock-connect", .begin = stream_begin_exec},
	{"POST", "/v1/guests/{guest}/exec", ROLE_OPERATE, "exec", BODY_MEMBERS, .body_large = true,
	 .arguments = {{.name = "command"}, {.name = "input"}, {.name = "encoding"}, {.name = "environment"}, {.name = "user"}, {.name = "folder"}, TIMEOUT}},
	{"GET", "/v1/guests/{guest}/logs", ROLE_READ, "logs",
	 .arguments = {{"lines", ARGUMENT_NUMBER}, {"from", ARGUMENT_NUMBER}}},
	{"GET", "/v1/guests/{guest}/stats", ROLE_READ, "stats", .begin = guest_stats},
	{"GET", "/v1/guests/{guest}/boot-report", ROLE_READ, "boot-report", .arguments = {WAIT, TIMEOUT}},
	{"GET", "/v1/guests/{guest}/crashes", ROLE_READ, "crashes", .arguments = {NEWEST}},
	{"GET", "/v1/guests/{guest}/devices", ROLE_READ, .op = "device-list"},
	{"GET", "/v1/guests/{guest}/devices/{device}", ROLE_READ, .op = "device-info"},
	{"PUT", "/v1/guests/{guest}/devices/{device}", ROLE_ADMIN, "device-add", BODY_DEFINITION, .begin = devices_put, .arguments = {NEXT_START, TIMEOUT}},
	{"DELETE", "/v1/guests/{guest}/devices/{device}", ROLE_ADMIN, "device-remove", .arguments = {NEXT_START, TIMEOUT}},
	{"GET", "/v1/stats", ROLE_READ, .op = "stats"},
	{"GET", "/v1/crashes", ROLE_READ, "crashes", .arguments = {NEWEST}},

	{"GET", "/v1/networks", ROLE_READ, .op = "network-list"},
	{"GET", "/v1/networks/{network}", ROLE_READ, .op = "network-info"},
	{"PUT", "/v1/networks/{network}", ROLE_ADMIN, "network-define", BODY_DEFINITION, .begin = networks_put},
	{"DELETE", "/v1/networks/{network}", ROLE_ADMIN, .op = "network-undefine"},

	{"GET", "/v1/pool", ROLE_READ, .op = "pool-info"},
	{"GET", "/v1/disks", ROLE_READ, "disk-list", .begin = disks_list, .arguments = {LIMIT, {.name = "after"}}},
	{"GET", "/v1/disks/{disk}", ROLE_READ, .op = "disk-info"},
	{"PUT", "/v1/disks/{disk}", ROLE_ADMIN, "disk-create", BODY_DEFINITION, .begin = disks_put, .takes_bytes = true,
	 .arguments = {WAIT, {.name = "format"}, {"size", ARGUMENT_NUMBER}, {.name = "tag"}}},
	{"PATCH", "/v1/disks/{disk}", ROLE_ADMIN, "disk-resize", BODY_PATCH, .begin = disks_patch, .arguments = {WAIT}},
	{"DELETE", "/v1/disks/{disk}", ROLE_ADMIN, "disk-delete", .begin = disks_delete, .arguments = {WAIT}},

	{"POST", "/v1/images/build", ROLE_ADMIN, "image-build", BODY_MEMBERS,
	 .arguments = {{.name = "kernel"}, {.name = "initrd"}, {.name = "cmdline"}, {.name = "description"}, {.name = "key"}, {.name = "name"}, {.name = "output"}}},
	{"POST", "/v1/images/sign", ROLE_ADMIN, "image-sign", BODY_MEMBERS,
	 .arguments = {{.name = "image"}, {.name = "key"}, {.name = "name"}, {.name = "output"}}},
	{"POST", "/v1/images/verify", ROLE_ADMIN, "image-verify", BODY_MEMBERS,
	 .arguments = {{.name = "image"}, {.name = "key"}, {.name = "configuration"}}},
	{"POST", "/v1/images/inspect", ROLE_ADMIN, "image-inspect", BODY_MEMBERS, .arguments = {{.name = "image"}}},

	{"GET", "/v1/tasks", ROLE_READ, "task-list", .arguments = {{.name = "state"}}},
	{"GET", "/v1/tasks/{task}", ROLE_READ, .op = "task-info"},
	{"POST", "/v1/tasks/{task}/cancel", ROLE_ADMIN, "task-cancel", .begin = task_cancel_begin},
	{"GET", "/v1/events", ROLE_READ, "events", .begin = follow_begin, .arguments = {{"since", ARGUMENT_NUMBER}}},

	{"GET", "/metrics", ROLE_READ, "metrics", .begin = metrics_show},
	{"GET", "/openapi.json", ROLE_READ, .begin = documents_openapi},
	{"GET", "/v1/schemas/{name}", ROLE_READ, .begin = documents_schema},
};
/* clang-format on */

const size_t route_count = ARRAY_SIZE(routes);
