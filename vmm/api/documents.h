/*
 * docs/openapi.json and docs/schema/ over HTTP: packed (gzip) in the program when it is built, and sent so to
 * who takes that. Internal to vmm/api.
 */
#pragma once

struct exchange;

void documents_openapi(struct exchange *exchange);
void documents_schema(struct exchange *exchange);
