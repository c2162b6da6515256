/*
 * Speaks the control protocol (vmm/manager/control.h) to a manager: on its unix socket, or on the socket that
 * QEMU gives the virtio port of a machine whose host is rastOS.
 */
#pragma once

#include "vmm/cli/cli.h"
#include "vmm/cli/status_line.h"

#define CLIENT_ANSWER_MAX (16U << 20) /* bytes of an answer */

struct client {
	int fd;
	double id; /* of the last request */
	size_t used, room;
	char *buffer;
	struct status_line line;
	/* For each item of an endless answer, which stays the client's. NULL: nobody wants them. */
	void (*item)(void *owner, const cJSON *item);
	void *owner;
};

/* -ENOENT and -ECONNREFUSED: no manager runs; the sentence says how to start one. */
int client_connect(const struct cli *cli, struct client *client, struct error *err);
void client_close(struct client *client);

/* A request to be filled with members: {"id":...,"op":op}. */
cJSON *client_request_new(struct client *client, const char *op);
/* The same for a request that has members already. */
void client_request_fill(struct client *client, cJSON *request, const char *op);
/* Sends request and frees it. */
int client_send(struct client *client, cJSON *request, struct error *err);
/*
 * Waits up to timeout_s (0: for ever) for the answer, showing what the manager waits for. EXIT_DONE: *result
 * is the answer's result, or NULL (the caller frees it). Otherwise err holds the sentence, and *answer, when
 * asked for, the whole answer.
 */
enum exit_code client_wait(struct client *client, unsigned timeout_s, cJSON **result, cJSON **answer,
			   struct error *err);
/* Both. */
enum exit_code client_call(struct client *client, cJSON *request, unsigned timeout_s, cJSON **result,
			   cJSON **answer, struct error *err);

/* Connects, calls op on guest (NULL: none), prints the error if any. *result may be NULL when nobody wants
 * it. */
enum exit_code client_do(const struct cli *cli, const char *op, const char *guest, cJSON **result);
/* The same with more members, which stay the caller's (NULL: none); without a word: err holds the sentence.
 */
enum exit_code client_ask(const struct cli *cli, const char *op, const char *guest, const cJSON *members,
			  cJSON **result, struct error *err);
