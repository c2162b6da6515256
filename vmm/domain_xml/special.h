/* The functions of rules that need more than one value, by the part of the domain that they are for (rule.h).
 */
#pragma once

#include "vmm/domain_xml/rule.h"

/* special_memory.c */
extern const struct special special_memory;
extern const struct special special_current_memory;
extern const struct special special_max_memory;
extern const struct special special_memory_device_size;
extern const struct special special_memory_device_more;
extern const struct special special_hugepages;

/* special_resources.c */
extern const struct special special_current_vcpus;
extern const struct special special_vcpus;
extern const struct special special_vcpupin;
extern const struct special special_cpu_feature;
extern const struct special special_clock_offset;

/* special_boot.c */
extern const struct special special_os_boot;
extern const struct special special_device_boot;

/* special_disk.c */
extern const struct special special_disk_type;
extern const struct special special_disk;
extern const struct special special_disk_target;
extern const struct special special_disk_format;

/* special_network.c */
extern const struct special special_port_forward;
extern const struct special special_card_backend;

/* special_console.c */
extern const struct special special_serial;
extern const struct special special_console;
extern const struct special special_rng;
extern const struct special special_memballoon;

/* special_video.c */
extern const struct special special_video;

/* metadata.c */
extern const struct special special_metadata;
extern const struct special special_depends;

/* remainder.c */
extern const struct special special_remainder_value;
extern const struct special special_remainder_absent;
