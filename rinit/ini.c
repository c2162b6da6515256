#include "rinit/ini.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define INI_SECTION_MAX 64

struct ini_state {
	const struct ini_reader *reader;
	unsigned int line; /* where the logical line began */
	char section[INI_SECTION_MAX];
	char text[INI_VALUE_MAX]; /* the logical line so far */
	size_t length;
	const char *bad; /* why the logical line can't be used */
	bool continues;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *trim(char *text)
{
	size_t length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length && is_blank(text[length - 1]))
		text[--length] = '\0';
	return text;
}

static void fault(const struct ini_state *state, const char *why)
{
	state->reader->fault(state->reader->context, state->line, why);
}

static void section_begin(struct ini_state *state, const char *text)
{
	size_t length = strlen(text);

	state->section[0] = '\0';
	if (length < 3 || text[length - 1] != ']' || length - 2 >= sizeof(state->section)) {
		fault(state, "is not a [Section]");
		return;
	}
	memcpy(state->section, text + 1, length - 2);
	state->section[length - 2] = '\0';
}

static void entry_found(const struct ini_state *state, char *text, char *equals)
{
	struct ini_entry entry = {.line = state->line, .section = state->section};

	*equals = '\0';
	entry.key = trim(text);
	entry.value = trim(equals + 1);
	state->reader->entry(state->reader->context, &entry);
}

static void logical_line(struct ini_state *state)
{
	char *text = trim(state->text);
	char *equals = strchr(text, '=');

	if (state->bad)
		fault(state, state->bad);
	else if (*text == '[')
		section_begin(state, text);
	else if (equals && equals != text)
		entry_found(state, text, equals);
	else if (*text)
		fault(state, "is not Key=Value");
}

static void text_append(struct ini_state *state, const char *text, size_t length)
{
	if (memchr(text, '\0', length))
		state->bad = "holds a zero byte";
	else if (state->length + length >= sizeof(state->text))
		state->bad = "is too long";
	if (state->bad)
		return;
	memcpy(state->text + state->length, text, length);
	state->length += length;
	state->text[state->length] = '\0';
}

static void physical_line(struct ini_state *state, const char *text, size_t length, unsigned int line)
{
	size_t blank = 0;

	while (blank < length && is_blank(text[blank]))
		blank++;
	if (blank < length && (text[blank] == '#' || text[blank] == ';'))
		return;
	if (!state->continues) {
		state->line = line;
		state->length = 0;
		state->text[0] = '\0';
		state->bad = NULL;
	}
	while (length && text[length - 1] == '\r')
		length--;
	state->continues = length && text[length - 1] == '\\';
	text_append(state, text, state->continues ? length - 1 : length);
	if (state->continues)
		text_append(state, " ", 1);
	else
		logical_line(state);
}

void ini_parse(const char *text, size_t length, const struct ini_reader *reader)
{
	struct ini_state state = {.reader = reader};
	const char *end = text + length;

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* some editors' mark that this is UTF-8 */
		text += 3;
	for (unsigned int line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		physical_line(&state, text, (size_t)(stop - text), line);
		text = stop + 1;
	}
	if (state.continues)
		logical_line(&state);
}

/*
 * The character that the escape at *at stands for, *at behind it; -EINVAL when it stands for none. What is no
 * escape is a backslash, as systemd has it.
 */
static int escape_read(const char **at)
{
	static const char letters[] = "abfnrtvs\\\"'", values[] = "\a\b\f\n\r\t\v \\\"'";
	bool hex = **at == 'x';
	const char *letter;
	char digits[4] = "", *end;
	long value;

	if (!**at)
		return -EINVAL;
	letter = strchr(letters, **at);
	if (letter) {
		++*at;
		return values[letter - letters];
	}
	strncpy(digits, *at + hex, hex ? 2 : 3);
	value = strtol(digits, &end, hex ? 16 : 8);
	if (end != digits + (hex ? 2 : 3) || strpbrk(digits, "+- \t\r"))
		return '\\';
	*at += 3;
	return value > 0 && value < 256 ? (int)value : -EINVAL;
}

int word_split(const char **at, char *word, size_t size)
{
	const char *p = *at;
	size_t used = 0;
	char quote = 0;

	while (is_blank(*p))
		p++;
	if (!*p)
		return 0;
	while (*p && (quote || !is_blank(*p))) {
		int c = (unsigned char)*p++;

		if (quote ? c == quote : (c == '"' || c == '\'')) {
			quote = quote ? 0 : (char)c;
			continue;
		}
		if (c == '\\')
			c = escape_read(&p);
		if (c < 0 || used + 1 >= size)
			return -EINVAL;
		word[used++] = (char)c;
	}
	word[used] = '\0';
	*at = p;
	return quote ? -EINVAL : 1;
}

bool words_have(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (length && (words = strstr(words + 1, word)))
		if (words[-1] == ' ' && words[length] == ' ')
			return true;
	return false;
}

int parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = {"1", "yes", "y", "true", "t", "on"};
	static const char *const no[] = {"0", "no", "n", "false", "f", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		*value = !strcasecmp(text, yes[i]);
		if (*value || !strcasecmp(text, no[i]))
			return 0;
	}
	return -EINVAL;
}

/* Microseconds of systemd.time(7)'s units; 0: unknown */
static uint64_t unit_us(const char *unit, size_t length)
{
	static const struct {
		const char *names;
		uint64_t us;
	} units[] = {
		{" s sec second seconds ", 1000000},  {" ms msec ", 1000},
		{" m min minute minutes ", 60000000}, {" h hr hour hours ", 3600000000},
		{" d day days ", 86400000000},        {" us usec \u00b5s ", 1},
		{" w week weeks ", 604800000000},     {" M month months ", 2629800000000},
		{" y year years ", 31557600000000},
	};
	char name[8] = "s";

	if (length >= sizeof(name))
		return 0;
	if (length) {
		memcpy(name, unit, length);
		name[length] = '\0';
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (words_have(units[i].names, name))
			return units[i].us;
	return 0;
}

#define TIMESPAN_MAX_VALUE 1000000000 /* of one number */

/* One number, perhaps with three decimals that count, and its unit. */
static int timespan_part(const char **at, uint64_t *us)
{
	const char *p = *at;
	uint64_t whole = 0, thousandths = 0, weight = 100, unit;
	size_t length;

	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (uint64_t)(*p - '0');
		if (whole > TIMESPAN_MAX_VALUE)
			return -EINVAL;
	}
	if (p == *at)
		return -EINVAL;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, weight /= 10)
			thousandths += (uint64_t)(*p - '0') * weight;
	while (is_blank(*p))
		p++;
	length = strcspn(p, " \t0123456789.");
	unit = unit_us(p, length);
	*at = p + length;
	if (!unit || __builtin_mul_overflow(whole * 1000 + thousandths, unit, us))
		return -EINVAL;
	*us /= 1000;
	return 0;
}

int parse_timespan(const char *text, uint64_t *ms)
{
	uint64_t sum = 0, part;

	if (!strcmp(text, "infinity")) {
		*ms = TIMESPAN_INFINITY;
		return 0;
	}
	do {
		if (timespan_part(&text, &part) || __builtin_add_overflow(sum, part, &sum))
			return -EINVAL;
		while (is_blank(*text))
			text++;
	} while (*text);
	*ms = sum / 1000 + !!(sum % 1000); /* what is short is not nothing */
	return 0;
}

static int parse_number(const char *text, int max, int *number)
{
	char *end;
	long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	value = strtol(text, &end, 10);
	if (*end || value > max)
		return -EINVAL;
	*number = (int)value;
	return 0;
}

int parse_signal(const char *text, int *number)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"KILL", SIGKILL},
		{"USR1", SIGUSR1}, {"USR2", SIGUSR2},   {"TERM", SIGTERM}, {"CONT", SIGCONT},
		{"STOP", SIGSTOP}, {"WINCH", SIGWINCH}, {"PWR", SIGPWR},   {"ABRT", SIGABRT},
		{"ALRM", SIGALRM}, {"PIPE", SIGPIPE},   {"SEGV", SIGSEGV}, {"BUS", SIGBUS},
		{"FPE", SIGFPE},   {"ILL", SIGILL},     {"TRAP", SIGTRAP}, {"SYS", SIGSYS},
		{"XCPU", SIGXCPU},
	};

	if (!strncmp(text, "SIG", 3))
		text += 3;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (!strcmp(text, signals[i].name)) {
			*number = signals[i].number;
			return 0;
		}
	}
	if (!strncmp(text, "RTMIN+", 6)) {
		if (parse_number(text + 6, SIGRTMAX - SIGRTMIN, number))
			return -EINVAL;
		*number += SIGRTMIN;
		return 0;
	}
	return parse_number(text, SIGRTMAX, number) || !*number ? -EINVAL : 0;
}
