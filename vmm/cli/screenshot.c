/* rastos-vmm screenshot: a picture of a guest's display, into a file. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"

#define SILENCE_MS 25000
#define HEADER_MAX 64

enum {
	OPT_HELP = 256,
};

static const char usage[] =
	"Usage: rastos-vmm screenshot GUEST [FILE]\n\n"
	"Takes a picture of a guest's first display, as PPM (netpbm; pnmtopng and most viewers take it).\n"
	"FILE is GUEST.ppm unless it is given, - is standard output.\n\n"
	"      --help   show this help\n";

/* Bytes that a whole picture has, by what its first ones say; 0: they say nothing that can be. */
static unsigned long long picture_size(const char *header)
{
	unsigned long width, height;
	int len = 0;

	if (sscanf(header, "P6\n%5lu %5lu\n255\n%n", &width, &height, &len) != 2 || len == 0)
		return 0;
	return (unsigned long long)len + 3ULL * width * height;
}

/* -ENODATA: there was none; -EPIPE: not all of it came. */
static int copy_picture(int from, int to)
{
	char header[HEADER_MAX + 1] = "";
	unsigned long long size = 0, done = 0;
	char buffer[65536];

	for (;;) {
		struct pollfd wait = {.fd = from, .events = POLLIN};
		ssize_t got;

		if (poll(&wait, 1, SILENCE_MS) == 0)
			return -ETIMEDOUT;
		got = read(from, buffer, sizeof(buffer));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		if (done < HEADER_MAX)
			memcpy(header + done, buffer,
			       (size_t)got < HEADER_MAX - done ? (size_t)got : HEADER_MAX - done);
		done += (unsigned long long)got;
		if (!size)
			size = picture_size(header);
		if (size && done > size)
			return -EPROTO;
		if (write(to, buffer, (size_t)got) != got)
			return -errno;
	}
	if (done == 0)
		return -ENODATA;
	return size && done == size ? 0 : -EPIPE;
}

static enum exit_code copy_failed(const char *guest, const char *file, int code)
{
	switch (code) {
	case -ENODATA:
		return cli_fail(EXIT_REFUSED,
				"guest %s: its display is dark, or somebody else takes a picture of it",
				guest);
	case -ETIMEDOUT:
		return cli_fail(EXIT_TIMED_OUT, "guest %s: the picture does not come", guest);
	case -EPIPE:
	case -EPROTO:
		return cli_fail(EXIT_FAILED, "guest %s: what came is not a whole picture", guest);
	default:
		return cli_fail(EXIT_FAILED, "%s: cannot write: %s", file, strerror(-code));
	}
}

/* The connection, on which the picture comes. */
static enum exit_code ask(const struct cli *cli, const char *guest, int *fd)
{
	struct client client;
	struct error err = {0};
	enum exit_code code = EXIT_FAILED;
	cJSON *request;

	if (client_connect(cli, &client, &err) == 0) {
		request = client_request_new(&client, "screenshot");
		cJSON_AddStringToObject(request, "guest", guest);
		code = client_call(&client, request, 0, NULL, NULL, &err);
	}
	if (code == EXIT_DONE)
		*fd = TAKE_FD(client.fd);
	client_close(&client);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

/* Into another file first: what was there stays, unless the picture is whole. */
static enum exit_code take(const struct cli *cli, const char *guest, const char *file)
{
	AUTO_FREE char *draft = NULL;
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;
	enum exit_code code = ask(cli, guest, &from);
	int copied;

	if (code != EXIT_DONE)
		return code;
	if (strcmp(file, "-") == 0) {
		copied = copy_picture(from, STDOUT_FILENO);
		return copied < 0 ? copy_failed(guest, "standard output", copied) : EXIT_DONE;
	}
	if (asprintf(&draft, "%s.XXXXXX", file) < 0) {
		draft = NULL;
		return cli_fail(EXIT_FAILED, "out of memory");
	}
	to = mkostemp(draft, O_CLOEXEC);
	if (to < 0)
		return copy_failed(guest, file, -errno);
	copied = copy_picture(from, to);
	if (copied == 0 && (fchmod(to, 0644) < 0 || rename(draft, file) < 0))
		copied = -errno;
	if (copied < 0)
		unlink(draft);
	return copied < 0 ? copy_failed(guest, file, copied) : EXIT_DONE;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), part = strlen(end);

	return len >= part && strcmp(text + len - part, end) == 0;
}

enum exit_code command_screenshot(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	AUTO_FREE char *own = NULL;
	const char *file;

	int option = options_next(argc, argv, "", options);

	if (option != -1) {
		if (option != OPT_HELP)
			return cli_bad_option("screenshot");
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (optind == argc || argc - optind > 2)
		return cli_usage("screenshot", optind == argc ? "which guest?" : "one guest, and one FILE");
	if (argc - optind == 1 && asprintf(&own, "%s.ppm", argv[optind]) < 0)
		return cli_fail(EXIT_FAILED, "out of memory");
	file = own ? own : argv[optind + 1];
	if (ends_with(file, ".png") || ends_with(file, ".jpg") || ends_with(file, ".jpeg"))
		return cli_usage("screenshot",
				 "%s: pictures are PPM: FILE.ppm, and then pnmtopng (package netpbm)", file);
	return take(cli, argv[optind], file);
}
