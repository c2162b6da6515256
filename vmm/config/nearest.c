#include "vmm/config/nearest.h"

#include <string.h>

#include "common/util.h"

#define WORD_MAX 32

/* Damerau-Levenshtein distance, optimal string alignment. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= a_len; i++)
		row[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			size_t one_more = MIN(row[i - 1][j], row[i][j - 1]) + 1;
			size_t best = MIN(replaced, one_more);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, row[i - 2][j - 2] + 1);
			row[i][j] = best;
		}
	}
	return row[a_len][b_len];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
	size_t len = strlen(word);
	const char *best = NULL;
	size_t best_distance = len / 3 + 2; /* a third of the letters, and one more, may be wrong */

	if (len > WORD_MAX)
		return NULL;
	for (; *candidates; candidates++) {
		size_t candidate_len = strlen(*candidates);
		size_t distance;

		if (candidate_len > WORD_MAX)
			continue;
		distance = edit_distance(word, len, *candidates, candidate_len);
		if (distance < best_distance && distance < MAX(len, candidate_len)) {
			best = *candidates;
			best_distance = distance;
		}
	}
	return best;
}
