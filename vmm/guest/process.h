/*
 * A guest process: one guest from its definition to its end.
 *
 * It runs either inside `rastos-vmm run`, on the user's terminal, or as a child of the manager, to which it
 * talks over a control socket (SOCK_SEQPACKET, one JSON object a message):
 *
 *      manager -> guest   {"op":"press-power"}  {"op":"ctrl-alt-del"}  {"op":"stop"}
 *                         {"op":"console"} with a client's descriptor (SCM_RIGHTS)
 *      guest -> manager   {"event":"report","report":{...}}     each time the boot report grew
 *                         {"event":"status","text":"..."}       STATUS= of the guest's init
 *                         {"event":"ended","end":"powered-off","why":"...","console":"last lines"}
 *
 * A reset ends the process too: whoever started it starts a fresh one, so nothing survives a reboot but the
 * disks. When the manager goes away, the guest is asked to shut down and stopped after GUEST_ORPHAN_SECONDS.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/resources.h"

#define GUEST_ORPHAN_SECONDS 30
#define GUEST_MESSAGE_MAX    32768

struct guest_process_config {
	const struct guest_definition *definition;
	struct guest_resources *resources; /* descriptors are taken over */
	struct boot_recorder *recorder;    /* started by the caller */
	int control_fd;                    /* -1: no manager */
	int console_log_fd;                /* -1: none; taken over */
	bool terminal; /* standard input and output are the console; SIGINT and SIGTERM shut down */
};

/* Blocks until the guest ended; why holds one sentence unless it powered off or was reset. */
enum machine_end guest_process_run(const struct guest_process_config *config, struct error *why);

/* "powered-off", "reset", "crashed", "failed", "killed". */
const char *machine_end_name(enum machine_end end);
enum machine_end machine_end_parse(const char *name); /* MACHINE_FAILED when unknown */
/* Neither the guest nor anybody else wanted this end. */
bool machine_end_is_fault(enum machine_end end);
