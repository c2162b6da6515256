/*
 * GET of a guest's screenshot: the guest's process writes the picture into a socket, and it is passed on as
 * it comes, bounded in size and time: whatever a process that its guest has taken over writes, it is that
 * client's answer alone. An end before the first byte is a display that is dark. Internal to vmm/api.
 */
#pragma once

struct exchange;
struct picture;

/* The route. */
void screenshot_start(struct exchange *exchange);

/* --- Called by the operation: operations.h, struct call_peer --- */

int screenshot_socket(struct exchange *exchange);
void screenshot_over(struct exchange *exchange);
/* The exchange ends. */
void screenshot_close(struct exchange *exchange);
