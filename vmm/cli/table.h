/*
 * Rows in aligned columns.
 *
 *      NAME    STATE    VCPUS  STATUS
 *      server  running      4  containers are up
 *      web     failed       1  guest web: the kernel panicked: VFS: unable to mo…
 *
 * On a terminal a table is as wide as that at most: spare columns are left out, columns that may be cut are,
 * the last first, and end in an ellipsis; the header is bold and states have their colours, unless NO_COLOR
 * is set (no-color.org). In a pipe everything is whole and plain. Either way a cell is one line of printable
 * text, whatever it was made of: a guest's words do not steer the terminal of whoever manages it.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

enum table_flags {
	TABLE_RIGHT = 1, /* numbers */
	TABLE_CUT = 2,   /* may be cut */
	TABLE_STATE = 4, /* a guest's state, coloured as such */
	TABLE_SPARE = 8, /* left out of a terminal that is too narrow */
};

struct table_column {
	const char *name;
	unsigned flags;
};

struct table;

/* columns (at most TABLE_COLUMNS_MAX) ends with a NULL name and outlives the table. NULL when out of memory.
 */
struct table *table_create(const struct table_column *columns);
void table_destroy(struct table *table); /* NULL is allowed */

/* The next cell, row by row. */
void table_text(struct table *table, const char *text);
void table_format(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes as people read them: "17.4M"; "-" for 0. */
void table_bytes(struct table *table, double bytes);

/* lines: at most so many, header included; 0: all. False when memory ran out on the way. */
bool table_print(const struct table *table, FILE *file, unsigned lines);

/* Whether what is written to file shall have colours. */
bool table_coloured(FILE *file);
/* Text without control characters and whatever else steers a terminal; the caller frees it. */
char *table_printable(const char *text);
