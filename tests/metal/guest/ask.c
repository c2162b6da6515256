/*
 * One request to the manager, as vmm/manager/control.h says:
 *
 *      ask SOCKET '{"id":1,"op":"list"}'
 *
 * Prints the lines of the answer; ends with 0 when it is ok.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	static char line[16 << 20];
	FILE *answer;

	if (argc != 3)
		errx(2, "ask SOCKET REQUEST");
	strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    dprintf(fd, "%s\n", argv[2]) < 0)
		err(1, "%s", argv[1]);
	answer = fdopen(fd, "r");
	while (answer && fgets(line, sizeof(line), answer)) {
		fputs(line, stdout);
		if (strstr(line, "\"ok\":"))
			return strstr(line, "\"ok\":true") ? 0 : 1;
	}
	errx(1, "the manager hung up");
}
