/*
 * rastos-display: shows one guest's screen to viewers, by VNC. Started by who starts the guest
 * (vmm/guest/display_start.h), with everything that it needs:
 *
 *      rastos-display NAME [--jail]
 *
 *      descriptor 2   what it has to say before it serves
 *                 3   sealed memory with the password; empty: there is none
 *                 4   the channel to the guest process (keeper.h)
 *                 5   where viewers connect
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/display/confine.h"
#include "vmm/display/keeper.h"
#include "vmm/display/start.h"

static int password_read(char password[DISPLAY_PASSWORD_MAX + 1], struct error *err)
{
	struct stat status;
	ssize_t got;

	if (fstat(DISPLAY_PASSWORD_FD, &status) < 0 || status.st_size > DISPLAY_PASSWORD_MAX)
		return error_set(err, -EINVAL, "rastos-display is for rastos-vmm to start");
	got = pread(DISPLAY_PASSWORD_FD, password, DISPLAY_PASSWORD_MAX, 0);
	if (got != status.st_size)
		return error_set(err, -EIO, "display: cannot read the password");
	password[got] = '\0';
	close(DISPLAY_PASSWORD_FD);
	return 0;
}

int main(int argc, char **argv)
{
	bool jail = argc > 2 && strcmp(argv[2], "--jail") == 0;
	char password[DISPLAY_PASSWORD_MAX + 1] = "";
	struct keeper_config config = {.channel = DISPLAY_CHANNEL_FD, .listener = DISPLAY_LISTENER_FD};
	struct error err = {0};
	int code;

	if (argc < 2 || argc > 3 || (argc == 3 && !jail) ||
	    fcntl(DISPLAY_LISTENER_FD, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "rastos-display is for rastos-vmm to start\n");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	code = password_read(password, &err);
	if (code == 0)
		code = confine_keeper(jail, &err);
	config.name = argv[1];
	config.password = password[0] ? password : NULL;
	if (code == 0)
		code = keeper_run(&config, &err);
	if (code < 0)
		fprintf(stderr, "%s\n", err.text);
	return code < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
