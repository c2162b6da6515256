/*
 * The system's time, on machines whose clock has no battery: never before this program was built, nor before
 * the last shutdown, whose time is that of the file CLOCK_FILE.
 */
#pragma once

#define STATE_FOLDER "/var/lib/rinit"
#define CLOCK_FILE   STATE_FOLDER "/clock"

void clock_not_before_build(void);
/* For a helper: /var may be slow. */
void clock_not_before_saved(void);
void clock_save(void);
