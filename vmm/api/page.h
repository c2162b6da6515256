/*
 * Long lists in pieces: ?limit=10&after=web is at most ten of those whose names come after web, in the order
 * of their names; with more behind them the answer has "next", and a header Link for it (RFC 8288). Internal
 * to vmm/api.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

struct exchange;

/* Whether limit, after and state in the query are what they must be; false: it was answered. */
bool page_check(struct exchange *exchange);
/* Answers with a page of the result, an object with one array of objects that have names; for
 * exchange->finish. */
void page_finish(struct exchange *exchange, cJSON *result);
