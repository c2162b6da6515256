#include "vmm/jail/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

/* struct landlock_ruleset_attr as of ABI 6; Debian 12's header has its first member only. A kernel takes a
 * longer one than its own as long as the rest is zero. */
struct ruleset {
	uint64_t files, net, scopes;
};

/* What each ABI version brought: numbers of rights it knows (landlock(7), "Features"). */
static const struct {
	unsigned files, net, scopes;
} versions[] = {
	[1] = {13, 0, 0}, [2] = {14, 0, 0}, [3] = {15, 0, 0},
	[4] = {15, 2, 0}, [5] = {16, 2, 0}, [6] = {16, 2, 2},
};

static uint64_t rights(unsigned count)
{
	return (1ULL << count) - 1;
}

int landlock_forbid_all(struct error *err)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	AUTO_CLOSE int fd = -1;
	struct ruleset ruleset;
	size_t known;

	if (version < 1)
		return errno == ENOSYS || errno == EOPNOTSUPP
			       ? 0
			       : error_set(err, -errno, "jail: cannot ask for Landlock: %m");
	known = MIN((size_t)version, ARRAY_SIZE(versions) - 1);
	ruleset = (struct ruleset){
		.files = rights(versions[known].files),
		.net = rights(versions[known].net),
		.scopes = rights(versions[known].scopes),
	};
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return error_set(err, -errno, "jail: cannot apply Landlock: %m");
	return 0;
}
