#include <criterion/criterion.h>

#include "rinit/mounts_hang.h"

Test(mounts_hang, types_that_ask_a_server_or_a_program)
{
	static const char *const may[] = {"nfs",     "nfs4 host:/x", "cifs",   "smb3", "fuse.sshfs x",
					  "fuseblk", "9p rastos rw", "autofs", "ceph", "afs"};
	static const char *const not [] = {"ext4",  "tmpfs", "overlay", "proc", "cgroup2",
					   "erofs", "",      "n",       "nf"};

	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++)
		cr_assert(mount_type_may_hang(may[i]), "%s", may[i]);
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		cr_assert_not(mount_type_may_hang(not [i]), "%s", not [i]);
}
