/*
 * Pairs of conversions between one text of XML and one value of JSON (rule.h, struct conversion), named after
 * what the value is. A text is written only when libvirt's schema takes its characters.
 */
#pragma once

#include "vmm/domain_xml/rule.h"

extern const struct conversion convert_text; /* any characters */
extern const struct conversion convert_line; /* without a newline */
extern const struct conversion convert_name; /* of a guest, or an image of the pool */
extern const struct conversion convert_title;
extern const struct conversion convert_path;       /* of a file, absolute */
extern const struct conversion convert_file_path;  /* the same, not below /dev */
extern const struct conversion convert_block_path; /* below /dev */
extern const struct conversion convert_device;     /* an interface of the host */
extern const struct conversion convert_serial;
extern const struct conversion convert_set; /* "0-3,^2" */
extern const struct conversion convert_mac;
extern const struct conversion convert_alias;   /* ua-ID */
extern const struct conversion convert_present; /* an empty element: true */
extern const struct conversion convert_yes_no;
extern const struct conversion convert_on_off;
extern const struct conversion convert_vcpus;
extern const struct conversion convert_channel;      /* a port's name */
extern const struct conversion convert_rate_bytes;   /* of a period */
extern const struct conversion convert_rate_period;  /* ms */
extern const struct conversion convert_stats_period; /* seconds */
extern const struct conversion convert_weight;
extern const struct conversion convert_period; /* microseconds */
extern const struct conversion convert_quota;
extern const struct conversion convert_mtu;
extern const struct conversion convert_cid;
extern const struct conversion convert_block_size;
extern const struct conversion convert_bytes_sec;
extern const struct conversion convert_iops_sec;
extern const struct conversion convert_seconds;
extern const struct conversion convert_queues;
extern const struct conversion convert_kib_sec;
extern const struct conversion convert_cache;
extern const struct conversion convert_share_cache;
extern const struct conversion convert_share_queue;
extern const struct conversion convert_share_tag;
extern const struct conversion convert_share_threads;
extern const struct conversion convert_disk_format;
extern const struct conversion convert_disk_protocol;
extern const struct conversion convert_port;
extern const struct conversion convert_discard;
extern const struct conversion convert_error_policy;
extern const struct conversion convert_io;
extern const struct conversion convert_card_type;
extern const struct conversion convert_card_mode; /* of macvtap */
extern const struct conversion convert_card_queues;
extern const struct conversion convert_video_model;
extern const struct conversion convert_graphics_type;
extern const struct conversion convert_input_type;
extern const struct conversion convert_input_bus;
extern const struct conversion convert_heads; /* of a GPU */
extern const struct conversion convert_vram;  /* KiB */
extern const struct conversion convert_pixels;
extern const struct conversion convert_vhost;
extern const struct conversion convert_link;
extern const struct conversion convert_action;
extern const struct conversion convert_adjustment; /* seconds, with a sign */
extern const struct conversion convert_numa_mode;
extern const struct conversion convert_role;
extern const struct conversion convert_ready;
extern const struct conversion convert_protocol;
extern const struct conversion convert_placement;
extern const struct conversion convert_transport;
extern const struct conversion convert_watchdog_action;
extern const struct conversion convert_watchdog_model;
extern const struct conversion convert_memory_model;
extern const struct conversion convert_memory_node;

/* A whole number in text, blanks around it allowed; false: it is none, or not from min to max. */
bool number_read(const char *text, uint64_t min, uint64_t max, uint64_t *value);
