#include "vmm/display/keys.h"

#include <linux/input-event-codes.h>
#include <rfb/keysym.h>
#include <stddef.h>

#include "common/util.h"

#define EXTENDED 0x80

struct symbol {
	uint32_t symbol;
	uint16_t key;
};

/* Printable ones, from ' ' to '~', with shift or without. */
static const uint8_t printable[] = {
	[' ' - ' '] = KEY_SPACE,      ['!' - ' '] = KEY_1,           ['"' - ' '] = KEY_APOSTROPHE,
	['#' - ' '] = KEY_3,          ['$' - ' '] = KEY_4,           ['%' - ' '] = KEY_5,
	['&' - ' '] = KEY_7,          ['\'' - ' '] = KEY_APOSTROPHE, ['(' - ' '] = KEY_9,
	[')' - ' '] = KEY_0,          ['*' - ' '] = KEY_8,           ['+' - ' '] = KEY_EQUAL,
	[',' - ' '] = KEY_COMMA,      ['-' - ' '] = KEY_MINUS,       ['.' - ' '] = KEY_DOT,
	['/' - ' '] = KEY_SLASH,      ['0' - ' '] = KEY_0,           ['1' - ' '] = KEY_1,
	['2' - ' '] = KEY_2,          ['3' - ' '] = KEY_3,           ['4' - ' '] = KEY_4,
	['5' - ' '] = KEY_5,          ['6' - ' '] = KEY_6,           ['7' - ' '] = KEY_7,
	['8' - ' '] = KEY_8,          ['9' - ' '] = KEY_9,           [':' - ' '] = KEY_SEMICOLON,
	[';' - ' '] = KEY_SEMICOLON,  ['<' - ' '] = KEY_COMMA,       ['=' - ' '] = KEY_EQUAL,
	['>' - ' '] = KEY_DOT,        ['?' - ' '] = KEY_SLASH,       ['@' - ' '] = KEY_2,
	['A' - ' '] = KEY_A,          ['B' - ' '] = KEY_B,           ['C' - ' '] = KEY_C,
	['D' - ' '] = KEY_D,          ['E' - ' '] = KEY_E,           ['F' - ' '] = KEY_F,
	['G' - ' '] = KEY_G,          ['H' - ' '] = KEY_H,           ['I' - ' '] = KEY_I,
	['J' - ' '] = KEY_J,          ['K' - ' '] = KEY_K,           ['L' - ' '] = KEY_L,
	['M' - ' '] = KEY_M,          ['N' - ' '] = KEY_N,           ['O' - ' '] = KEY_O,
	['P' - ' '] = KEY_P,          ['Q' - ' '] = KEY_Q,           ['R' - ' '] = KEY_R,
	['S' - ' '] = KEY_S,          ['T' - ' '] = KEY_T,           ['U' - ' '] = KEY_U,
	['V' - ' '] = KEY_V,          ['W' - ' '] = KEY_W,           ['X' - ' '] = KEY_X,
	['Y' - ' '] = KEY_Y,          ['Z' - ' '] = KEY_Z,           ['[' - ' '] = KEY_LEFTBRACE,
	['\\' - ' '] = KEY_BACKSLASH, [']' - ' '] = KEY_RIGHTBRACE,  ['^' - ' '] = KEY_6,
	['_' - ' '] = KEY_MINUS,      ['`' - ' '] = KEY_GRAVE,       ['a' - ' '] = KEY_A,
	['b' - ' '] = KEY_B,          ['c' - ' '] = KEY_C,           ['d' - ' '] = KEY_D,
	['e' - ' '] = KEY_E,          ['f' - ' '] = KEY_F,           ['g' - ' '] = KEY_G,
	['h' - ' '] = KEY_H,          ['i' - ' '] = KEY_I,           ['j' - ' '] = KEY_J,
	['k' - ' '] = KEY_K,          ['l' - ' '] = KEY_L,           ['m' - ' '] = KEY_M,
	['n' - ' '] = KEY_N,          ['o' - ' '] = KEY_O,           ['p' - ' '] = KEY_P,
	['q' - ' '] = KEY_Q,          ['r' - ' '] = KEY_R,           ['s' - ' '] = KEY_S,
	['t' - ' '] = KEY_T,          ['u' - ' '] = KEY_U,           ['v' - ' '] = KEY_V,
	['w' - ' '] = KEY_W,          ['x' - ' '] = KEY_X,           ['y' - ' '] = KEY_Y,
	['z' - ' '] = KEY_Z,          ['{' - ' '] = KEY_LEFTBRACE,   ['|' - ' '] = KEY_BACKSLASH,
	['}' - ' '] = KEY_RIGHTBRACE, ['~' - ' '] = KEY_GRAVE,
};

static const struct symbol symbols[] = {
	{XK_BackSpace, KEY_BACKSPACE},
	{XK_Tab, KEY_TAB},
	{XK_Return, KEY_ENTER},
	{XK_Pause, KEY_PAUSE},
	{XK_Break, KEY_PAUSE},
	{XK_Scroll_Lock, KEY_SCROLLLOCK},
	{XK_Sys_Req, KEY_SYSRQ},
	{XK_Print, KEY_SYSRQ},
	{XK_Escape, KEY_ESC},
	{XK_Delete, KEY_DELETE},
	{XK_Insert, KEY_INSERT},
	{XK_Home, KEY_HOME},
	{XK_End, KEY_END},
	{XK_Page_Up, KEY_PAGEUP},
	{XK_Page_Down, KEY_PAGEDOWN},
	{XK_Left, KEY_LEFT},
	{XK_Up, KEY_UP},
	{XK_Right, KEY_RIGHT},
	{XK_Down, KEY_DOWN},
	{XK_Menu, KEY_COMPOSE},
	{XK_Num_Lock, KEY_NUMLOCK},
	{XK_Caps_Lock, KEY_CAPSLOCK},
	{XK_Shift_L, KEY_LEFTSHIFT},
	{XK_Shift_R, KEY_RIGHTSHIFT},
	{XK_Control_L, KEY_LEFTCTRL},
	{XK_Control_R, KEY_RIGHTCTRL},
	{XK_Alt_L, KEY_LEFTALT},
	{XK_Alt_R, KEY_RIGHTALT},
	{XK_Meta_L, KEY_LEFTALT},
	{XK_Meta_R, KEY_RIGHTALT},
	{XK_Super_L, KEY_LEFTMETA},
	{XK_Super_R, KEY_RIGHTMETA},
	{XK_Mode_switch, KEY_RIGHTALT},
	{0xfe03 /* ISO_Level3_Shift */, KEY_RIGHTALT},
	{0xfe20 /* ISO_Left_Tab */, KEY_TAB},
	{XK_F1, KEY_F1},
	{XK_F2, KEY_F2},
	{XK_F3, KEY_F3},
	{XK_F4, KEY_F4},
	{XK_F5, KEY_F5},
	{XK_F6, KEY_F6},
	{XK_F7, KEY_F7},
	{XK_F8, KEY_F8},
	{XK_F9, KEY_F9},
	{XK_F10, KEY_F10},
	{XK_F11, KEY_F11},
	{XK_F12, KEY_F12},
	{XK_KP_0, KEY_KP0},
	{XK_KP_Insert, KEY_KP0},
	{XK_KP_1, KEY_KP1},
	{XK_KP_End, KEY_KP1},
	{XK_KP_2, KEY_KP2},
	{XK_KP_Down, KEY_KP2},
	{XK_KP_3, KEY_KP3},
	{XK_KP_Page_Down, KEY_KP3},
	{XK_KP_4, KEY_KP4},
	{XK_KP_Left, KEY_KP4},
	{XK_KP_5, KEY_KP5},
	{XK_KP_Begin, KEY_KP5},
	{XK_KP_6, KEY_KP6},
	{XK_KP_Right, KEY_KP6},
	{XK_KP_7, KEY_KP7},
	{XK_KP_Home, KEY_KP7},
	{XK_KP_8, KEY_KP8},
	{XK_KP_Up, KEY_KP8},
	{XK_KP_9, KEY_KP9},
	{XK_KP_Page_Up, KEY_KP9},
	{XK_KP_Decimal, KEY_KPDOT},
	{XK_KP_Delete, KEY_KPDOT},
	{XK_KP_Add, KEY_KPPLUS},
	{XK_KP_Subtract, KEY_KPMINUS},
	{XK_KP_Multiply, KEY_KPASTERISK},
	{XK_KP_Divide, KEY_KPSLASH},
	{XK_KP_Enter, KEY_KPENTER},
	{XK_KP_Equal, KEY_KPEQUAL},
};

uint16_t key_of_symbol(uint32_t symbol)
{
	if (symbol >= ' ' && symbol - ' ' < ARRAY_SIZE(printable))
		return printable[symbol - ' '];
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (symbols[i].symbol == symbol)
			return symbols[i].key;
	}
	return 0;
}

/* Those with the prefix, where evdev's codes do not follow the keyboard's. */
static const struct symbol extended[] = {
	{0x10, KEY_PREVIOUSSONG}, {0x19, KEY_NEXTSONG}, {0x1c, KEY_KPENTER},   {0x1d, KEY_RIGHTCTRL},
	{0x20, KEY_MUTE},         {0x21, KEY_CALC},     {0x22, KEY_PLAYPAUSE}, {0x24, KEY_STOPCD},
	{0x2e, KEY_VOLUMEDOWN},   {0x30, KEY_VOLUMEUP}, {0x32, KEY_HOMEPAGE},  {0x35, KEY_KPSLASH},
	{0x37, KEY_SYSRQ},        {0x38, KEY_RIGHTALT}, {0x46, KEY_PAUSE},     {0x47, KEY_HOME},
	{0x48, KEY_UP},           {0x49, KEY_PAGEUP},   {0x4b, KEY_LEFT},      {0x4d, KEY_RIGHT},
	{0x4f, KEY_END},          {0x50, KEY_DOWN},     {0x51, KEY_PAGEDOWN},  {0x52, KEY_INSERT},
	{0x53, KEY_DELETE},       {0x5b, KEY_LEFTMETA}, {0x5c, KEY_RIGHTMETA}, {0x5d, KEY_COMPOSE},
	{0x5e, KEY_POWER},        {0x5f, KEY_SLEEP},    {0x63, KEY_WAKEUP},    {0x65, KEY_SEARCH},
	{0x66, KEY_BOOKMARKS},    {0x67, KEY_REFRESH},  {0x68, KEY_STOP},      {0x69, KEY_FORWARD},
	{0x6a, KEY_BACK},         {0x6b, KEY_COMPUTER}, {0x6c, KEY_MAIL},      {0x6d, KEY_MEDIA},
};

/* The same of those without: a Japanese and a Brazilian keyboard's, and what PCs got later. */
static const struct symbol later[] = {
	{0x59, KEY_KPEQUAL},  {0x70, KEY_KATAKANAHIRAGANA},
	{0x73, KEY_RO},       {0x79, KEY_HENKAN},
	{0x7b, KEY_MUHENKAN}, {0x7d, KEY_YEN},
	{0x7e, KEY_KPCOMMA},  {0x54, KEY_SYSRQ},
};

static uint16_t find(const struct symbol *table, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].symbol == code)
			return table[i].key;
	}
	return 0;
}

/* evdev's codes up to F12 are set 1's own, as far as the first PCs' keyboards went, and some beyond. */
uint16_t key_of_scan_code(uint32_t code)
{
	if (code & ~0xffU)
		return 0;
	if (code & EXTENDED)
		return find(extended, ARRAY_SIZE(extended), code & ~(uint32_t)EXTENDED);
	if (code >= KEY_ESC && code <= KEY_F12 && code != 0x54 && code != 0x55)
		return (uint16_t)code;
	return find(later, ARRAY_SIZE(later), code);
}
