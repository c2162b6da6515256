/*
 * One request: it comes in (request.c), becomes a struct call (operate.c), and is answered (reply.c).
 * Internal to vmm/api.
 *
 * It is made when its first line is there and freed by exchange_end, which libmicrohttpd calls in every case:
 * when the answer was sent, or the client has gone. While its call waits, its connection is suspended, and
 * only its end is looked for. Everything that begins a request must answer it once, now or later: reply_*.
 */
#pragma once

#include "vmm/api/problem.h"
#include "vmm/api/server.h"

#define API_BODY_MAX       65536
#define API_DEFINITION_MAX (1U << 20)
#define API_DISCARDED_MAX  (4U << 20) /* of a body that is too large; then its client is heard no longer */

struct exchange {
	struct api_connection *connection;
	const struct http_library *http;
	struct MHD_Connection *mhd;
	struct exchange *next;
	char *target; /* path and query point into it */
	struct path path;
	struct query query;
	const struct route *route;
	enum api_role role;
	bool headed;    /* its headers were looked at */
	bool at_once;   /* it is answered before its body came */
	bool suspended; /* its connection is, until it is answered */
	bool gone;      /* its client has gone */
	bool broken;    /* what takes its body takes no more: the rest is thrown away */
	bool is_xml;    /* its body */
	bool created;   /* what it defines was not there */
	size_t body_len, body_max;
	char *body;  /* with a zero behind it; NULL: there is none */
	cJSON *json; /* the body, of routes that take JSON */

	/* Where in the body what the operation takes from it is: "/disk" in {"disk":{...}}; and which member
	 * of the operation that is. NULL: the body itself, and "definition". */
	const char *body_at, *stands_for;

	struct call call;
	bool called; /* call is open */
	/* The operation's result, taken over; NULL: reply_result. */
	void (*finish)(struct exchange *exchange, cJSON *result);

	struct loop_source hangup;
	unsigned status;
	struct MHD_Response *response; /* the answer, until libmicrohttpd has it */
	struct follow *follow;         /* follow.c: the answer is a stream of events */
	struct guest_xml *xml;         /* guest_xml.c: it is converted */
	struct stream *stream;         /* stream.c: the connection becomes one */
	struct picture *screenshot;    /* screenshot.c: the answer is a picture */
	struct upload *upload;         /* upload.c: its body is an image */
};

/* --- exchange.c: called by libmicrohttpd --- */

void *exchange_begin(void *owner, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_handle(void *owner, struct MHD_Connection *mhd, const char *url, const char *method,
				const char *version, const char *data, size_t *size, void **context);
void exchange_end(void *owner, struct MHD_Connection *mhd, void **context,
		  enum MHD_RequestTerminationCode code);

/* Nobody waits for anything any more: libmicrohttpd is about to be stopped. */
void exchanges_abandon(struct api *api);

/* The value of a header; NULL when it is not there. */
const char *exchange_header(const struct exchange *exchange, const char *name);
/* Its client is not read from until exchange_resume; only its end is looked for. */
void exchange_suspend(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);

/* --- admit.c --- */

/* Finds its route, and whether its client may ask that. What is refused is answered when its body was thrown
 * away, unless at_once. */
void exchange_admit(struct exchange *exchange, const char *method, const char *version);
void exchange_too_large(struct exchange *exchange); /* answers so */

/* --- operate.c --- */

/* Asks the route's operation with what path, query and body say. */
void exchange_operate(struct exchange *exchange);
/* The same with json, which is freed. */
void exchange_call(struct exchange *exchange, cJSON *json);
/* It is answered when the task has ended. */
void exchange_wait_task(struct exchange *exchange, const struct task *task);
/* The request of an operation: its name, and the variables of the path. */
cJSON *exchange_members(const struct exchange *exchange);
/* Whether a parameter of the query says true. */
bool exchange_flag(const struct exchange *exchange, const char *name);
/* A whole number that JSON can hold, or NULL. */
cJSON *number_parse(const char *text);
/* Adds the parameters of the query. -EINVAL: it was answered. */
int exchange_add_query(struct exchange *exchange, cJSON *members);
/* The same, and nothing is added. */
int exchange_check_query(struct exchange *exchange);

/* --- reply.c --- */

/* json is taken over. */
void reply_json(struct exchange *exchange, unsigned status, const char *type, cJSON *json);
/* text is taken over (malloc); NULL: no body. */
void reply_text(struct exchange *exchange, unsigned status, const char *type, char *text, size_t len);
void reply_header(struct exchange *exchange, const char *name, const char *value);
void reply_problem(struct exchange *exchange, const struct problem *problem);
/* 400 that names it. */
void reply_bad_parameter(struct exchange *exchange, const char *name, const char *must);
void reply_refusal(struct exchange *exchange, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 201 with it, which is where the request's path says. */
void reply_created(struct exchange *exchange, cJSON *json);
/* 202 with it, which is a task. */
void reply_task(struct exchange *exchange, cJSON *task);
/* 200 with it, 204 without. */
void reply_result(struct exchange *exchange, cJSON *result);
/* What an operation refuses. */
void reply_failed(struct exchange *exchange, enum exit_code code, const char *text);
