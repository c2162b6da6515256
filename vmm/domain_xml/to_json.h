/*
 * Domain XML -> a guest's definition: walks the document once, and for each element and attribute does what
 * its rule says (rule.h). What only shows when all has been seen (what is booted, what is missing) is done at
 * the end.
 *
 * What libvirt's XML does not say has libvirt's meaning: no <rng> is no entropy device, and a guest that is
 * not one of ours by its metadata has role "guest", counts as ready once it runs, and is not started by `up`.
 */
#pragma once

#include <cjson/cJSON.h>
#include <libxml/tree.h>
#include <stdbool.h>

#include "vmm/domain_xml/refusal.h"
#include "vmm/domain_xml/rule.h"

#define READER_DISKS_MAX   16
#define READER_PATH_MAX    256
#define READER_IGNORED_MAX 256

/* What boots, so far: the one with the lowest order. */
struct boot_choice {
	const xmlNode *node; /* NULL: nothing is said */
	unsigned order;
	int disk;        /* its index; -1: what nothing boots from here */
	bool first_disk; /* the first disk, whichever that is */
};

struct reader {
	struct rule_index index;
	struct refusal *refusal;
	cJSON *definition;
	cJSON *ignored;
	const struct rule *ignored_rules[READER_IGNORED_MAX];
	unsigned ignored_count;
	char path[READER_PATH_MAX]; /* of the rule that is being looked for */

	/* Seen on the way; decided at the end. */
	struct boot_choice boot;
	unsigned boot_orders; /* of <os><boot>: which one it is */
	unsigned disk_count;
	const xmlNode *disks[READER_DISKS_MAX];
	bool cdrom[READER_DISKS_MAX];
	char targets[READER_DISKS_MAX][8]; /* "vdb"; "": a longer name */
	const xmlNode *target_nodes[READER_DISKS_MAX];
	const xmlNode *serial, *serial_console, *virtio_console;
	bool rng;
	cJSON *values; /* [pointer, value, ...] out of our metadata */
	const xmlNode *domain;
	bool partial; /* it is not whole yet: what is missing is not made up, nor missed */
};

/* 0 and both are the caller's (cJSON_Delete); else a negative errno and the refusal. */
int domain_to_json(const xmlDoc *document, cJSON **definition, cJSON **ignored, struct refusal *refusal);
/* The same for a document that is being made (to_xml.h): what is missing may yet come. */
int domain_to_json_partial(const xmlDoc *document, cJSON **definition, struct refusal *refusal);

/* For the functions of special rules. */

/* Tells once a rule that something was left out. */
int reader_ignore(struct reader *reader, const char *why, const struct rule *rule, const xmlNode *node);
/* json_key_set, with the sentence for a key that is there already. */
int reader_set(struct reader *reader, const xmlNode *node, cJSON *object, const char *key, cJSON *value);
