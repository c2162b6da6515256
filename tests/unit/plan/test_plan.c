/* The division of a host: a table of hosts, divisions and guests, and what holds for every plan. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rows.h"
#include "table.h"

Test(plan, table)
{
	unsigned wrong = 0;

	cr_assert_geq(ARRAY_SIZE(rows), 80);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct row_input *input = row_read(row->host, row->division, row->guests);
		char text[ROW_TEXT_MAX];
		bool right;

		row_plan(input, text);
		right = *row->plan == '!' ? strncmp(text, row->plan, strlen(row->plan)) == 0
					  : strcmp(text, row->plan) == 0;
		if (!right)
			fprintf(stderr, "{\"%s\", \"%s\", \"%s\"}\n  wanted %s\n  got    %s\n", row->host,
				row->division, row->guests, row->plan, text);
		wrong += !right;
		free(input);
	}
	cr_assert_eq(wrong, 0, "%u rows are wrong", wrong);
}
