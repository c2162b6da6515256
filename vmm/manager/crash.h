/*
 * Crash reports: what is known of a guest that ended against everybody's will, kept in the state folder
 * (settings: state_dir) as crashes/GUEST-TIME.json until CRASH_REPORTS_MAX newer ones of that guest have
 * come.
 *
 *      {"guest":"web","time":"2026-01-31T12:00:00Z","end":"crashed","why":"...","registers":"rip ...\n...",
 *       "console":"last lines","report":{boot report},"definition":{...}}
 *
 * Loop thread only; a report that cannot be written is said in the log.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/config/settings.h"

#define CRASH_REPORTS_MAX 8

struct managed_guest;

/* What a manager left that was killed while it wrote one. */
void crash_reports_sweep(const struct settings *settings);
void crash_report_write(const struct managed_guest *guest, const char *registers);
/* All that are kept, newest first, of one guest unless name is NULL. */
int crash_reports_read(const struct settings *settings, const char *name, cJSON **reports, struct error *err);
