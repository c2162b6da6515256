/* Disks. Limits are printed only when they are given. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
#define DISK     "devices/disk"
#define RAW_ONLY "a disk is raw: `rastos-vmm disk import` makes a raw image of the pool of it"
#define VIRTIO   "every disk is a virtio disk, which Linux calls vda, vdb ..."
#define HOST     "disks are served by the guest's process"

static const struct rule rules[] = {
	IGNORE (DISK, "a drive without a medium: media cannot be put in later", WHEN("@device=cdrom|floppy&!source"), MANY),
	REFUSE (DISK, "there is no floppy drive", WHEN("@device=floppy"), MANY),
	REFUSE (DISK, "a disk is of type file, block or volume", WHEN("@type=network|dir|nvme|vhostuser|vhostvdpa"), MANY),
	LIST   (DISK, "disks", 16, .special = &special_disk),
	SPECIAL(DISK "/@type", disk_type, "`file`, `block` or `volume`: said by the source"),
	FIXED  (DISK "/@device", "disk"),
	IGNORE (DISK "/@device", "a CD-ROM is a read-only disk here", WHEN(".=cdrom")),
	REFUSE (DISK "/@device", "give device=\"disk\""),
	FIXED  (DISK "/@model", "virtio", .key = "-"),
	IGNORE (DISK "/@model", "virtio devices are modern ones", WHEN(".=virtio-transitional|virtio-non-transitional")),
	REFUSE (DISK "/@model", "give model=\"virtio\""),
	IGNORE (DISK "/@snapshot", "there are no snapshots"),
	FIXED  (DISK "/@rawio", "no", .key = "-"),
	REFUSE (DISK "/@rawio", "no commands go through to the host's disk"),
	REFUSE (DISK "/@sgio", "no commands go through to the host's disk"),

	HOLD   (DISK "/driver"),
	FIXED  (DISK "/driver/@name", "qemu"),
	IGNORE (DISK "/driver/@name", HOST),
	FIXED  (DISK "/driver/@type", "raw"),
	REFUSE (DISK "/driver/@type", RAW_ONLY),
	HOLD   (DISK "/driver/@cache", WHEN(".=default")),
	MAP    (DISK "/driver/@cache", "cache", cache, ELSE("\"writeback\"")),
	REFUSE (DISK "/driver/@error_policy", "a full host is an error like others: give error_policy=\"stop\"", WHEN(".=enospace")),
	MAP    (DISK "/driver/@error_policy", "error_policy", error_policy, ELSE("\"report\"")),
	IGNORE (DISK "/driver/@rerror_policy", "reads and writes have one policy", WHEN("@error_policy=stop&.=stop")),
	IGNORE (DISK "/driver/@rerror_policy", "reads and writes have one policy", WHEN("@error_policy=report&.=report")),
	IGNORE (DISK "/driver/@rerror_policy", "reads and writes have one policy", WHEN("@error_policy=ignore&.=ignore")),
	REFUSE (DISK "/driver/@rerror_policy", "reads and writes have one policy: give error_policy"),
	MAP    (DISK "/driver/@discard", "discard", discard, ELSE("\"ignore\"")),
	IGNORE (DISK "/driver/@io", "where it is to be had, io_uring does the same", WHEN(".=native")),
	MAP    (DISK "/driver/@io", "io", io, ELSE("\"auto\"")),
	IGNORE (DISK "/driver/@iothread", "each disk has its own thread"),
	IGNORE (DISK "/driver/@ioeventfd", "is always on"),
	MAP    (DISK "/driver/@event_idx", "driver.event_idx", on_off, ELSE("true")),
	MAP    (DISK "/driver/@packed", "driver.packed", on_off, ELSE("false")),
	MAP    (DISK "/driver/@queues", "queues", queues, ELSE("1")),
	IGNORE (DISK "/driver/@queue_size", "a queue has its size"),
	FIXED  (DISK "/driver/@copy_on_read", "off", .key = "-"),
	REFUSE (DISK "/driver/@copy_on_read", "a disk has nothing behind it to copy from"),
	FIXED  (DISK "/driver/@detect_zeroes", "off", .key = "-"),
	REFUSE (DISK "/driver/@detect_zeroes", "zeros are written as they are: give detect_zeroes=\"off\""),
	FIXED  (DISK "/driver/@iommu", "off", .key = "-"),
	REFUSE (DISK "/driver/@iommu", "there is no IOMMU"),
	REFUSE (DISK "/driver/@ats", "there is no IOMMU"),
	REFUSE (DISK "/driver/@page_per_vq", "the guest's driver chooses among what is offered"),
	REFUSE (DISK "/driver/metadata_cache", RAW_ONLY),

	HOLD   (DISK "/source"),
	MAP    (DISK "/source/@file", "path", file_path),
	MAP    (DISK "/source/@dev", "path", block_path),
	FIXED  (DISK "/source/@pool", "default", .key = "image"),
	REFUSE (DISK "/source/@pool", "there is one pool: give pool=\"default\""),
	MAP    (DISK "/source/@volume", "image", name),
	FIXED  (DISK "/source/@mode", "host", .key = "-"),
	REFUSE (DISK "/source/@mode", "the pool has files only"),
	IGNORE (DISK "/source/@index", "a number that the disk had while the guest ran"),
	FIXED  (DISK "/source/@startupPolicy", "mandatory", .key = "-"),
	REFUSE (DISK "/source/@startupPolicy", "a guest whose disk is missing does not start"),
	IGNORE (DISK "/source/seclabel", "a guest's jail is its manager's", MANY),
	REFUSE (DISK "/source/encryption", "a disk is raw; encrypt it in the guest"),
	REFUSE (DISK "/source/reservations", "there are no SCSI disks"),
	REFUSE (DISK "/source/slices", "a disk is a whole file or block device"),
	IGNORE (DISK "/backingStore", "says that there is nothing behind the disk", WHEN("!source&!@type")),
	REFUSE (DISK "/backingStore", RAW_ONLY),
	REFUSE (DISK "/mirror", "disks are not mirrored"),
	REFUSE (DISK "/auth", "a disk is a file or block device of the host"),
	REFUSE (DISK "/encryption", "a disk is raw; encrypt it in the guest"),

	HOLD   (DISK "/target"),
	SPECIAL(DISK "/target/@dev", disk_target, "the disks' order: vda, vdb ...", WHEN(".=vd*")),
	IGNORE (DISK "/target/@dev", VIRTIO),
	FIXED  (DISK "/target/@bus", "virtio"),
	IGNORE (DISK "/target/@bus", VIRTIO, WHEN(".=ide|sata|scsi|usb|sd|fdc|xen")),
	REFUSE (DISK "/target/@bus", VIRTIO),
	IGNORE (DISK "/target/@tray", "there are no media to take out"),
	IGNORE (DISK "/target/@removable", "no disk is removable"),
	IGNORE (DISK "/target/@rotation_rate", "no disk tells how fast it turns"),
	HOLD   (DISK "/iotune"),
#define IOTUNE(what) \
	MAP    (DISK "/iotune/" what "_bytes_sec", "iotune." what ".bytes_sec", bytes_sec), \
	MAP    (DISK "/iotune/" what "_iops_sec", "iotune." what ".iops_sec", iops_sec), \
	MAP    (DISK "/iotune/" what "_bytes_sec_max", "iotune." what ".bytes_sec_max", bytes_sec), \
	MAP    (DISK "/iotune/" what "_iops_sec_max", "iotune." what ".iops_sec_max", iops_sec), \
	MAP    (DISK "/iotune/" what "_bytes_sec_max_length", "iotune." what ".bytes_sec_max_length", seconds, ELSE("1")), \
	MAP    (DISK "/iotune/" what "_iops_sec_max_length", "iotune." what ".iops_sec_max_length", seconds, ELSE("1"))
	IOTUNE ("total"),
	IOTUNE ("read"),
	IOTUNE ("write"),
	REFUSE (DISK "/iotune/size_iops_sec", "an operation counts as one, whatever its size"),
	REFUSE (DISK "/iotune/group_name", "each disk has its own limits"),
	MAP    (DISK "/readonly", "read_only", present, ELSE("false")),
	MAP    (DISK "/shareable", "shareable", present, ELSE("false")),
	REFUSE (DISK "/transient", "what is written stays: `rastos-vmm disk clone` makes a disk to throw away"),
	MAP    (DISK "/serial", "id", serial),
	HOLD   (DISK "/blockio"),
	MAP    (DISK "/blockio/@logical_block_size", "block_size.logical", block_size, ELSE("512")),
	MAP    (DISK "/blockio/@physical_block_size", "block_size.physical", block_size),
	IGNORE (DISK "/blockio/@discard_granularity", "is the block's size"),
	SPECIAL(DISK "/boot", device_boot, "the lowest order boots, by the kernel in its /boot", .key = "kernel.from_disk"),
	HOLD   (DISK "/boot/@order"),
	IGNORE (DISK "/boot/@loadparm", "is of s390 machines"),
	IGNORE (DISK "/alias", "disks are named by their serial numbers"),
	IGNORE (DISK "/address", "devices find their places by themselves"),
	IGNORE (DISK "/acpi", "devices find their places by themselves"),
	REFUSE (DISK "/geometry", "a disk has no cylinders"),
	REFUSE (DISK "/wwn", "is of SCSI disks: give <serial>"),
	REFUSE (DISK "/vendor", "is of SCSI disks: give <serial>"),
	REFUSE (DISK "/product", "is of SCSI disks: give <serial>"),
	REFUSE (DISK "/backenddomain", "is of Xen"),
};
/* clang-format on */

const struct rule_group disk_group = {"Disks", RULES_OF(rules)};
