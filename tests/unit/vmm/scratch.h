/* A folder of its own for a test, in the system's temporary folder; removed by scratch_remove. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];

static inline void scratch_make(void)
{
	strcpy(scratch, "/tmp/rastos-test-XXXXXX");
	if (!mkdtemp(scratch))
		abort();
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(void)
{
	nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file in it; returns its path, valid until the next call. */
static inline const char *scratch_file(const char *name, const char *text)
{
	static char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	file = fopen(path, "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
	return path;
}
