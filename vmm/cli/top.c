/* rastos-vmm top: what guests cost, as it happens. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/reconnect.h"
#include "vmm/cli/sample.h"
#include "vmm/cli/table.h"
#include "vmm/terminal/terminal.h"

#define DELAY_DEFAULT 2
#define DELAY_MAX     3600

#define SCREEN_OTHER "\033[?1049h\033[?25l"
#define SCREEN_BACK  "\033[?25h\033[?1049l"
#define SCREEN_CLEAR "\033[H\033[J"

enum {
	OPT_HELP = 256,
};

static const char usage[] =
	"Usage: rastos-vmm top [-d SECONDS] [-n TIMES]\n\n"
	"Shows what the guests cost, the busiest first: CPU as part of one, memory, and a second's exits and bytes. On a\n"
	"terminal the picture is renewed in its place; keys: q quits, c sorts by CPU, m by memory, n by name. In a pipe one\n"
	"table follows the other.\n\n"
	"  -d, --delay SECONDS   between two pictures (default 2)\n"
	"  -n, --count TIMES     end after so many pictures\n"
	"      --help            show this help\n";

/* One line: the guest's sample, and what changed a second since the last one, or since its start. */
struct row {
	struct sample now;
	double cpu; /* percent of one CPU */
	double exits, read, written, received, sent;
};

struct top {
	const struct cli *cli;
	struct client client;
	unsigned long delay_s, count;
	bool live;  /* on a terminal */
	char order; /* the key that chose it */
	int signals;
	struct samples last;
	double last_time;
};

/* --- Numbers --- */

/* The same run of the same guest, a while ago. */
static const struct sample *find_last(const struct top *top, const struct sample *now)
{
	for (unsigned i = 0; i < top->last.count; i++) {
		const struct sample *last = &top->last.items[i];

		if (strcmp(last->guest, now->guest) == 0 && last->pid == now->pid)
			return last;
	}
	return NULL;
}

static double a_second(double now, double last, double seconds)
{
	return seconds > 0 && now > last ? (now - last) / seconds : 0;
}

static struct row row_of(const struct top *top, const struct sample *now, double time)
{
	static const struct sample nothing;
	const struct sample *last = find_last(top, now);
	double seconds = last ? time - top->last_time : now->uptime_s;
	const struct sample *before = last ? last : &nothing;

	return (struct row){
		.now = *now,
		.cpu = 100 * a_second(now->cpu_s, before->cpu_s, seconds),
		.exits = a_second(now->exits, before->exits, seconds),
		.read = a_second(now->read, before->read, seconds),
		.written = a_second(now->written, before->written, seconds),
		.received = a_second(now->received, before->received, seconds),
		.sent = a_second(now->sent, before->sent, seconds),
	};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->now.guest, ((const struct row *)b)->now.guest);
}

static int by_number(double a, double b)
{
	return (a < b) - (a > b);
}

static int by_cpu(const void *a, const void *b)
{
	int order = by_number(((const struct row *)a)->cpu, ((const struct row *)b)->cpu);

	return order ? order : by_name(a, b);
}

static int by_memory(const void *a, const void *b)
{
	int order = by_number(((const struct row *)a)->now.resident, ((const struct row *)b)->now.resident);

	return order ? order : by_name(a, b);
}

/* --- The picture --- */

static void add_row(struct table *table, const struct row *row)
{
	char uptime[16];

	answer_duration(uptime, row->now.uptime_s);
	table_text(table, row->now.guest);
	table_text(table, row->now.state);
	table_format(table, "%.0f", row->now.vcpus);
	table_format(table, "%.1f", row->cpu);
	table_bytes(table, row->now.resident);
	table_bytes(table, row->now.memory);
	table_bytes(table, row->now.own);
	table_format(table, "%.0f", row->exits);
	table_bytes(table, row->read);
	table_bytes(table, row->written);
	table_bytes(table, row->received);
	table_bytes(table, row->sent);
	table_text(table, uptime);
}

static void print_summary(const struct top *top, const struct row *rows, unsigned count)
{
	double cpu = 0, resident = 0, memory = 0;

	for (unsigned i = 0; i < count; i++) {
		cpu += rows[i].cpu;
		resident += rows[i].now.resident;
		memory += rows[i].now.memory;
	}
	printf("%u %s, %.1f%% of a CPU, %.0f MiB of memory in use, %.0f MiB of RAM%s\n\n", count,
	       count == 1 ? "guest" : "guests", cpu, resident / 1048576, memory / 1048576,
	       top->live ? "   (q quits, c m n sort)" : "");
}

static void print_rows(const struct top *top, const struct row *rows, unsigned count)
{
	static const struct table_column columns[] = {
		{"GUEST", TABLE_CUT},
		{"STATE", TABLE_STATE},
		{"VCPUS", TABLE_RIGHT | TABLE_SPARE},
		{"CPU%", TABLE_RIGHT},
		{"MEMORY", TABLE_RIGHT},
		{"RAM", TABLE_RIGHT},
		{"OVERHEAD", TABLE_RIGHT | TABLE_SPARE},
		{"EXITS/S", TABLE_RIGHT},
		{"READ/S", TABLE_RIGHT},
		{"WRITE/S", TABLE_RIGHT},
		{"RECV/S", TABLE_RIGHT},
		{"SENT/S", TABLE_RIGHT},
		{"UPTIME", TABLE_RIGHT | TABLE_SPARE},
		{NULL, 0},
	};
	struct table *table = table_create(columns);
	unsigned terminal_columns, lines = 0;

	if (!table)
		return;
	for (unsigned i = 0; i < count; i++)
		add_row(table, &rows[i]);
	if (top->live && terminal_size(STDOUT_FILENO, &terminal_columns, &lines))
		lines = lines > 4 ? lines - 3 : 1;
	table_print(table, stdout, lines);
	table_destroy(table);
}

/* Asks, shows, and keeps what was shown. */
static enum exit_code show(struct top *top, struct error *err)
{
	AUTO_FREE struct row *rows = NULL;
	struct samples samples;
	cJSON *answer = NULL;
	double time;
	enum exit_code code =
		client_call(&top->client, client_request_new(&top->client, "stats"), 0, &answer, NULL, err);

	if (code != EXIT_DONE)
		return code;
	time = (double)monotonic_ns() / 1e9;
	if (samples_read(answer, &samples))
		rows = calloc(samples.count + 1, sizeof(*rows));
	cJSON_Delete(answer);
	if (!rows) {
		error_set(err, -ENOMEM, "out of memory");
		return EXIT_FAILED;
	}
	for (unsigned i = 0; i < samples.count; i++)
		rows[i] = row_of(top, &samples.items[i], time);
	qsort(rows, samples.count, sizeof(*rows),
	      top->order == 'm'   ? by_memory
	      : top->order == 'n' ? by_name
				  : by_cpu);
	if (top->live)
		fputs(SCREEN_CLEAR, stdout);
	print_summary(top, rows, samples.count);
	print_rows(top, rows, samples.count);
	fflush(stdout);
	samples_free(&top->last);
	top->last = samples;
	top->last_time = time;
	return EXIT_DONE;
}

/* --- Time and keys --- */

/* False: the user wants to leave. A signal that is not the end's is a window of another size. */
static bool take_signal(const struct top *top)
{
	struct signalfd_siginfo info;

	return read(top->signals, &info, sizeof(info)) != sizeof(info) || info.ssi_signo == SIGWINCH;
}

static bool take_key(struct top *top)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
		return false;
	if (key == 'c' || key == 'm' || key == 'n')
		top->order = key;
	return true;
}

/* Until the next picture is due, at once after a key; false: it is over. */
static bool pass_time(struct top *top)
{
	struct pollfd wait[] = {
		{.fd = top->signals, .events = POLLIN},
		{.fd = top->live ? STDIN_FILENO : -1, .events = POLLIN},
	};

	if (poll(wait, 2, (int)top->delay_s * 1000) < 0)
		return errno == EINTR;
	if (wait[0].revents && !take_signal(top))
		return false;
	return !wait[1].revents || take_key(top);
}

static enum exit_code run(struct top *top, struct error *err)
{
	enum exit_code code;

	do {
		code = show(top, err);
		if (code == EXIT_FAILED && top->last.items) { /* the manager went: the next one may come */
			client_close(&top->client);
			if (reconnect(top->cli, &top->client))
				code = show(top, err);
		}
	} while (code == EXIT_DONE && !(top->count && --top->count == 0) && pass_time(top));
	return code;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static enum exit_code watch(const struct cli *cli, unsigned long delay_s, unsigned long count)
{
	struct top top = {.cli = cli, .delay_s = delay_s, .count = count, .order = 'c'};
	struct terminal_state terminal = {0};
	struct error err = {0};
	enum exit_code code;

	if (client_connect(cli, &top.client, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	top.live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && count == 0;
	top.signals = open_signals();
	if (top.live) {
		terminal_keys(&terminal, STDIN_FILENO);
		fputs(SCREEN_OTHER, stdout);
	}
	code = run(&top, &err);
	if (top.live) {
		fputs(SCREEN_BACK, stdout);
		fflush(stdout);
		terminal_restore(&terminal);
	}
	client_close(&top.client);
	samples_free(&top.last);
	close(top.signals);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

enum exit_code command_top(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"delay", required_argument, NULL, 'd'},
		{"count", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	unsigned long delay_s = DELAY_DEFAULT, count = 0;
	int option;

	while ((option = options_next(argc, argv, "d:n:", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("top");
		if (option == 'd' && !cli_number(optarg, 1, DELAY_MAX, &delay_s))
			return cli_usage("top", "--delay: must be seconds from 1 to %d", DELAY_MAX);
		if (option == 'n' && !cli_number(optarg, 1, 1000000000, &count))
			return cli_usage("top", "--count: must be a number from 1 on");
	}
	if (optind != argc)
		return cli_usage("top", "takes no argument");
	return watch(cli, delay_s, count);
}
