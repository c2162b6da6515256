/*
 * Runs one of the host's network tools (ip, nft, dnsmasq) to its end: no shell, arguments as an array, its
 * input from memory, a time limit. What it prints is kept, and when it fails its first line is the reason in
 * our one sentence.
 *
 * tool_run blocks for as long as the tool runs, at most TOOL_SECONDS. A tool is looked for in PATH, then in
 * /usr/sbin and /sbin, which a user's PATH often lacks. A daemon that it leaves behind (dnsmasq) is not
 * waited for.
 */
#pragma once

#include "common/error.h"

#define TOOL_SECONDS 10

struct tool {
	const char *const *argv; /* ends with NULL */
	const char *package;     /* the Debian package that has it */
	const char *input;       /* NULL: nothing */
};

/* 0, or a negative errno and one sentence: -ENOENT not installed, -ETIMEDOUT, -EIO it failed. */
int tool_run(const struct tool *tool, struct error *err);
