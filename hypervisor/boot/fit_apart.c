#include "hypervisor/boot/fit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "hypervisor/boot/fit_crypto.h"

/* What the child says. Its pointers go into the image, which lies at the same place in both processes. */
struct answer {
	int result;
	struct error err;
	struct fit fit;
};

/* All of it, or -EIO when the child ended without an answer. */
static int answer_read(int fd, struct answer *answer)
{
	size_t used = 0;

	while (used < sizeof(*answer)) {
		ssize_t got = read(fd, (char *)answer + used, sizeof(*answer) - used);

		if (got == 0 || (got < 0 && errno != EINTR))
			return -EIO;
		used += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* libcrypto stays loaded: fit_open, which opens it again, then needs no file. */
static int child_confine(const char *name, int (*confine)(struct error *err), struct error *err)
{
	struct crypto *crypto;
	int result;

	if (!confine)
		return 0;
	result = crypto_open(&crypto, err);
	return result ? error_prefix(err, result, "image %s", name) : confine(err);
}

int fit_open_apart(const char *name, const uint8_t *data, size_t size, const char *configuration,
		   const struct fit_key *keys, unsigned key_count, bool allow_unsigned,
		   int (*confine)(struct error *err), struct fit *fit, struct error *err)
{
	struct answer answer = {.result = 0};
	AUTO_CLOSE int from_child = -1;
	int pipes[2];
	int result;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return error_set(err, -errno, "image %s: cannot check it: %m", name);
	from_child = pipes[0];
	child = fork();
	if (child == 0) {
		answer.result = child_confine(name, confine, &answer.err);
		if (answer.result == 0)
			answer.result = fit_open(name, data, size, configuration, keys, key_count,
						 allow_unsigned, &answer.fit, &answer.err);
		/* less than PIPE_BUF: all or nothing */
		_exit(write(pipes[1], &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
	}
	result = -errno; /* of fork */
	close(pipes[1]);
	if (child < 0)
		return error_set(err, result, "image %s: cannot check it: no new process", name);
	result = answer_read(from_child, &answer);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (result)
		return error_set(err, result, "image %s: cannot check it: the process that did so died",
				 name);
	if (answer.result == 0)
		*fit = answer.fit;
	return answer.result ? error_set(err, answer.result, "%s", answer.err.text) : 0;
}
