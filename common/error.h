/*
 * One sentence for the person who runs rastOS, made where it can be said best.
 *
 * A function that can fail for a reason a person must read takes a `struct error *err` as its last parameter, returns 0
 * or a negative errno, and on failure has written exactly one sentence: the object's name, the operation, the cause
 * and, where there is one, what to do. Callers pass it up untouched: there are never two messages for one fault.
 *
 *     return error_set(err, -EINVAL, "disk %s: size %llu is not a multiple of 512", path, size);
 *     return error_set(err, -errno, "disk %s: cannot open: %m", path);
 *
 * Of a document that somebody sent, `pointer` also says where in it: vmm/config/json.c writes it, error_set clears it.
 *
 * err may be NULL where the caller needs only the code. Thread safe: it holds no state of its own.
 */
#pragma once

struct error {
	char text[512];
	char pointer[128]; /* where in a JSON document (RFC 6901); "": nowhere in particular */
};

/* Writes the sentence and returns code (negative errno), so that it can be the operand of return. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the sentence already there; returns code. */
int error_prefix(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
