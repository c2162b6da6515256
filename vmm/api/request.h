/*
 * One request: it comes in (request.c), becomes a struct call (operate.c), and is answered (reply.c). Internal to
 * vmm/api.
 *
 * It is made when its first line is there and freed by request_end, which libmicrohttpd calls in every case: when the
 * answer was sent, or the client has gone. While its call waits, its connection is suspended, and only its end is
 * looked for. Everything that begins a request must answer it once, now or later: reply_*.
 */
#pragma once

#include "vmm/api/problem.h"
#include "vmm/api/server.h"

#define API_BODY_MAX       65536
#define API_DEFINITION_MAX (1U << 20)

struct request {
	struct api_connection *connection;
	struct MHD_Connection *mhd;
	struct request *next;
	char *target; /* path and query point into it */
	struct path path;
	struct query query;
	const struct route *route;
	bool headed;    /* its headers were looked at */
	bool suspended; /* its connection is, until it is answered */
	bool gone;      /* its client has gone */
	size_t body_len, body_max;
	char *body;  /* with a zero behind it; NULL: there is none */
	cJSON *json; /* the body, of routes that take JSON */

	struct call call;
	bool called; /* call is open */
	/* The operation's result, taken over; NULL: reply_result. */
	void (*finish)(struct request *request, cJSON *result);

	struct loop_source hangup;
	unsigned status;
	struct MHD_Response *response; /* the answer, until libmicrohttpd has it */
	struct follow *follow;         /* follow.c */
};

/* --- request.c: called by libmicrohttpd --- */

void *request_begin(void *owner, const char *target, struct MHD_Connection *mhd);
enum MHD_Result request_handle(void *owner, struct MHD_Connection *mhd, const char *url, const char *method,
			       const char *version, const char *data, size_t *size, void **context);
void request_end(void *owner, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);

/* Nobody waits for anything any more: libmicrohttpd is about to be stopped. */
void requests_abandon(struct api *api);

/* The value of a header; NULL when it is not there. */
const char *request_header(const struct request *request, const char *name);
/* Its client is not read from until request_resume; only its end is looked for. */
void request_suspend(struct request *request);
void request_resume(struct request *request);

/* --- operate.c --- */

/* Asks the route's operation with what path, query and body say. */
void request_operate(struct request *request);
/* The same with json, which is freed. */
void request_call(struct request *request, cJSON *json);
/* The request of an operation: its name, and the variables of the path. */
cJSON *request_members(const struct request *request);
/* Whether a parameter of the query says true. */
bool request_flag(const struct request *request, const char *name);
/* -EINVAL: it was answered. */
int request_check_query(struct request *request);

/* --- reply.c --- */

/* json is taken over. */
void reply_json(struct request *request, unsigned status, const char *type, cJSON *json);
/* text is taken over (malloc); NULL: no body. */
void reply_text(struct request *request, unsigned status, const char *type, char *text, size_t len);
void reply_header(struct request *request, const char *name, const char *value);
void reply_problem(struct request *request, const struct problem *problem);
void reply_refusal(struct request *request, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 200 with it, or 204, or 202. */
void reply_result(struct request *request, cJSON *result);
/* What an operation refuses. */
void reply_failed(struct request *request, enum exit_code code, const char *text);
