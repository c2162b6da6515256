/* Attaching to a guest's console, for `console` and `up`. */
#pragma once

#include "vmm/cli/cli.h"
#include "vmm/terminal/attach.h"

/* Opens the guest's console through the manager, says how to leave (hint: the keys as the user wrote them;
 * NULL: says nothing), or this channel of its (NULL: none), and joins it to the terminal until the user or the guest ends it. The stream leads to
 * the guest's process: it goes on when the manager ends. */
enum exit_code console_attach(const struct cli *cli, const char *guest, const char *channel,
			      const struct detach_keys *keys, const char *hint, enum attach_end *end,
			      struct error *err);
/* The guest's state, "" when it cannot be had. */
void console_guest_state(const struct cli *cli, const char *guest, char state[16]);
