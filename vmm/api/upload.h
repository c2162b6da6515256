/*
 * PUT of a disk as the image's bytes (application/octet-stream): they go from the connection to the task that
 * makes the disk (vmm/manager/disk_upload.h) as fast as that takes them, and are kept nowhere between.
 *
 * The task begins with the request's headers, so that what can be refused is refused before the bytes come.
 * Its length must be known: who breaks off ends it, and nothing is left. A client that sends nothing for
 * API_REQUEST_S has gone.
 */
#pragma once

#include "vmm/api/route.h"

#define UPLOAD_TYPE "application/octet-stream"

struct upload; /* of an exchange */

/* By the headers: begins it, or answers why not. */
void upload_begin(struct exchange *exchange);
/* Bytes of the body: how many were taken. When they were not all, the exchange is suspended until there is
 * room. -EPIPE: the task takes no more, and the client is to be told no earlier than it has sent all. */
ssize_t upload_take(struct exchange *exchange, const char *data, size_t len);
/* Whether bytes are still to come. */
bool upload_goes_on(const struct exchange *exchange);
/* All of them came. */
void upload_end(struct exchange *exchange);
/* Whoever sends is gone when that was not called. NULL is allowed. */
void upload_free(struct upload *upload);
