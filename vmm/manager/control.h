/*
 * The manager's control protocol, behind the command line: JSON objects, one a line, over a stream.
 *
 *      -> {"id":7,"op":"boot-report","guest":"server","wait":true,"timeout_s":60}
 *      <- {"id":7,"ok":true,"result":{...}}
 *      <- {"id":7,"ok":false,"code":3,"error":"no guest is named sever, did you mean server?"}
 *
 *      <- {"id":7,"progress":"waiting for web"}       before an answer that takes long
 *      <- {"id":7,"item":{...}}                       one of an endless answer
 *
 * What can be asked is in operations.h; `code` is the exit code of the command (vmm/exit_code.h). Two ways
 * in: a unix socket (mode 0660, group rastos where it exists), and the virtio port CONTROL_CHANNEL, through
 * which whoever owns the machine the host runs in may manage it, as with qemu-guest-agent. A line is at most
 * CONTROL_LINE_MAX bytes. A client that lets its socket fill up is dropped; one too many is told so (id 0)
 * and turned away. Loop thread only.
 */
#pragma once

#include "common/error.h"
#include "vmm/manager/manager.h"

#define CONTROL_CHANNEL     "org.rastos.vmm.0"
#define CONTROL_LINE_MAX    (2U << 20) /* a definition, and some */
#define CONTROL_CLIENTS_MAX 64
#define CONTROL_UNSENT_MAX  (1U << 20) /* bytes that a client has not read: who then gets more is dropped */

struct control;
struct operations;

/* Listens on the settings' socket, and on the channel where there is one. Sets manager->changed. down: called
 * once the guests are off after a "down"; poweroff says whether the host is to follow. */
int control_open(struct manager *manager, void (*down)(void *owner, bool poweroff), void *owner,
		 struct control **control, struct error *err);
/* Takes no new clients any more; those that are there are still answered. */
void control_deafen(struct control *control);
void control_close(struct control *control); /* NULL is allowed */

/* What its clients ask for, for other ways in. */
struct operations *control_operations(struct control *control);

/* As if a client had asked for it; for signals. */
void control_down(struct control *control, unsigned timeout_s, bool force);
