#include "rinit/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "rinit/file.h"
#include "rinit/ini.h"
#include "rinit/log.h"

#define CONFIG_FILE_MAX    65536
#define LOG_FILE_MAX_LEAST 4096 /* a few lines */
#define LOG_FILE_KEEP_MOST 99

struct config_reader {
	struct config *config;
	const char *path;
	void (*warn)(const char *sentence);
};

static bool read_getty(struct config *config, const char *value)
{
	bool yes;

	if (!strcmp(value, "auto"))
		config->getty = GETTY_AUTO;
	else if (!parse_bool(value, &yes))
		config->getty = yes ? GETTY_YES : GETTY_NO;
	else
		return false;
	return true;
}

static bool read_autologin(struct config *config, const char *value)
{
	if (strlen(value) >= sizeof(config->autologin) || *value == '-' || strpbrk(value, " \t"))
		return false;
	strcpy(config->autologin, value);
	return true;
}

static bool read_log_file(struct config *config, const char *value)
{
	bool yes;

	if (!parse_bool(value, &yes)) {
		config->no_log_file = !yes;
		return true;
	}
	if (*value != '/' || strlen(value) >= sizeof(config->log_file))
		return false;
	config->no_log_file = false;
	strcpy(config->log_file, value);
	return true;
}

/* "65536", "64K", "1M", "1G" */
static bool read_log_file_max(struct config *config, const char *value)
{
	static const char suffixes[] = "KMG";
	char *end;
	unsigned long number = strtoul(value, &end, 10);
	const char *suffix = *end ? strchr(suffixes, *end) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;

	if (end == value || *value == '-' || *value == '+' || (*end && (!suffix || end[1])) ||
	    number >> (40 - shift) || number << shift < LOG_FILE_MAX_LEAST)
		return false;
	config->log_file_max = number << shift;
	return true;
}

static bool read_log_file_keep(struct config *config, const char *value)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || number > LOG_FILE_KEEP_MOST)
		return false;
	config->log_file_keep = number ? (int)number : -1;
	return true;
}

static void config_entry(void *context, const struct ini_entry *entry)
{
	struct config_reader *reader = context;
	char sentence[512];
	bool here = !*entry->section || !strcmp(entry->section, "Rinit");
	bool known = true, valid = true;

	if (here && !strcmp(entry->key, "Getty"))
		valid = read_getty(reader->config, entry->value);
	else if (here && !strcmp(entry->key, "Autologin"))
		valid = read_autologin(reader->config, entry->value);
	else if (here && !strcmp(entry->key, "CreditRandomSeed"))
		valid = !parse_bool(entry->value, &reader->config->credit_seed);
	else if (here && !strcmp(entry->key, "LogFile"))
		valid = read_log_file(reader->config, entry->value);
	else if (here && !strcmp(entry->key, "LogFileMax"))
		valid = read_log_file_max(reader->config, entry->value);
	else if (here && !strcmp(entry->key, "LogFileKeep"))
		valid = read_log_file_keep(reader->config, entry->value);
	else
		known = false;
	if (known && valid)
		return;
	snprintf(sentence, sizeof(sentence), "%s:%u: %.64s=%.128s is not %s and has no effect", reader->path,
		 entry->line, entry->key, entry->value, known ? "valid" : "known here");
	reader->warn(sentence);
}

static void config_fault(void *context, unsigned int line, const char *why)
{
	struct config_reader *reader = context;
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "%s:%u: this line %s and has no effect", reader->path, line,
		 why);
	reader->warn(sentence);
}

void config_parse(struct config *config, const char *path, const char *text, size_t length,
		  void (*warn)(const char *sentence))
{
	struct config_reader reader = {.config = config, .path = path, .warn = warn};

	ini_parse(text, length,
		  &(struct ini_reader){.context = &reader, .entry = config_entry, .fault = config_fault});
}

static void warn_log(const char *sentence)
{
	log_warning("%s", sentence);
}

void config_read(struct config *config, const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, CONFIG_FILE_MAX, &text, &length);

	if (!rc)
		config_parse(config, path, text, length, warn_log);
	else if (rc != -ENOENT)
		log_warning("%s: cannot read: %s", path, strerror(-rc));
}
