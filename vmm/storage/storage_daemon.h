/*
 * The process that keeps one disk's storage daemon: qemu-storage-daemon(1), which reads and writes formats
 * and protocols that we have no code for, and serves the disk over vhost-user (devmodel/virtio/vhost_user.h).
 *
 *      manager ---starts---> this process ---starts, again and again---> qemu-storage-daemon
 *      guest process <------channel------ connections                            |
 *            '--------------------------------vhost-user-------------------------'
 *
 * It is this program again, executed by jail_spawn: in namespaces of its own, as a user that nobody else is,
 * in a root that has the system's programs, the files of the disk, and nothing else; without network, but for
 * disks of a server by host and port. The image may be hostile, and so may the guest.
 *
 * It lives as long as the guest process holds its end of the channel, whatever becomes of the manager. At the
 * end, the daemon puts everything away before it is ended. A daemon that dies, or that the guest process
 * calls of no use, is started anew, or, without "reconnect", is the end.
 *
 *      descriptor 2   errors of its own, before there is a guest to tell them
 *                 3   the plan (storage_plan.h): sealed memory
 *                 4   the channel
 *                 5 + 2n, 6 + 2n   of file n: the open file, whose lock is held so long; a mount of it
 */
#pragma once

#include "common/error.h"

#define STORAGE_DAEMON_COMMAND "storage-daemon"

#define STORAGE_PLAN_FD    3
#define STORAGE_CHANNEL_FD 4
#define STORAGE_FILES_FD   5

/* All of the process' life. What fails before the guest can be told is told into the channel as text, and is
 * the end. */
int storage_daemon_run(struct error *err);
