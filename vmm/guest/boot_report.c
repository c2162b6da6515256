#include "vmm/guest/boot_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1e6
#define MS_MAX    1e12 /* more than 30 years, and few enough for nanoseconds in 64 bits */
#define NS_MAX    1000000000000000000ULL

static const char *const step_names[BOOT_STEP_COUNT] = {
	[BOOT_STEP_EXEC] = "exec", [BOOT_STEP_VERIFY] = "verify", [BOOT_STEP_VM] = "vm",
	[BOOT_STEP_LOAD] = "load", [BOOT_STEP_RUN] = "run",       [BOOT_STEP_KERNEL] = "kernel",
	[BOOT_STEP_INIT] = "init", [BOOT_STEP_READY] = "ready",
};

static const char *const step_meanings[BOOT_STEP_COUNT] = {
	[BOOT_STEP_EXEC] = "guest process started",
	[BOOT_STEP_VERIFY] = "boot image verified",
	[BOOT_STEP_VM] = "virtual machine and devices made",
	[BOOT_STEP_LOAD] = "kernel loaded",
	[BOOT_STEP_RUN] = "first KVM_RUN",
	[BOOT_STEP_KERNEL] = "first output on the console",
	[BOOT_STEP_INIT] = "init started",
	[BOOT_STEP_READY] = "READY=1",
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

void boot_recorder_start(struct boot_recorder *recorder, const char *guest, uint64_t since_ns)
{
	*recorder = (struct boot_recorder){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		/* A process that waited for nothing so far: the CPU time used is also the time that passed.
		 */
		.start_wall_ns =
			since_ns ? since_ns : clock_ns(CLOCK_MONOTONIC) - clock_ns(CLOCK_PROCESS_CPUTIME_ID),
	};
	snprintf(recorder->report.guest, sizeof(recorder->report.guest), "%s", guest);
	boot_recorder_mark(recorder, BOOT_STEP_EXEC);
}

bool boot_recorder_mark(struct boot_recorder *recorder, enum boot_step step)
{
	uint64_t wall = clock_ns(CLOCK_MONOTONIC);
	uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct boot_step_time *time = &recorder->report.steps[step];
	bool first;

	pthread_mutex_lock(&recorder->lock);
	first = !time->reached;
	if (first)
		*time = (struct boot_step_time){
			.reached = true,
			.wall_ns = wall - recorder->start_wall_ns,
			.cpu_ns = cpu,
		};
	pthread_mutex_unlock(&recorder->lock);
	return first;
}

void boot_report_clear(struct boot_report *report, const char *guest)
{
	*report = (struct boot_report){0};
	snprintf(report->guest, sizeof(report->guest), "%s", guest);
}

void boot_recorder_read(struct boot_recorder *recorder, struct boot_report *report)
{
	pthread_mutex_lock(&recorder->lock);
	*report = recorder->report;
	pthread_mutex_unlock(&recorder->lock);
}

/* One reached step as it is shown: steps that the guest announces may come in another order than the table's.
 */
struct timeline_step {
	unsigned step;
	struct boot_step_time at;   /* since the start */
	struct boot_step_time cost; /* its own: since the step before it in time */
};

static int by_time(const void *left, const void *right)
{
	const struct timeline_step *a = left;
	const struct timeline_step *b = right;

	if (a->at.wall_ns != b->at.wall_ns)
		return a->at.wall_ns < b->at.wall_ns ? -1 : 1;
	return a->step < b->step ? -1 : 1;
}

/* The reached steps in the order of time; returns how many. */
static unsigned timeline_of(const struct boot_report *report, struct timeline_step timeline[BOOT_STEP_COUNT])
{
	struct boot_step_time last = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < BOOT_STEP_COUNT; i++) {
		if (report->steps[i].reached)
			timeline[count++] = (struct timeline_step){.step = i, .at = report->steps[i]};
	}
	qsort(timeline, count, sizeof(*timeline), by_time);
	for (unsigned i = 0; i < count; i++) {
		struct boot_step_time at = timeline[i].at;

		/* Two threads that mark at nearly the same time may have read the clocks in turn. */
		timeline[i].cost.wall_ns = at.wall_ns - last.wall_ns;
		timeline[i].cost.cpu_ns = at.cpu_ns > last.cpu_ns ? at.cpu_ns - last.cpu_ns : 0;
		last = at;
	}
	return count;
}

cJSON *boot_report_to_json(const struct boot_report *report)
{
	struct timeline_step timeline[BOOT_STEP_COUNT];
	unsigned count = timeline_of(report, timeline);
	cJSON *json = cJSON_CreateObject();
	cJSON *steps;

	if (!cJSON_AddStringToObject(json, "guest", report->guest) ||
	    !cJSON_AddBoolToObject(json, "ready", report->steps[BOOT_STEP_READY].reached))
		goto fail;
	steps = cJSON_AddArrayToObject(json, "steps");
	for (unsigned i = 0; i < count; i++) {
		const struct timeline_step *item = &timeline[i];
		cJSON *step = cJSON_CreateObject();

		if (!cJSON_AddItemToArray(steps, step) ||
		    !cJSON_AddStringToObject(step, "name", step_names[item->step]) ||
		    !cJSON_AddNumberToObject(step, "at_ms", (double)item->at.wall_ns / NS_PER_MS) ||
		    !cJSON_AddNumberToObject(step, "wall_ms", (double)item->cost.wall_ns / NS_PER_MS) ||
		    !cJSON_AddNumberToObject(step, "cpu_ms", (double)item->cost.cpu_ns / NS_PER_MS))
			goto fail;
	}
	return json;
fail:
	cJSON_Delete(json);
	return NULL;
}

static int step_number(const char *name, size_t len)
{
	for (int i = 0; i < BOOT_STEP_COUNT; i++) {
		if (strlen(step_names[i]) == len && memcmp(step_names[i], name, len) == 0)
			return i;
	}
	return -1;
}

static bool is_time(const cJSON *item)
{
	return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= MS_MAX;
}

int boot_report_from_json(const cJSON *json, struct boot_report *report)
{
	const cJSON *guest = cJSON_GetObjectItemCaseSensitive(json, "guest");
	const cJSON *step;
	double cpu_ns = 0;

	*report = (struct boot_report){0};
	if (!cJSON_IsString(guest))
		return -EINVAL;
	snprintf(report->guest, sizeof(report->guest), "%s", guest->valuestring);
	cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(json, "steps"))
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(step, "name");
		const cJSON *at = cJSON_GetObjectItemCaseSensitive(step, "at_ms");
		const cJSON *cpu = cJSON_GetObjectItemCaseSensitive(step, "cpu_ms");
		int number =
			cJSON_IsString(name) ? step_number(name->valuestring, strlen(name->valuestring)) : -1;

		if (number < 0 || !is_time(at) || !is_time(cpu))
			return -EINVAL;
		cpu_ns += cpu->valuedouble * NS_PER_MS;
		if (cpu_ns > MS_MAX * NS_PER_MS)
			return -EINVAL;
		report->steps[number] = (struct boot_step_time){
			.reached = true,
			.wall_ns = (uint64_t)(at->valuedouble * NS_PER_MS),
			.cpu_ns = (uint64_t)cpu_ns,
		};
	}
	return 0;
}

void boot_report_to_text(const struct boot_report *report, char text[BOOT_REPORT_TEXT_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < BOOT_STEP_COUNT; i++) {
		const struct boot_step_time *step = &report->steps[i];

		if (step->reached)
			used += (size_t)snprintf(text + used, BOOT_REPORT_TEXT_MAX - used, "%s%s %llu %llu",
						 used ? " " : "", step_names[i],
						 (unsigned long long)step->wall_ns,
						 (unsigned long long)step->cpu_ns);
	}
}

/* Nanoseconds after a blank; *text is behind them then. */
static bool take_ns(const char **text, uint64_t *ns)
{
	char *end;

	if (**text != ' ' || (*text)[1] < '0' || (*text)[1] > '9')
		return false;
	*ns = strtoull(*text + 1, &end, 10); /* what does not fit becomes larger than NS_MAX */
	*text = end;
	return *ns <= NS_MAX;
}

int boot_report_from_text(const char *text, struct boot_report *report)
{
	*report = (struct boot_report){0};
	while (*text) {
		size_t len = strcspn(text, " ");
		int number = step_number(text, len);
		struct boot_step_time time = {.reached = true};

		text += len;
		if (number < 0 || !take_ns(&text, &time.wall_ns) || !take_ns(&text, &time.cpu_ns))
			return -EINVAL;
		report->steps[number] = time;
		if (*text == ' ' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	return 0;
}

void boot_report_print(const struct boot_report *report, FILE *file)
{
	struct timeline_step timeline[BOOT_STEP_COUNT];
	unsigned count = timeline_of(report, timeline);

	fprintf(file, "%-8s %12s %12s %12s\n", "STEP", "AT", "TOOK", "CPU");
	for (unsigned i = 0; i < count; i++) {
		const struct timeline_step *item = &timeline[i];

		fprintf(file, "%-8s %9.1f ms %9.1f ms %9.1f ms   %s\n", step_names[item->step],
			(double)item->at.wall_ns / NS_PER_MS, (double)item->cost.wall_ns / NS_PER_MS,
			(double)item->cost.cpu_ns / NS_PER_MS, step_meanings[item->step]);
	}
}

#define SVG_WIDTH 960
#define SVG_LEFT  90
#define SVG_RIGHT 110
#define SVG_TOP   44
#define SVG_ROW   30
#define SVG_BAR   18

static void svg_row(const struct timeline_step *item, unsigned row, double scale, FILE *file)
{
	double from = (double)(item->at.wall_ns - item->cost.wall_ns) * scale;
	double width = (double)item->cost.wall_ns * scale;
	double ms = (double)item->cost.wall_ns / NS_PER_MS;
	unsigned y = SVG_TOP + row * SVG_ROW;

	fprintf(file,
		"<text x=\"12\" y=\"%u\">%s</text>"
		"<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" fill=\"#3d6fb4\">"
		"<title>%s: %.1f ms, %.1f ms of CPU</title></rect>"
		"<text x=\"%.1f\" y=\"%u\">%.1f ms</text>\n",
		y + 14, step_names[item->step], SVG_LEFT + from, y, width < 1 ? 1 : width, SVG_BAR,
		step_meanings[item->step], ms, (double)item->cost.cpu_ns / NS_PER_MS,
		SVG_LEFT + from + width + 6, y + 14, ms);
}

void boot_report_svg(const struct boot_report *report, FILE *file)
{
	struct timeline_step timeline[BOOT_STEP_COUNT];
	unsigned count = timeline_of(report, timeline);
	double end = count && timeline[count - 1].at.wall_ns ? (double)timeline[count - 1].at.wall_ns : 1;

	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" font-family=\"sans-serif\" "
		"font-size=\"13\">\n<title>Boot of guest %s</title>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"12\" y=\"26\" font-size=\"16\">Boot of guest %s: %.1f ms</text>\n",
		SVG_WIDTH, SVG_TOP + count * SVG_ROW + 12, report->guest, report->guest, end / NS_PER_MS);
	for (unsigned i = 0; i < count; i++)
		svg_row(&timeline[i], i, (SVG_WIDTH - SVG_LEFT - SVG_RIGHT) / end, file);
	fprintf(file, "</svg>\n");
}
