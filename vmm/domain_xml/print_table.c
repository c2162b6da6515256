#include "vmm/domain_xml/print_table.h"

#include <stdio.h>
#include <string.h>

#include "vmm/domain_xml/rule.h"

static const char intro[] =
	"# Libvirt domain XML\n\n"
	"A guest can be given as libvirt domain XML, and is printed as such: `rastos-vmm define FILE.xml`, `run`, `create`,\n"
	"`dumpxml`, `convert`. What an element says becomes a key of the [definition](configuration.md#a-guest); what has no\n"
	"meaning for a guest here is ignored, and told; what would change what the guest is, is refused by its XPath.\n\n"
	"- The XML is read by a program of its own, `rastos-domain-xml`, which has closed itself in before it reads a byte:\n"
	"  no DTD, no entities, no network, at most 1 MiB and 32 elements in each other. Libvirt's own schema (package\n"
	"  `libvirt0`) must hold; `--no-validate` does without.\n"
	"- What XML does not say has libvirt's meaning: no `<rng>` is no entropy device, no `<console>` is the serial one, and\n"
	"  a guest that rastOS has not printed itself has role `guest`, is ready once it runs, and is not started by `up`.\n"
	"- A guest of role `desktop` has the screen that its `<video>` says. What virt-install gives every guest is ignored for\n"
	"  any other role; there a `<video>` counts when it says its `<resolution>`, as what is printed always does, and a\n"
	"  `<graphics>` beside such a one. An `<input>` on the bus `virtio` counts for every guest.\n"
	"- Nothing is lost. What a definition says and domain XML has no element for is in `<metadata>`, in `<rastos:guest\n"
	"  xmlns:rastos=\"" RASTOS_NAMESPACE
	"\">`; any value that is left goes there as JSON. Only defaults that are said or left\n"
	"  out are not told apart, and other programs' metadata is kept as XML, not byte by byte.\n\n"
	"This page is printed by `rastos-domain-xml table`. \"as `key`\" maps both ways; \"always\" is what every guest has and\n"
	"what is printed for it. Where there are several rows for an element, the first that fits counts.\n";

/* `[]` for each list, as configuration.md writes keys: "disks[].id". */
static void print_key(const struct rule_group *group, const struct rule *rule)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct rule *list = &group->rules[i];
		size_t len = strlen(list->path);

		if (list->verdict == RULE_LIST && strncmp(rule->path, list->path, len) == 0 &&
		    rule->path[len] == '/' && strcmp(rule->key, "kernel.from_disk") != 0) {
			printf("`%s[].%s`", list->key, rule->key);
			return;
		}
	}
	printf("`%s`%s", rule->key, rule->verdict == RULE_LIST ? ", one each" : "");
}

/* A '|' would end the table's cell. */
static void print_cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputs("\\|", stdout);
		else
			putchar(*text);
	}
}

static void print_words(const struct conversion *conversion)
{
	bool same = true;

	for (unsigned i = 0; conversion->words[i][0]; i++)
		same &= strcmp(conversion->words[i][0], conversion->words[i][1]) == 0;
	for (unsigned i = 0; conversion->words[i][0]; i++) {
		printf("%s`%s`", i ? ", " : ": ", conversion->words[i][0]);
		if (!same)
			printf(" is `%s`", conversion->words[i][1]);
	}
}

static void print_conversion(const struct conversion *conversion)
{
	if (conversion->words)
		print_words(conversion);
	else if (conversion->min)
		printf(": %llu to %llu", (unsigned long long)conversion->min,
		       (unsigned long long)conversion->max);
	else if (conversion->max)
		printf("; at most %llu bytes", (unsigned long long)conversion->max);
	else if (conversion->what)
		printf("; %s", conversion->what);
}

static void print_fixed(const struct rule *rule)
{
	if (rule->key && strcmp(rule->key, "-") == 0)
		printf("`%s` is how it is", rule->value);
	else
		printf("always%s%s%s", *rule->value ? " `" : "", rule->value, *rule->value ? "`" : "");
}

static const char *supported(const struct rule *rule)
{
	return rule->verdict == RULE_IGNORE ? "ignored" : rule->verdict == RULE_REFUSE ? "refused" : "yes";
}

static void print_meaning(const struct rule_group *group, const struct rule *rule)
{
	if (rule->verdict == RULE_FIXED) {
		print_fixed(rule);
		return;
	}
	if (rule->key) {
		printf("as ");
		print_key(group, rule);
	}
	if (rule->conversion)
		print_conversion(rule->conversion);
	if (rule->why) {
		if (rule->key)
			printf(": ");
		print_cell(rule->why);
	}
}

/* What only holds others has its row in theirs. */
static void print_rule(const struct rule_group *group, const struct rule *rule)
{
	if (rule->verdict == RULE_HOLD && !rule->when)
		return;
	printf("| `%s`", rule->path);
	if (rule->when) {
		printf(" where `");
		print_cell(rule->when);
		printf("`");
	}
	printf(" | %s | ", supported(rule));
	if (rule->verdict == RULE_HOLD)
		printf("as it is");
	else
		print_meaning(group, rule);
	printf(" | %s |\n", rule->since ? rule->since : RULE_SINCE);
}

void table_print(void)
{
	fputs(intro, stdout);
	for (unsigned i = 0; rule_groups[i]; i++) {
		const struct rule_group *group = rule_groups[i];

		printf("\n## %s\n\n| element | supported | how it maps, or why not | since |\n| --- | --- | --- | --- |\n",
		       group->title);
		for (size_t j = 0; j < group->count; j++)
			print_rule(group, &group->rules[j]);
	}
}
