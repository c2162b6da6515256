/*
 * Mounts and unmounts what one .mount or .swap unit is about: rinitctl under another name, beside PID 1,
 * since all of this may block. It waits for the device, has it checked (fsck(8)), makes the mount point and
 * mounts, the last in a child of its own that is left behind when it takes too long: a mount may not even
 * listen to SIGKILL. For a .device unit it only waits.
 *
 *      mount|umount WHAT WHERE TYPE OPTIONS FILE [KEY=VALUE...]    FILE is the unit's, the rest of its keys
 * follow wait PATH                                                   /dev/... or /sys/...
 */
#pragma once

#define MOUNT_HELPER_NAME "rinit-mount"

#define MOUNT_EXIT_FAILED 1
#define MOUNT_EXIT_REBOOT 2 /* fsck mended the root that we run on: only a new boot sees what it did */

int mount_helper_main(int argc, char **argv);

/* What fsck's exit status means, pure. */
enum fsck_verdict { FSCK_GO_ON, FSCK_REBOOT, FSCK_LEFT_ERRORS, FSCK_NOT_CHECKED };
enum fsck_verdict fsck_verdict(int exit_status);
