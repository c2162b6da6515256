#include "vmm/jail/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What jail_close does with them: mount, pivot_root, the sysctl's file, its chroot, the bounding set. */
static const unsigned char handed_on[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_RESOURCE, CAP_SETPCAP};

/* exec takes the capabilities of who is not root, but for ambient ones (capabilities(7)). */
int privileges_hand_on(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(handed_on); i++)
		sets[CAP_TO_INDEX(handed_on[i])].inheritable |= CAP_TO_MASK(handed_on[i]);
	if (syscall(SYS_capset, &header, sets) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(handed_on); i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, handed_on[i], 0, 0) < 0)
			return -errno;
	}
	return 0;
}

int privileges_freeze(struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "jail: cannot renounce new privileges: %m");
	return 0;
}

/* A bit a capability. The kernel refuses the first number that it knows no capability by. */
static int bounding_set_leave(uint64_t kept, struct error *err)
{
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability) < 0)
			return errno == EINVAL
				       ? 0
				       : error_set(err, -errno, "jail: cannot give up capabilities: %m");
	}
	return 0;
}

static int privileges_leave(uint64_t kept, struct error *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
	int code = bounding_set_leave(kept, err);

	if (code < 0)
		return code;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].permitted = sets[i].effective = (uint32_t)(kept >> (32 * i));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &header, sets) < 0)
		return error_set(err, -errno, "jail: cannot give up all capabilities: %m");
	/* Else it would have the manager's. A kernel without keyrings has nothing to take. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return error_set(err, -errno, "jail: cannot leave the session's keyring: %m");
	return privileges_freeze(err);
}

int privileges_drop(struct error *err)
{
	return privileges_leave(0, err);
}

int privileges_keep_owners(struct error *err)
{
	static const unsigned char kept[] = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
					     CAP_SETGID,  CAP_SETUID,       CAP_MKNOD,  CAP_SETFCAP,
					     CAP_SETPCAP, CAP_SYS_CHROOT};
	uint64_t set = 0;

	for (size_t i = 0; i < sizeof(kept); i++)
		set |= UINT64_C(1) << kept[i];
	return privileges_leave(set, err);
}
