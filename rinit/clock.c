#include "rinit/clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "rinit/log.h"

/* Has it been set? */
static bool set_not_before(time_t earliest)
{
	struct timespec time = {.tv_sec = earliest}, now;

	return !clock_gettime(CLOCK_REALTIME, &now) && now.tv_sec < earliest &&
	       !clock_settime(CLOCK_REALTIME, &time);
}

void clock_not_before_build(void)
{
	if (set_not_before(RINIT_BUILD_TIME))
		log_info("the clock was before rinit was built: set to that");
}

void clock_not_before_saved(void)
{
	struct stat status;

	if (!stat(CLOCK_FILE, &status) && set_not_before(status.st_mtime))
		puts("the clock was before the last shutdown: set to that");
}

/* The file is empty: its time is what counts. */
void clock_save(void)
{
	int fd;

	mkdir(STATE_FOLDER, 0755);
	fd = open(CLOCK_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0)
		close(fd);
}
