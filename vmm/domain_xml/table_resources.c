/* Memory, vCPUs, and where they are on the host. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
#define NO_LIMITS "a guest's part of the host is its number of vCPUs, and <shares>"

static const struct rule rules[] = {
	SPECIAL("memory", memory, "whole MiB, in any unit of libvirt's; printed as KiB", .key = "memory_mib"),
	HOLD   ("memory/@unit"),
	FIXED  ("memory/@dumpCore", "off", .key = "-"),
	IGNORE ("memory/@dumpCore", "a guest's memory is never in a core dump"),
	SPECIAL("currentMemory", current_memory, "less than `memory` with a balloon", .key = "current_memory_mib"),
	HOLD   ("currentMemory/@unit"),
	REFUSE ("maxMemory", "memory cannot be plugged in: give it all in <memory>"),

	HOLD   ("memoryBacking"),
	SPECIAL("memoryBacking/hugepages", hugepages, "without a page: `true`; of 2 MiB: `2M`, of 1 GiB: `1G`",
		.key = "memory_backing.hugepages", ELSE("false")),
	HOLD   ("memoryBacking/hugepages/page"),
	HOLD   ("memoryBacking/hugepages/page/@size"),
	HOLD   ("memoryBacking/hugepages/page/@unit"),
	REFUSE ("memoryBacking/hugepages/page/@nodeset", "all of a guest's memory is of one kind of page"),
	IGNORE ("memoryBacking/nosharepages", "the host joins no pages of guests"),
	REFUSE ("memoryBacking/locked", "memory is kept in place by huge pages: give <hugepages/>"),
	IGNORE ("memoryBacking/source", "guest memory is a memfd", WHEN("@type=memfd|anonymous")),
	REFUSE ("memoryBacking/source", "guest memory is a memfd: give type=\"memfd\""),
	IGNORE ("memoryBacking/access", "guest memory is a memfd, for the guest's own helpers to share"),
	IGNORE ("memoryBacking/allocation", "memory is there when it is used, and huge pages from the start"),
	IGNORE ("memoryBacking/discard", "guest memory is gone with the guest"),
	REFUSE ("memtune", "a guest's memory is what <memory> says"),

	MAP    ("vcpu", "vcpus", vcpus),
	FIXED  ("vcpu/@placement", "static", .key = "vcpus"),
	IGNORE ("vcpu/@placement", "the plan of the host finds the place", WHEN(".=auto")),
	MAP    ("vcpu/@cpuset", "cpus.pin", set, .beside = "vcpus"),
	SPECIAL("vcpu/@current", current_vcpus, "less than there are: the others come later", .key = "current_vcpus"),
	SPECIAL("vcpus", vcpus, "the first ones enabled, as many as `vcpu/@current`"),
	HOLD   ("vcpus/vcpu", MANY),
	HOLD   ("vcpus/vcpu/@id"),
	HOLD   ("vcpus/vcpu/@enabled"),
	IGNORE ("vcpus/vcpu/@hotpluggable", "where vCPUs come and go, all but the first do"),
	IGNORE ("vcpus/vcpu/@order", "they come in the order of their ids"),

	HOLD   ("cputune"),
	MAP    ("cputune/shares", "cpus.weight", weight, ELSE("100")),
	REFUSE ("cputune/vcpupin", "all vCPUs of a guest are pinned alike: give <vcpu cpuset=\"...\">", MANY),
	REFUSE ("cputune/emulatorpin", "devices run on the CPUs of <vcpu cpuset=\"...\">"),
	REFUSE ("cputune/iothreadpin", "devices run on the CPUs of <vcpu cpuset=\"...\">", MANY),
	REFUSE ("cputune/period", NO_LIMITS),
	REFUSE ("cputune/quota", NO_LIMITS),
	REFUSE ("cputune/global_period", NO_LIMITS),
	REFUSE ("cputune/global_quota", NO_LIMITS),
	REFUSE ("cputune/emulator_period", NO_LIMITS),
	REFUSE ("cputune/emulator_quota", NO_LIMITS),
	REFUSE ("cputune/iothread_period", NO_LIMITS),
	REFUSE ("cputune/iothread_quota", NO_LIMITS),
	REFUSE ("cputune/vcpusched", NO_LIMITS, MANY),
	REFUSE ("cputune/iothreadsched", NO_LIMITS, MANY),
	REFUSE ("cputune/emulatorsched", NO_LIMITS),
	REFUSE ("cputune/cachetune", NO_LIMITS, MANY),
	REFUSE ("cputune/memorytune", NO_LIMITS, MANY),

	HOLD   ("numatune"),
	HOLD   ("numatune/memory"),
	MAP    ("numatune/memory/@mode", "numa.mode", numa_mode, ELSE("\"strict\"")),
	MAP    ("numatune/memory/@nodeset", "numa.nodes", set),
	FIXED  ("numatune/memory/@placement", "static", .key = "-"),
	REFUSE ("numatune/memory/@placement", "give the nodes: nodeset=\"0\""),
	REFUSE ("numatune/memnode", "all of a guest's memory is of the same nodes", MANY),

	IGNORE ("iothreads", "each disk has its own thread"),
	IGNORE ("iothreadids", "each disk has its own thread"),
	IGNORE ("defaultiothread", "each disk has its own thread"),
	REFUSE ("blkiotune", "a disk's limits are its own: give <iotune> in the disk"),
	IGNORE ("resource", "a guest's control group is its manager's"),
	IGNORE ("seclabel", "a guest's jail is its manager's", MANY),
	REFUSE ("idmap", "a guest is a whole machine, no container"),
	REFUSE ("perf", "performance counters are not handed out"),
	REFUSE ("keywrap", "is of s390 machines"),
	REFUSE ("launchSecurity", "there is no memory encryption"),
};
/* clang-format on */

const struct rule_group resource_group = {"Memory and vCPUs", RULES_OF(rules)};
