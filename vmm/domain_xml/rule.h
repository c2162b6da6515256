/*
 * What each element and attribute of libvirt's domain XML is to us: one rule a line, in one table that is
 * read in both directions and that docs/domain-xml.md is made from.
 *
 *      RULE_MAP      is a key of the definition, by a pair of conversions
 *      RULE_LIST     is an item of a list of the definition; keys of the rules below are the item's
 *      RULE_SPECIAL  needs more than one value: a pair of functions; attributes and elements below have rules
 * of their own RULE_HOLD     holds others and says nothing by itself RULE_FIXED    has one value only here:
 * what it says is always so. Printed always; with `key` only when that key is said, which "-" never is
 *      RULE_IGNORE   has no meaning for a guest here: left out with all that is below it, and told
 *      RULE_REFUSE   would change what the guest is: refused
 *
 * Paths are from the root on: "devices/disk/driver/@cache"; names of our own namespace begin with "rastos:".
 * Several rules may have one path: the first whose `when` holds counts. What has no rule is refused.
 *
 * `when` is clauses joined by '&', each of which is PATH, !PATH (is it there?) or PATH=WORD|WORD... ('*' at a
 * word's end: any rest). PATH is relative to the element (or to the attribute's): "@type", "target/@name",
 * "../@type", or "." for its own text.
 *
 * Tables are constant; any thread.
 */
#pragma once

#include <cjson/cJSON.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum rule_verdict {
	RULE_MAP,
	RULE_LIST,
	RULE_SPECIAL,
	RULE_HOLD,
	RULE_FIXED,
	RULE_IGNORE,
	RULE_REFUSE,
};

struct reader; /* to_json.h */
struct writer; /* to_xml.h */
struct rule;

/* One value. read: 0 and *value, or -EINVAL and what it must be ("must be ..."). write: the text (the caller
 * frees it), or NULL when XML cannot say this value, which then goes into the metadata. */
struct conversion {
	int (*read)(const struct conversion *conversion, const char *text, cJSON **value, struct error *why);
	char *(*write)(const struct conversion *conversion, const cJSON *value);
	const char *what;              /* in words, for the documentation; NULL: as it is */
	uint64_t min, max;             /* of a number; of a text: max is its length in bytes, 0: any */
	const char *const (*words)[2]; /* XML's word, JSON's; ends with NULL */
};

struct special {
	int (*read)(struct reader *reader, const xmlNode *node, cJSON *object);
	/* Adds to the element that stands for object: the domain, or the list's item. */
	int (*write)(struct writer *writer, xmlNode *element, const cJSON *object);
};

struct rule {
	const char *path;
	enum rule_verdict verdict;
	const char *when;
	const char *key; /* dots lead into objects: "kernel.path" */
	const struct conversion *conversion;
	const struct special *special;
	const char *with;   /* RULE_MAP: the fallback is printed when this key is said, and its own is not */
	const char *beside; /* RULE_MAP: printed only when this key is said, too */
	const char *value;  /* RULE_FIXED */
	const char *fallback; /* what holds when the key is not said, as JSON */
	const char *why;      /* of ignored and refused, and how special ones map */
	bool many;            /* may come more than once */
	unsigned max; /* RULE_LIST: items; their special, if any, reads the item before all that is in it */
	const char *since; /* a version; NULL: RULE_SINCE */
};

struct rule_group {
	const char *title;
	const struct rule *rules;
	size_t count;
};

/* In the order in which they are printed; ends with NULL. */
extern const struct rule_group *const rule_groups[];

#define RULE_SINCE       "0.1"
#define RASTOS_NAMESPACE "urn:rastos:guest:1"
#define RASTOS_PREFIX    "rastos"

/* Rules by their path. */
#define RULE_INDEX_SLOTS 2048 /* a power of two, much more than there are rules */

struct rule_index {
	const struct rule *rules[RULE_INDEX_SLOTS];
};

void rule_index_fill(struct rule_index *index);
/* The rule that counts for node (an element, or an attribute as a node); NULL: none. */
const struct rule *rule_find(const struct rule_index *index, const char *path, const xmlNode *node);
/* Whether there is any rule of this path. */
bool rule_known(const struct rule_index *index, const char *path);
/* The rule that maps this key of the domain or, with `list`, of that list's items; NULL: none. */
const struct rule *rule_of_key(const char *list, const char *key);
