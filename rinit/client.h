/* The other end of control.h's socket, for rinitctl and rinit's helpers. */
#pragma once

#include "common/error.h"

/*
 * Asks PID 1 and waits for the answer. Returns its code (enum control_code) with what it says in *text, to be
 * freed, or CONTROL_FAILED with *text NULL and an error when there was no answer.
 */
int client_ask(const char *verb, const char *argument, char **text, struct error *err);

/*
 * The same for an answer that may go on without end: calls each with every line as it comes, without its end;
 * the line may be written to. Returns when rinit has said everything. The error has the sentence for every
 * code but CONTROL_DONE.
 */
int client_lines(const char *verb, const char *argument, void *context,
		 void (*each)(void *context, char *line), struct error *err);
