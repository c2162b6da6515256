#include "vmm/manager/key_names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "KEY_"

/* From 1 on, one after the other: an array of pointers would cost three times as much. */
static const char names[] =
	"ESC\0"
	"1\0"
	"2\0"
	"3\0"
	"4\0"
	"5\0"
	"6\0"
	"7\0"
	"8\0"
	"9\0"
	"0\0MINUS\0EQUAL\0BACKSPACE\0"
	"TAB\0Q\0W\0E\0R\0T\0Y\0U\0I\0O\0P\0LEFTBRACE\0RIGHTBRACE\0ENTER\0LEFTCTRL\0A\0S\0D\0F\0G\0"
	"H\0J\0K\0L\0SEMICOLON\0APOSTROPHE\0GRAVE\0LEFTSHIFT\0BACKSLASH\0Z\0X\0C\0V\0B\0N\0M\0"
	"COMMA\0DOT\0SLASH\0RIGHTSHIFT\0KPASTERISK\0LEFTALT\0SPACE\0CAPSLOCK\0F1\0F2\0F3\0F4\0F5\0"
	"F6\0F7\0F8\0F9\0F10\0NUMLOCK\0SCROLLLOCK\0KP7\0KP8\0KP9\0KPMINUS\0KP4\0KP5\0KP6\0KPPLUS\0"
	"KP1\0KP2\0KP3\0KP0\0KPDOT\0\0ZENKAKUHANKAKU\0"
	"102ND\0F11\0F12\0RO\0KATAKANA\0HIRAGANA\0"
	"HENKAN\0KATAKANAHIRAGANA\0MUHENKAN\0KPJPCOMMA\0KPENTER\0RIGHTCTRL\0KPSLASH\0SYSRQ\0"
	"RIGHTALT\0LINEFEED\0HOME\0UP\0PAGEUP\0LEFT\0RIGHT\0END\0DOWN\0PAGEDOWN\0INSERT\0DELETE\0"
	"MACRO\0MUTE\0VOLUMEDOWN\0VOLUMEUP\0POWER\0KPEQUAL\0KPPLUSMINUS\0PAUSE\0SCALE\0KPCOMMA\0"
	"HANGEUL\0HANJA\0YEN\0LEFTMETA\0RIGHTMETA\0COMPOSE\0";

uint16_t key_by_name(const char *name)
{
	const char *at = names;
	char *end;
	unsigned long number = strtoul(name, &end, 0);

	if (end != name && !*end)
		return number >= 1 && number <= KEY_NUMBER_MAX ? (uint16_t)number : 0;
	if (strncasecmp(name, PREFIX, strlen(PREFIX)) != 0 || !name[strlen(PREFIX)])
		return 0;
	for (uint16_t key = 1; at < names + sizeof(names) - 1; key++, at += strlen(at) + 1) {
		if (strcasecmp(at, name + strlen(PREFIX)) == 0)
			return key;
	}
	return 0;
}
