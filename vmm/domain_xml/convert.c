#include "vmm/domain_xml/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/domain_xml/xml.h"

#define BLANKS  " \t\r\n"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static int take_value(cJSON *made, cJSON **value)
{
	*value = made;
	return made ? 0 : -ENOMEM;
}

/* --- Texts --- */

static int text_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	if (!*text)
		return error_set(why, -EINVAL, "must not be empty");
	if (conversion->max && strlen(text) > conversion->max)
		return error_set(why, -EINVAL, "is longer than %llu bytes",
				 (unsigned long long)conversion->max);
	return take_value(cJSON_CreateString(text), value);
}

/* The text, when it is one and has only characters of the set (NULL: any that XML can hold). */
static char *write_characters(const cJSON *value, const char *set)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || !*text || !xml_can_hold(text) || (set && text[strspn(text, set)]))
		return NULL;
	return strdup(text);
}

static char *text_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return write_characters(value, NULL);
}

static char *line_write(const struct conversion *conversion, const cJSON *value)
{
	char *text = text_write(conversion, value);

	if (!text || !strchr(text, '\n'))
		return text;
	free(text);
	return NULL;
}

static char *path_write(const struct conversion *conversion, const cJSON *value)
{
	char *text = line_write(conversion, value);

	if (!text || (text[0] == '/' && text[1]))
		return text;
	free(text);
	return NULL;
}

static bool is_device_path(const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	return text && strncmp(text, "/dev/", strlen("/dev/")) == 0;
}

static char *file_path_write(const struct conversion *conversion, const cJSON *value)
{
	return is_device_path(value) ? NULL : path_write(conversion, value);
}

static char *block_path_write(const struct conversion *conversion, const cJSON *value)
{
	return is_device_path(value) ? path_write(conversion, value) : NULL;
}

static char *device_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return write_characters(value, LETTERS DIGITS "_.-\\:/");
}

static char *serial_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return write_characters(value, LETTERS DIGITS "_.+- ");
}

static char *set_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return write_characters(value, DIGITS "-,^");
}

static char *mac_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return write_characters(value, DIGITS "abcdefABCDEF:");
}

static int name_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	bool begins = *text && strchr(LETTERS DIGITS, *text);

	if (!begins || text[strspn(text, LETTERS DIGITS "-_.")] || strlen(text) > conversion->max)
		return error_set(why, -EINVAL,
				 "must be letters, digits, '-', '_' and '.', at most %llu of them",
				 (unsigned long long)conversion->max);
	return take_value(cJSON_CreateString(text), value);
}

/* Libvirt keeps only names that begin so: they are the user's. */
static int alias_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	(void)conversion;
	if (strncmp(text, "ua-", 3) != 0 || !text[3])
		return error_set(why, -EINVAL, "must be ua- and a name");
	return take_value(cJSON_CreateString(text + 3), value);
}

static char *alias_write(const struct conversion *conversion, const cJSON *value)
{
	char *name = write_characters(value, LETTERS DIGITS "_.-");
	char *text = NULL;

	(void)conversion;
	if (name && asprintf(&text, "ua-%s", name) < 0)
		text = NULL;
	free(name);
	return text;
}

#define ANY_TEXT(name, writes, words_)                                                                       \
	const struct conversion name = {.read = text_read, .write = writes, .what = words_}

ANY_TEXT(convert_text, text_write, NULL);
ANY_TEXT(convert_line, line_write, NULL);
const struct conversion convert_channel = {.read = name_read, .write = line_write, .max = 63};
const struct conversion convert_share_tag = {.read = text_read, .write = line_write, .max = 36};
const struct conversion convert_title = {.read = text_read, .write = line_write, .max = 256};
const struct conversion convert_name = {.read = name_read, .write = line_write, .max = 63};
ANY_TEXT(convert_path, path_write, NULL);
ANY_TEXT(convert_file_path, file_path_write, "a path not below `/dev`");
ANY_TEXT(convert_block_path, block_path_write, "a path below `/dev`");
const struct conversion convert_device = {.read = text_read, .write = device_write, .max = 15};
const struct conversion convert_serial = {.read = text_read, .write = serial_write, .max = 20};
ANY_TEXT(convert_set, set_write, NULL);
ANY_TEXT(convert_mac, mac_write, NULL);
const struct conversion convert_alias = {.read = alias_read, .write = alias_write, .what = "without `ua-`"};

/* --- True and false --- */

static int present_read(const struct conversion *conversion, const char *text, cJSON **value,
			struct error *why)
{
	(void)conversion;
	if (text[strspn(text, BLANKS)])
		return error_set(why, -EINVAL, "must be empty");
	return take_value(cJSON_CreateTrue(), value);
}

static char *present_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return cJSON_IsTrue(value) ? strdup("") : NULL;
}

static int yes_no_read(const struct conversion *conversion, const char *text, cJSON **value,
		       struct error *why)
{
	(void)conversion;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return error_set(why, -EINVAL, "must be yes or no");
	return take_value(cJSON_CreateBool(strcmp(text, "yes") == 0), value);
}

static char *yes_no_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return cJSON_IsBool(value) ? strdup(cJSON_IsTrue(value) ? "yes" : "no") : NULL;
}

static int on_off_read(const struct conversion *conversion, const char *text, cJSON **value,
		       struct error *why)
{
	(void)conversion;
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return error_set(why, -EINVAL, "must be on or off");
	return take_value(cJSON_CreateBool(strcmp(text, "on") == 0), value);
}

static char *on_off_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return cJSON_IsBool(value) ? strdup(cJSON_IsTrue(value) ? "on" : "off") : NULL;
}

const struct conversion convert_present = {
	.read = present_read,
	.write = present_write,
	.what = "there: `true`",
};
const struct conversion convert_yes_no = {
	.read = yes_no_read,
	.write = yes_no_write,
	.what = "`yes`: `true`, `no`: `false`",
};
const struct conversion convert_on_off = {
	.read = on_off_read,
	.write = on_off_write,
	.what = "`on`: `true`, `off`: `false`",
};

static int vhost_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	(void)conversion;
	if (strcmp(text, "vhost") != 0 && strcmp(text, "qemu") != 0)
		return error_set(why, -EINVAL, "must be vhost or qemu");
	return take_value(cJSON_CreateBool(strcmp(text, "vhost") == 0), value);
}

static char *vhost_write(const struct conversion *conversion, const cJSON *value)
{
	(void)conversion;
	return cJSON_IsBool(value) ? strdup(cJSON_IsTrue(value) ? "vhost" : "qemu") : NULL;
}

const struct conversion convert_vhost = {
	.read = vhost_read,
	.write = vhost_write,
	.what = "`vhost`: `true`, `qemu`: `false`",
};

/* --- Numbers --- */

bool number_read(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *start = text + strspn(text, BLANKS);
	char *end;

	if (*start < '0' || *start > '9')
		return false;
	errno = 0;
	*value = strtoull(start, &end, 10);
	return errno == 0 && !end[strspn(end, BLANKS)] && *value >= min && *value <= max;
}

static int count_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	uint64_t number;

	if (!number_read(text, conversion->min, conversion->max, &number))
		return error_set(why, -EINVAL, "must be a whole number from %llu to %llu",
				 (unsigned long long)conversion->min, (unsigned long long)conversion->max);
	return take_value(cJSON_CreateNumber((double)number), value);
}

static char *count_write(const struct conversion *conversion, const cJSON *value)
{
	double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
	char *text = NULL;

	if (!number_is_whole(number) || number < (double)conversion->min || number > (double)conversion->max)
		return NULL;
	return asprintf(&text, "%llu", (unsigned long long)number) < 0 ? NULL : text;
}

#define COUNT(name, min_, max_)                                                                              \
	const struct conversion name = {.read = count_read, .write = count_write, .min = min_, .max = max_}

COUNT(convert_vcpus, 1, 255);
COUNT(convert_rate_bytes, 1, UINT32_MAX);
COUNT(convert_rate_period, 1, 3600000);
COUNT(convert_stats_period, 1, 3600);
COUNT(convert_weight, 1, 10000);
COUNT(convert_period, 1000, 1000000);
COUNT(convert_quota, 1000, 17592186044415);
COUNT(convert_mtu, 68, 65535);
COUNT(convert_card_queues, 1, 8);
COUNT(convert_memory_node, 0, 0);
COUNT(convert_heads, 1, 16);
COUNT(convert_vram, 1024, 4194304);
COUNT(convert_pixels, 320, 4095);
COUNT(convert_cid, 3, 4294967294);
COUNT(convert_port, 1, 65535);
COUNT(convert_block_size, 512, 65536);
COUNT(convert_bytes_sec, 1024, 17179869184);
COUNT(convert_iops_sec, 1, 1000000000);
COUNT(convert_seconds, 1, 3600);
COUNT(convert_queues, 1, 16);
COUNT(convert_kib_sec, 1, 16777216);
COUNT(convert_share_queue, 16, 256);
COUNT(convert_share_threads, 0, 32);

#define ADJUSTMENT_MAX 3155760000 /* seconds: a hundred years */

static int adjustment_read(const struct conversion *conversion, const char *text, cJSON **value,
			   struct error *why)
{
	bool negative = *text == '-';
	uint64_t number;

	(void)conversion;
	if (!number_read(text + (negative || *text == '+'), 0, ADJUSTMENT_MAX, &number))
		return error_set(why, -EINVAL, "must be a whole number of seconds, at most %llu",
				 (unsigned long long)ADJUSTMENT_MAX);
	return take_value(cJSON_CreateNumber(negative ? -(double)number : (double)number), value);
}

static char *adjustment_write(const struct conversion *conversion, const cJSON *value)
{
	double number = cJSON_IsNumber(value) ? value->valuedouble : ADJUSTMENT_MAX + 1.0;
	char *text = NULL;

	(void)conversion;
	if (!number_is_whole(number) || number < -(double)ADJUSTMENT_MAX || number > (double)ADJUSTMENT_MAX)
		return NULL;
	return asprintf(&text, "%lld", (long long)number) < 0 ? NULL : text;
}

const struct conversion convert_adjustment = {
	.read = adjustment_read,
	.write = adjustment_write,
	.what = "seconds, with a sign",
};

/* --- Words --- */

static int word_read(const struct conversion *conversion, const char *text, cJSON **value, struct error *why)
{
	char allowed[160] = "";
	size_t used = 0;

	for (unsigned i = 0; conversion->words[i][0]; i++) {
		if (strcmp(conversion->words[i][0], text) == 0)
			return take_value(cJSON_CreateString(conversion->words[i][1]), value);
		used = strlen(allowed);
		snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i ? ", " : "",
			 conversion->words[i][0]);
	}
	return error_set(why, -EINVAL, "must be one of %s", allowed);
}

static char *word_write(const struct conversion *conversion, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	for (unsigned i = 0; text && conversion->words[i][0]; i++) {
		if (strcmp(conversion->words[i][1], text) == 0)
			return strdup(conversion->words[i][0]);
	}
	return NULL;
}

#define SAME(word)                                                                                           \
	{                                                                                                    \
		word, word                                                                                   \
	}
#define WORDS(name, ...)                                                                                     \
	static const char *const name##_words[][2] = {__VA_ARGS__, {NULL, NULL}};                            \
	const struct conversion name = {.read = word_read, .write = word_write, .words = name##_words}

WORDS(convert_cache, SAME("writeback"), SAME("writethrough"), SAME("none"), SAME("directsync"),
      SAME("unsafe"));
WORDS(convert_share_cache, SAME("none"), SAME("always"));
WORDS(convert_disk_format, SAME("raw"), SAME("qcow2"), SAME("vmdk"));
WORDS(convert_disk_protocol, SAME("nbd"));
WORDS(convert_discard, SAME("ignore"), SAME("unmap"));
WORDS(convert_error_policy, SAME("report"), SAME("stop"), SAME("ignore"));
WORDS(convert_io, SAME("io_uring"), SAME("threads"));
WORDS(convert_card_type, {"user", "passt"}, {"ethernet", "tap"}, SAME("network"), SAME("bridge"),
      SAME("direct"));
WORDS(convert_card_mode, SAME("vepa"), SAME("bridge"), SAME("private"), SAME("passthrough"));
WORDS(convert_video_model, SAME("virtio"));
WORDS(convert_graphics_type, SAME("vnc"));
WORDS(convert_input_type, SAME("keyboard"), SAME("mouse"), SAME("tablet"));
WORDS(convert_input_bus, SAME("virtio"));
WORDS(convert_link, SAME("up"), SAME("down"));
WORDS(convert_action, SAME("destroy"), SAME("restart"));
WORDS(convert_numa_mode, SAME("strict"), SAME("preferred"), SAME("interleave"));
WORDS(convert_role, SAME("server"), SAME("desktop"), SAME("guest"));
WORDS(convert_ready, SAME("notify"), SAME("started"));
WORDS(convert_protocol, SAME("auto"), SAME("pvh"), SAME("linux64"), SAME("bzimage"));
WORDS(convert_placement, SAME("shared"), SAME("exclusive"));
WORDS(convert_transport, SAME("mmio"), SAME("pci"));
WORDS(convert_watchdog_action, SAME("reset"), SAME("shutdown"), SAME("poweroff"), SAME("pause"), SAME("none"),
      SAME("inject-nmi"));
WORDS(convert_memory_model, SAME("virtio-mem"));
WORDS(convert_watchdog_model, SAME("i6300esb"));
