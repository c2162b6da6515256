/*
 * Speaks the control protocol (vmm/manager/control.h) to a manager: on its unix socket, or on the socket that
 * QEMU gives the virtio port of a machine whose host is rastOS.
 */
#pragma once

#include "vmm/cli/cli.h"

struct client {
	int fd;
	double id; /* of the last request */
	size_t used;
	char buffer[65536];
};

/* -ENOENT and -ECONNREFUSED: no manager runs; the sentence says how to start one. */
int client_connect(const struct cli *cli, struct client *client, struct error *err);
void client_close(struct client *client);

/* A request to be filled with members: {"id":...,"op":op}. */
cJSON *client_request_new(struct client *client, const char *op);
/*
 * Sends request (and frees it), waits up to timeout_s (0: for ever) for its answer. EXIT_DONE: *result is the
 * answer's result, or NULL (the caller frees it). Otherwise err holds the sentence, and *answer, when asked
 * for, the whole answer.
 */
enum exit_code client_call(struct client *client, cJSON *request, unsigned timeout_s, cJSON **result,
			   cJSON **answer, struct error *err);

/* Connects, calls op on guest (NULL: none), prints the error if any. *result may be NULL when nobody wants
 * it. */
enum exit_code client_do(const struct cli *cli, const char *op, const char *guest, cJSON **result);
