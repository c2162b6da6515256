/* Directories of the host that a guest shares. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
#define SHARE "devices/filesystem"

static const struct rule rules[] = {
	REFUSE (SHARE, "the host's directories are shared: give type=\"mount\"", WHEN("@type=file|block|template|ram|bind"), MANY),
	REFUSE (SHARE, "directories are shared by virtiofs: give <driver type=\"virtiofs\"/>", WHEN("!driver/@type"), MANY),
	REFUSE (SHARE, "directories are shared by virtiofs: give <driver type=\"virtiofs\"/>",
		WHEN("driver/@type=path|handle|loop|nbd|ploop|mtp"), MANY),
	REFUSE (SHARE, "the directory's daemon is started here: give a source with dir, not a socket", WHEN("source/@socket"), MANY),
	LIST   (SHARE, "filesystems", 8),
	FIXED  (SHARE "/@type", "mount"),
	FIXED  (SHARE "/@accessmode", "passthrough"),
	REFUSE (SHARE "/@accessmode", "files keep their owners: give accessmode=\"passthrough\""),
	FIXED  (SHARE "/@model", "virtio", .key = "-"),
	IGNORE (SHARE "/@model", "virtio devices are modern ones"),
	REFUSE (SHARE "/@fmode", "files have the modes that the guest gives them"),
	REFUSE (SHARE "/@dmode", "files have the modes that the guest gives them"),
	IGNORE (SHARE "/@multidevs", "what is mounted below is told to the guest"),
	HOLD   (SHARE "/driver"),
	FIXED  (SHARE "/driver/@type", "virtiofs"),
	MAP    (SHARE "/driver/@queue", "queue_size", share_queue, ELSE("128")),
	MAP    (SHARE "/driver/@packed", "driver.packed", on_off, ELSE("false")),
	FIXED  (SHARE "/driver/@iommu", "off", .key = "-"),
	REFUSE (SHARE "/driver/@iommu", "there is no IOMMU"),
	REFUSE (SHARE "/driver/@ats", "there is no IOMMU"),
	REFUSE (SHARE "/driver/@page_per_vq", "the guest's driver chooses among what is offered"),
	HOLD   (SHARE "/binary"),
	IGNORE (SHARE "/binary/@path", "it is the host's virtiofsd"),
	MAP    (SHARE "/binary/@xattr", "xattr", on_off, ELSE("false")),
	HOLD   (SHARE "/binary/cache"),
	MAP    (SHARE "/binary/cache/@mode", "cache", share_cache, ELSE("\"auto\"")),
	IGNORE (SHARE "/binary/sandbox", "it is in a jail of its own"),
	HOLD   (SHARE "/binary/lock"),
	MAP    (SHARE "/binary/lock/@posix", "posix_lock", on_off, ELSE("false")),
	MAP    (SHARE "/binary/lock/@flock", "flock", on_off, ELSE("false")),
	HOLD   (SHARE "/binary/thread_pool"),
	MAP    (SHARE "/binary/thread_pool/@size", "thread_pool", share_threads, ELSE("0")),
	HOLD   (SHARE "/source"),
	MAP    (SHARE "/source/@dir", "path", path),
	HOLD   (SHARE "/target"),
	MAP    (SHARE "/target/@dir", "tag", share_tag),
	MAP    (SHARE "/readonly", "read_only", present, ELSE("false")),
	REFUSE (SHARE "/space_hard_limit", "how much a directory may hold is its file system's affair"),
	REFUSE (SHARE "/space_soft_limit", "how much a directory may hold is its file system's affair"),
	IGNORE (SHARE "/boot", "a guest boots by its own kernel"),
	IGNORE (SHARE "/alias", "a name that it had while the guest ran"),
	IGNORE (SHARE "/address", "devices find their places by themselves"),
};
/* clang-format on */

const struct rule_group filesystem_group = {"Filesystems", RULES_OF(rules)};
