#include "vmm/cli/visible.h"

#include <locale.h>
#include <wctype.h>

/* To the C library these are printable: U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
static bool turns_direction(wchar_t letter)
{
	return letter == 0x200e || letter == 0x200f || (letter >= 0x202a && letter <= 0x202e) ||
	       (letter >= 0x2066 && letter <= 0x2069);
}

bool letter_is_harmless(wchar_t letter)
{
	return iswprint((wint_t)letter) && !turns_direction(letter);
}

void visible_start(struct visible *visible, bool terminal)
{
	*visible = (struct visible){.raw = !terminal};
	if (terminal)
		setlocale(LC_CTYPE, "");
}

static void write_letter(const struct visible *visible, wchar_t letter, FILE *file)
{
	if (letter == '\n' || letter == '\r' || letter == '\t' || letter_is_harmless(letter))
		fwrite(visible->bytes, 1, visible->count, file);
	else if (letter < ' ')
		fprintf(file, "^%c", (char)(letter + '@'));
	else if (letter == 0x7f)
		fputs("^?", file);
	else
		fputc('?', file);
}

static void take_byte(struct visible *visible, char byte, FILE *file)
{
	wchar_t letter;
	size_t len;

	visible->bytes[visible->count++] = byte;
	len = mbrtowc(&letter, &byte, 1, &visible->state);
	if (len == (size_t)-2 && visible->count < sizeof(visible->bytes))
		return; /* more must come */
	if (len == 1) {
		write_letter(visible, letter, file);
	} else {
		for (unsigned i = 0; i + 1 < visible->count; i++)
			fputc('?', file);
		visible->state = (mbstate_t){0};
		if (visible->count > 1) { /* the byte that did not continue a letter may begin one */
			visible->count = 0;
			take_byte(visible, byte, file);
			return;
		}
		fputc('?', file);
	}
	visible->count = 0;
}

void visible_write(struct visible *visible, const char *text, FILE *file)
{
	if (visible->raw) {
		fputs(text, file);
		return;
	}
	for (; *text; text++)
		take_byte(visible, *text, file);
}
