/* The word somebody probably meant: for mistyped commands, keys and names. */
#pragma once

#include <stddef.h>

/* The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours) to word, or
 * NULL when even the best shares too little with it. candidates ends with NULL. */
const char *nearest_word(const char *word, const char *const *candidates);
