/*
 * Resources that release themselves at the end of their scope.
 *
 *     AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     AUTO_FREE char *text = strdup(name);
 *     return TAKE_FD(fd);           hands the descriptor to the caller, nothing is closed
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define AUTO_FREE   __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE  __attribute__((cleanup(cleanup_close)))
#define AUTO_FCLOSE __attribute__((cleanup(cleanup_fclose)))

#define TAKE_FD(fd)                                                                                          \
	({                                                                                                   \
		int taken_fd_ = (fd);                                                                        \
		(fd) = -1;                                                                                   \
		taken_fd_;                                                                                   \
	})

#define TAKE_PTR(pointer)                                                                                    \
	({                                                                                                   \
		__typeof__(pointer) taken_pointer_ = (pointer);                                              \
		(pointer) = NULL;                                                                            \
		taken_pointer_;                                                                              \
	})
