#include "vmm/terminal/detach_keys.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* One key; false when it is none. */
static bool parse_key(const char *text, size_t len, char *byte)
{
	char key;

	if (len == 1) {
		*byte = *text;
		return isprint((unsigned char)*text);
	}
	if (len != 6 || strncmp(text, "ctrl-", 5) != 0)
		return false;
	key = (char)toupper((unsigned char)text[5]);
	*byte = (char)(key & 0x1f);
	return key >= '@' && key <= '_';
}

int detach_keys_parse(const char *text, struct detach_keys *keys, struct error *err)
{
	*keys = (struct detach_keys){0};
	for (;;) {
		size_t len = strcspn(text, ",");

		if (len == 0 && text[0] == ',' && (text[1] == ',' || !text[1]))
			len = 1; /* the comma itself is a key */
		if (keys->count == DETACH_KEYS_MAX)
			return error_set(err, -EINVAL, "at most %d keys are possible", DETACH_KEYS_MAX);
		if (!parse_key(text, len, &keys->bytes[keys->count++]))
			return error_set(err, -EINVAL,
					 "must be keys such as ctrl-p,ctrl-q: ctrl- and a letter or one of "
					 "@[\\]^_, or a single character");
		text += len;
		if (!*text)
			return 0;
		text++;
	}
}

bool detach_keys_take(struct detach_keys *keys, char byte, char *out, size_t *len)
{
	*len = 0;
	if (byte != keys->bytes[keys->matched]) {
		memcpy(out, keys->bytes, keys->matched); /* what was held back */
		*len = keys->matched;
		keys->matched = 0;
	}
	if (byte == keys->bytes[keys->matched])
		keys->matched++;
	else
		out[(*len)++] = byte;
	if (keys->matched < keys->count)
		return false;
	keys->matched = 0;
	return true;
}
