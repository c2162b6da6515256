/* The table. docs/openapi.json says the same, which the unit tests hold against this. */
#include "common/util.h"
#include "vmm/api/route.h"

#define WAIT      {"wait", ARGUMENT_BOOL}
#define TIMEOUT   {"timeout_s", ARGUMENT_NUMBER}
#define NEWEST    {"newest", ARGUMENT_BOOL}

/* clang-format off */
const struct route routes[] = {
	{"GET", "/v1/plan", ROLE_READ, "plan"},
	{"GET", "/v1/mode", ROLE_READ, "mode"},
	{"PUT", "/v1/mode", ROLE_ADMIN, "mode", BODY_MEMBERS, .arguments = {{"mode"}, TIMEOUT}},
	{"POST", "/v1/down", ROLE_ADMIN, "down", BODY_MEMBERS, .body_optional = true,
	 .arguments = {TIMEOUT, {"force"}, {"poweroff"}, {"keep_guests"}}},

	{"GET", "/v1/guests", ROLE_READ, "list"},
	{"GET", "/v1/guests/{guest}/state", ROLE_READ, "info"},
	{"POST", "/v1/guests/{guest}/start", ROLE_OPERATE, "start", .later = true, .arguments = {WAIT, TIMEOUT}},
	{"POST", "/v1/guests/{guest}/shutdown", ROLE_OPERATE, "shutdown", .later = true, .arguments = {WAIT, TIMEOUT}},
	{"POST", "/v1/guests/{guest}/reboot", ROLE_OPERATE, "reboot", .later = true, .arguments = {TIMEOUT}},
	{"POST", "/v1/guests/{guest}/kill", ROLE_OPERATE, "kill", .later = true, .arguments = {WAIT}},
	{"POST", "/v1/guests/{guest}/pause", ROLE_OPERATE, "pause"},
	{"POST", "/v1/guests/{guest}/resume", ROLE_OPERATE, "resume"},
	{"GET", "/v1/guests/{guest}/logs", ROLE_READ, "logs",
	 .arguments = {{"lines", ARGUMENT_NUMBER}, {"from", ARGUMENT_NUMBER}}},
	{"GET", "/v1/guests/{guest}/boot-report", ROLE_READ, "boot-report", .arguments = {WAIT, TIMEOUT}},
	{"GET", "/v1/guests/{guest}/crashes", ROLE_READ, "crashes", .arguments = {NEWEST}},
	{"GET", "/v1/stats", ROLE_READ, "stats"},
	{"GET", "/v1/crashes", ROLE_READ, "crashes", .arguments = {NEWEST}},

	{"GET", "/v1/networks", ROLE_READ, "network-list"},
	{"GET", "/v1/networks/{network}", ROLE_READ, "network-info"},
	{"DELETE", "/v1/networks/{network}", ROLE_ADMIN, "network-undefine"},
};
/* clang-format on */

const size_t route_count = ARRAY_SIZE(routes);
