/*
 * Versions of a document as HTTP has them (RFC 9110, 8.8.3 and 13): "3f2a9c0d11e4b7a5", made of what it says,
 * so that the same text has the same version whoever wrote it and whichever manager is asked. Pure functions.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#define ETAG_MAX 32

/* With its quotes. form: "" or what tells another form of the same document ("-xml"). false: no memory. */
bool etag_of(const cJSON *json, const char *form, char etag[ETAG_MAX]);

/* Whether the value of If-Match or If-None-Match names it: "*", or a list. weak: a W/ before one does not
 * matter, as for If-None-Match. The list is a client's: what is no entity tag in it matches nothing. */
bool etag_listed(const char *list, const char *etag, bool weak);
/* Whether it is "*" or a list of entity tags at all. */
bool etag_list_valid(const char *list);
