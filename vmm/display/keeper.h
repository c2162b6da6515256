/*
 * The process that keeps a guest's viewers: it takes their connections, and has a process of its own serve
 * each of them (session.h).
 *
 *      viewer --connects--> keeper --forks--> session <--RFB--> viewer
 *                              |                 |
 *                           channel            link (wire.h)
 *                              '--> guest process <'
 *
 * It reads nothing that a viewer sends, and of the guest process nothing but its end, which is the keeper's
 * and its sessions', too. A viewer too many waits until another one goes.
 *
 *      channel, SOCK_SEQPACKET: keeper -> guest process
 *                              KEEPER_READY   it listens, first of all; meant for who started it
 *                              KEEPER_LINK    with the guest process' end of a new link
 */
#pragma once

#include "common/error.h"

#define KEEPER_READY 'R'
#define KEEPER_LINK  'L'

struct keeper_config {
	int channel;
	int listener;         /* a stream socket's */
	const char *name;     /* of the guest: what viewers call their window */
	const char *password; /* NULL: none */
};

/* Until the guest process has ended. */
int keeper_run(const struct keeper_config *config, struct error *err);
