/*
 * Looks on while an init boots. It is what the kernel starts as init: it reads every file once, so that
 * nobody has to wait for the disk later, whose speed is not the emulated machine's; forks, and becomes the
 * init that it is told. The child looks every 10 ms which marks of the services are there, lets the machine
 * settle, and writes to the second serial line what it found:
 *
 *      mark NAME NS            the service's mark was there at this time of the monotonic clock; -1: it never
 * was memory PID KIB NAME     proportional share (PSS) of a process, this one left out before RUN_NS process
 * 1: time on the CPU, when it becomes the init first RUN_NS SWITCHES   then after the boot, and how often it
 * has left the CPU idle RUN_NS SWITCHES    the same IDLE_S later trace TEXT              a line of the
 * kernel's trace end
 *
 *      observer [-b FROM:TO] [-n COUNT] INIT [ARGUMENT...]
 *
 * -b makes FROM, a folder or a file, appear at TO too; -n waits until COUNT files are in the workers' folder.
 * The marks are in /bench/marks, one in a line: NAME and "tcp PORT" (somebody listens there) or "path PATH"
 * (it exists).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/rtc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARKS        "/bench/marks"
#define TRACING      "/bench/tracing"
#define WORKERS      "/run/bench"
#define REPORT       "/dev/ttyS1"
#define MARKS_MAX    64
#define LOOK_NS      10000000L
#define LOOKS_MAX    30000 /* five minutes */
#define SETTLE_S     20
#define IDLE_S       60
#define NS_PER_S     1000000000L
#define STATE_LISTEN 0x0a /* TCP_LISTEN in /proc/net/tcp */

struct mark {
	char name[32];
	char path[96]; /* empty: port counts */
	unsigned int port;
	int64_t seen_ns; /* -1: not yet */
};

struct observer {
	struct mark marks[MARKS_MAX];
	size_t count;
	int workers;
	unsigned long long before_ns;
	FILE *report;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec until = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void marks_read(struct observer *observer)
{
	FILE *file = fopen(MARKS, "r");
	char line[160];

	while (file && observer->count < MARKS_MAX && fgets(line, sizeof(line), file)) {
		struct mark *mark = &observer->marks[observer->count];

		mark->seen_ns = -1;
		if (sscanf(line, "%31s path %95s", mark->name, mark->path) == 2 ||
		    sscanf(line, "%31s tcp %u", mark->name, &mark->port) == 2)
			observer->count++;
	}
	if (file)
		fclose(file);
}

static bool port_wanted(const struct observer *observer)
{
	for (size_t i = 0; i < observer->count; i++)
		if (observer->marks[i].port && observer->marks[i].seen_ns < 0)
			return true;
	return false;
}

static void ports_look(struct observer *observer, const char *table)
{
	FILE *file = fopen(table, "r");
	char line[256];
	unsigned int port, state;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) != 2 ||
		    state != STATE_LISTEN)
			continue;
		for (size_t i = 0; i < observer->count; i++)
			if (observer->marks[i].port == port && observer->marks[i].seen_ns < 0)
				observer->marks[i].seen_ns = now_ns();
	}
	if (file)
		fclose(file);
}

/* Whether every mark is there. */
static bool marks_look(struct observer *observer)
{
	bool all = true;

	if (port_wanted(observer)) {
		ports_look(observer, "/proc/net/tcp");
		ports_look(observer, "/proc/net/tcp6");
	}
	for (size_t i = 0; i < observer->count; i++) {
		struct mark *mark = &observer->marks[i];

		if (mark->seen_ns < 0 && !mark->port && !access(mark->path, F_OK))
			mark->seen_ns = now_ns();
		all = all && mark->seen_ns >= 0;
	}
	return all;
}

static int files_count(const char *folder)
{
	DIR *dir = opendir(folder);
	int count = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static void wait_up(struct observer *observer)
{
	int64_t next = now_ns();

	for (int look = 0; look < LOOKS_MAX; look++) {
		if (marks_look(observer) && files_count(WORKERS) >= observer->workers)
			return;
		next += LOOK_NS;
		sleep_until(next);
	}
}

/* The number after `key` in a file of lines "KEY: NUMBER ..."; -1 when there is none. */
static long file_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long number = -1;

	while (file && number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = strtol(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

static void memory_report(struct observer *observer)
{
	DIR *proc = opendir("/proc");
	char path[64], name[32];

	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		long pid = strtol(entry->d_name, NULL, 10), kib;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
		kib = pid > 0 && pid != getpid() ? file_number(path, "Pss:") : -1;
		snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
		if (kib < 0 || !(file = fopen(path, "r")))
			continue; /* a kernel thread, or gone */
		if (fgets(name, sizeof(name), file))
			fprintf(observer->report, "memory %ld %ld %s", pid, kib, name);
		fclose(file);
	}
	if (proc)
		closedir(proc);
}

static unsigned long long first_process_run_ns(void)
{
	FILE *file = fopen("/proc/1/schedstat", "r");
	unsigned long long run_ns = 0;

	if (file) {
		if (fscanf(file, "%llu", &run_ns) != 1)
			run_ns = 0;
		fclose(file);
	}
	return run_ns;
}

static void first_process_report(struct observer *observer, const char *word)
{
	fprintf(observer->report, "%s %llu %ld\n", word, first_process_run_ns(),
		file_number("/proc/1/status", "voluntary_ctxt_switches:") +
			file_number("/proc/1/status", "nonvoluntary_ctxt_switches:"));
}

static void trace_report(struct observer *observer)
{
	FILE *file;
	char line[512];

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	file = fopen(TRACING "/trace", "r");
	while (file && fgets(line, sizeof(line), file))
		if (line[0] != '#')
			fprintf(observer->report, "trace %s", line);
	if (file)
		fclose(file);
	umount(TRACING);
}

static void observe(struct observer *observer)
{
	int fd = open(REPORT, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	observer->report = fdopen(fd, "w");
	if (!observer->report)
		_exit(1);
	setsid();
	wait_up(observer);
	sleep_until(now_ns() + SETTLE_S * NS_PER_S);
	fprintf(observer->report, "before %llu\n", observer->before_ns);
	first_process_report(observer, "first");
	sleep_until(now_ns() + IDLE_S * NS_PER_S);
	first_process_report(observer, "idle");
	memory_report(observer);
	for (size_t i = 0; i < observer->count; i++)
		fprintf(observer->report, "mark %s %lld\n", observer->marks[i].name,
			(long long)observer->marks[i].seen_ns);
	trace_report(observer);
	fprintf(observer->report, "workers %d\nend\n", files_count(WORKERS));
	fflush(observer->report);
	for (;;)
		pause(); /* its end would be an event to init */
}

static int file_read(const char *path, const struct stat *status, int type, struct FTW *where)
{
	static char buffer[65536];
	int fd;

	(void)where;
	if (type != FTW_F || !S_ISREG(status->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
	while (fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	return 0;
}

/* Twenty past: no hourly or daily job of cron's falls into the minutes that count. */
static void clock_set(void)
{
	time_t now = time(NULL);
	struct timespec at = {.tv_sec = now - now % 3600 + 20 * 60};
	struct tm parts;
	struct rtc_time rtc;
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);

	clock_settime(CLOCK_REALTIME, &at);
	gmtime_r(&at.tv_sec, &parts);
	rtc = (struct rtc_time){.tm_sec = parts.tm_sec,
				.tm_min = parts.tm_min,
				.tm_hour = parts.tm_hour,
				.tm_mday = parts.tm_mday,
				.tm_mon = parts.tm_mon,
				.tm_year = parts.tm_year};
	ioctl(fd, RTC_SET_TIME, &rtc);
	close(fd);
}

static void path_bind(char *argument)
{
	char *to = strchr(argument, ':');

	if (!to)
		return;
	*to++ = '\0';
	if (mount(argument, to, NULL, MS_BIND, NULL))
		dprintf(2, "observer: cannot bind %s at %s: %m\n", argument, to);
}

int main(int argc, char **argv)
{
	static struct observer observer;
	int option;

	while ((option = getopt(argc, argv, "+b:n:")) != -1) {
		if (option == 'b')
			path_bind(optarg);
		else if (option == 'n')
			observer.workers = (int)strtol(optarg, NULL, 10);
	}
	marks_read(&observer);
	nftw("/", file_read, 64, FTW_MOUNT | FTW_PHYS);
	clock_set();
	observer.before_ns = first_process_run_ns();
	if (fork() == 0)
		observe(&observer);
	execv(argv[optind], argv + optind);
	dprintf(2, "observer: cannot execute %s: %m\n", argv[optind]);
	return 1;
}
