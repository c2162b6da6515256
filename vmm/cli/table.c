#include "vmm/cli/table.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/visible.h"
#include "vmm/terminal/terminal.h"

#define GAP       2 /* blanks between columns */
#define CUT_LEAST 8 /* so much of a column is always left */

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

struct table {
	const struct table_column *columns;
	unsigned column_count;
	unsigned cell_count, cell_room;
	char **cells; /* printable; NULL: memory ran out */
};

/* --- Text --- */

/* The user's locale says what bytes are letters; asked for here, so that commands that print no table do not
 * pay for it. */
static void use_locale(void)
{
	setlocale(LC_CTYPE, "");
}

/* One letter from the start of text; 0 bytes at its end. Bytes that are none count one by one. */
static size_t next_letter(const char *text, bool *printable, int *width)
{
	wchar_t letter = 0;
	mbstate_t state = {0};
	size_t len = mbrtowc(&letter, text, MB_CUR_MAX, &state);

	if (len == 0)
		return 0;
	if (len > MB_CUR_MAX) { /* (size_t)-1 and -2 */
		*printable = false;
		*width = 1;
		return 1;
	}
	*width = wcwidth(letter);
	*printable = *width >= 0 && letter_is_harmless(letter);
	if (!*printable)
		*width = 1;
	return len;
}

char *table_printable(const char *text)
{
	char *clean = malloc(strlen(text) + 1);
	char *to = clean;
	bool printable;
	size_t len;
	int width;

	use_locale();
	while (clean && (len = next_letter(text, &printable, &width)) > 0) {
		if (printable)
			to = mempcpy(to, text, len);
		else
			*to++ = *text == '\t' || *text == '\n' ? ' ' : '?';
		text += len;
	}
	if (clean)
		*to = '\0';
	return clean;
}

static unsigned text_width(const char *text)
{
	unsigned total = 0;
	bool printable;
	size_t len;
	int width;

	while ((len = next_letter(text, &printable, &width)) > 0) {
		total += (unsigned)width;
		text += len;
	}
	return total;
}

static const char *ellipsis(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\xe2\x80\xa6" : "~";
}

/* Writes text in exactly `room` columns unless it is the line's last, which needs no blanks behind it. */
static void print_cell(FILE *file, const char *text, unsigned room, bool right, bool last)
{
	unsigned wide = text_width(text);
	unsigned used = 0;
	bool printable;
	size_t len;
	int width;

	if (right && wide < room)
		fprintf(file, "%*s", (int)(room - wide), "");
	if (wide <= room) {
		fputs(text, file);
	} else if (room > 0) {
		while ((len = next_letter(text, &printable, &width)) > 0 && used + (unsigned)width < room) {
			fwrite(text, 1, len, file);
			used += (unsigned)width;
			text += len;
		}
		fputs(ellipsis(), file);
		wide = used + 1;
	}
	if (!right && !last && wide < room)
		fprintf(file, "%*s", (int)(room - wide), "");
}

/* --- Cells --- */

struct table *table_create(const struct table_column *columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	while (table->column_count < TABLE_COLUMNS_MAX && columns[table->column_count].name)
		table->column_count++;
	return table;
}

void table_destroy(struct table *table)
{
	if (!table)
		return;
	for (unsigned i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

void table_text(struct table *table, const char *text)
{
	if (table->cell_count == table->cell_room) {
		unsigned room = table->cell_room ? 2 * table->cell_room : 64;
		char **cells = reallocarray(table->cells, room, sizeof(*cells));

		if (!cells)
			return;
		table->cells = cells;
		table->cell_room = room;
	}
	table->cells[table->cell_count++] = table_printable(text);
}

void table_format(struct table *table, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table_text(table, text ? text : "");
}

void table_bytes(struct table *table, double bytes)
{
	static const char units[] = "BKMGTP";
	unsigned unit = 0;

	while (bytes >= 1024 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	if (bytes <= 0)
		table_text(table, "-");
	else
		table_format(table, unit && bytes < 100 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
}

/* --- Printing --- */

bool table_coloured(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(fileno(file)) && !(no_colour && *no_colour) &&
	       !(terminal && strcmp(terminal, "dumb") == 0);
}

static const char *state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{"running", "\033[32m"},  {"failed", "\033[31m"},  {"crashed", "\033[31m"},
		{"starting", "\033[33m"}, {"waiting", "\033[33m"}, {"stopping", "\033[33m"},
		{"paused", "\033[36m"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(colours); i++) {
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	}
	return NULL;
}

static const char *cell_of(const struct table *table, unsigned row, unsigned column)
{
	const char *cell = table->cells[row * table->column_count + column];

	return cell ? cell : "";
}

/* How wide each column is, and all of them. */
static unsigned measure(const struct table *table, unsigned *widths)
{
	unsigned total = (table->column_count - 1) * GAP;

	for (unsigned column = 0; column < table->column_count; column++) {
		widths[column] = text_width(table->columns[column].name);
		for (unsigned row = 0; row < table->cell_count / table->column_count; row++)
			widths[column] = MAX(widths[column], text_width(cell_of(table, row, column)));
		total += widths[column];
	}
	return total;
}

/* Leaves spare columns out, and takes from those that may be cut, until all fit, if that is possible. */
static void narrow(const struct table *table, unsigned *widths, unsigned total, unsigned room)
{
	for (unsigned column = table->column_count; column-- > 0 && total > room;) {
		if (!(table->columns[column].flags & TABLE_SPARE))
			continue;
		total -= widths[column] + GAP;
		widths[column] = 0;
	}
	for (unsigned column = table->column_count; column-- > 0 && total > room;) {
		unsigned spare = widths[column] > CUT_LEAST ? widths[column] - CUT_LEAST : 0;
		unsigned take = MIN(spare, total - room);

		if (!(table->columns[column].flags & TABLE_CUT))
			continue;
		widths[column] -= take;
		total -= take;
	}
}

/* Row -1 is the header. */
static const char *text_of(const struct table *table, int row, unsigned column)
{
	return row < 0 ? table->columns[column].name : cell_of(table, (unsigned)row, column);
}

/* Lines do not end in blanks. */
static bool behind_is_text(const struct table *table, int row, unsigned column, const unsigned *widths)
{
	while (++column < table->column_count) {
		if (widths[column] && *text_of(table, row, column))
			return true;
	}
	return false;
}

static void print_row(const struct table *table, FILE *file, int row, const unsigned *widths, unsigned room,
		      bool coloured)
{
	for (unsigned column = 0; column < table->column_count && room > 0; column++) {
		const char *text = text_of(table, row, column);
		unsigned flags = table->columns[column].flags;
		const char *colour = row < 0 ? BOLD : flags & TABLE_STATE ? state_colour(text) : NULL;
		bool last = !behind_is_text(table, row, column, widths);
		unsigned width = MIN(widths[column], room);

		if (widths[column] == 0)
			continue;
		if (coloured && colour)
			fputs(colour, file);
		print_cell(file, text, width, flags & TABLE_RIGHT, last);
		if (coloured && colour)
			fputs(PLAIN, file);
		room -= width;
		if (room > GAP && !last)
			fprintf(file, "%*s", GAP, "");
		room -= MIN(room, (unsigned)GAP);
	}
	fputc('\n', file);
}

bool table_print(const struct table *table, FILE *file, unsigned lines)
{
	unsigned rows = table->cell_count / table->column_count;
	unsigned widths[TABLE_COLUMNS_MAX];
	unsigned columns, terminal_rows;
	unsigned total;

	use_locale();
	total = measure(table, widths);
	if (terminal_size(fileno(file), &columns, &terminal_rows))
		narrow(table, widths, total, columns);
	else
		columns = total;
	if (lines && rows > lines - 1)
		rows = lines - 1;
	for (int row = -1; row < (int)rows; row++)
		print_row(table, file, row, widths, columns, table_coloured(file));
	return table->cell_count % table->column_count == 0;
}
