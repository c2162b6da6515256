/*
 * The host's directory that a guest shares, as who starts the guest opens it: whether it may be shared at
 * all, and who its daemon is.
 *
 * Started by root, the daemon is root in a user namespace whose users are nobody on the host (ids from
 * FILESYSTEM_IDS_FIRST on), and sees the directory through a view (vmm/storage/source_view.h) in which files
 * have the owners that they have: the guest's user N is the host's. A file system that cannot have such a
 * view (overlayfs; tmpfs before Linux 6.3) is given to a namespace in which each user is himself. In both the
 * daemon has rights over this mount, and none over the host. Started by another user it is that user, and all
 * that the guest's root makes is his.
 */
#pragma once

#include <sys/types.h>

#include "common/error.h"
#include "vmm/config/filesystem.h"
#include "vmm/config/settings.h"

struct filesystem_source {
	int fd;   /* of the directory, O_PATH */
	int tree; /* a mount of it that is nowhere yet; -1: its process makes it */
	uid_t uid;
	gid_t gid;
	unsigned ids; /* see jail_config */
};

/* 0, or a negative errno and one sentence with the tag: it is missing, no directory, a symbolic link, the
 * host's root, or has to do with folders of the manager. */
int filesystem_source_open(const struct filesystem_definition *filesystem, const struct settings *settings,
			   struct filesystem_source *source, struct error *err);
void filesystem_source_close(struct filesystem_source *source);
