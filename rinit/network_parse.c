/* Keys of systemd.network(5) that rinit honours; docs/rinit.md lists them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "rinit/network.h"
#include "rinit/pattern.h"

struct network_reader {
	struct network_config *config;
	const char *path;
	const struct unit_warnings *warnings;
};

static void warn(const struct network_reader *reader, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(const struct network_reader *reader, unsigned int line, const char *format, ...)
{
	char what[384], sentence[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(sentence, sizeof(sentence), "%s:%u: %s", reader->path, line, what);
	reader->warnings->warn(reader->warnings->context, sentence);
}

static int add_words(struct string_list *list, const char *value)
{
	char word[64];
	int more;

	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (string_list_add(list, word))
			return -ENOMEM;
	return more;
}

static int read_names(struct network_config *config, const char *value)
{
	return add_words(&config->names, value);
}

/* IPv6 is configured by router advertisements or by hand: DHCP here means IPv4's. */
static int read_dhcp(struct network_config *config, const char *value)
{
	if (!strcmp(value, "ipv4")) {
		config->dhcp = true;
		return 0;
	}
	return parse_bool(value, &config->dhcp);
}

static int read_required(struct network_config *config, const char *value)
{
	bool required;

	if (parse_bool(value, &required))
		return -EINVAL;
	config->optional = !required;
	return 0;
}

static int read_address(struct network_config *config, const char *value)
{
	if (config->address_count == NETWORK_ITEMS_MAX ||
	    ip_parse(value, true, &config->addresses[config->address_count]))
		return -EINVAL;
	config->address_count++;
	return 0;
}

static int read_gateway(struct network_config *config, const char *value)
{
	if (config->gateway_count == NETWORK_ITEMS_MAX ||
	    ip_parse(value, false, &config->gateways[config->gateway_count]))
		return -EINVAL;
	config->gateway_count++;
	return 0;
}

static int read_dns(struct network_config *config, const char *value)
{
	struct ip_address address;
	char word[64];
	int more;

	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (ip_parse(word, false, &address) || string_list_add(&config->dns, word))
			return -EINVAL;
	return more;
}

static const struct {
	const char *section;
	const char *key;
	int (*read)(struct network_config *config, const char *value);
} keys[] = {
	{"Match", "Name", read_names},        {"Network", "DHCP", read_dhcp},
	{"Network", "Address", read_address}, {"Network", "Gateway", read_gateway},
	{"Network", "DNS", read_dns},         {"Link", "RequiredForOnline", read_required},
};

static void entry_read(void *context, const struct ini_entry *entry)
{
	const struct network_reader *reader = context;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].section, entry->section) != 0 || strcmp(keys[i].key, entry->key) != 0)
			continue;
		if (keys[i].read(reader->config, entry->value))
			warn(reader, entry->line, "%s=%.128s is not valid and has no effect", entry->key,
			     entry->value);
		return;
	}
	warn(reader, entry->line, "%.64s= in [%s] is not known here and has no effect", entry->key,
	     entry->section);
}

static void line_fault(void *context, unsigned int line, const char *why)
{
	warn(context, line, "this line %s and has no effect", why);
}

int network_parse(struct network_config *config, const char *path, const char *text, size_t length,
		  const struct unit_warnings *warnings, struct error *err)
{
	struct network_reader reader = {.config = config, .path = path, .warnings = warnings};

	ini_parse(text, length,
		  &(struct ini_reader){.context = &reader, .entry = entry_read, .fault = line_fault});
	if (!config->names.count)
		return error_set(err, -EINVAL, "%s: no Name= in [Match]: it configures no interface", path);
	return 0;
}

void network_config_clear(struct network_config *config)
{
	string_list_clear(&config->names);
	string_list_clear(&config->dns);
	*config = (struct network_config){0};
}

bool network_config_matches(const struct network_config *config, const char *interface)
{
	for (size_t i = 0; i < config->names.count; i++)
		if (pattern_matches(config->names.items[i], interface))
			return true;
	return false;
}
