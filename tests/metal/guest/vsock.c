/* The guest's side of the vsock case: `vsock listen PORT` echoes one connection, `vsock connect PORT TEXT` sends TEXT to the
 * host and prints what comes back. */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int echo(int listener)
{
	char data[4096];
	ssize_t got;
	int fd;

	if (listen(listener, 1) < 0 || (fd = accept(listener, NULL, NULL)) < 0)
		return 1;
	while ((got = read(fd, data, sizeof(data))) > 0) {
		if (write(fd, data, (size_t)got) != got)
			return 1;
	}
	return got < 0;
}

static int ask(int fd, const char *text)
{
	char data[4096];
	ssize_t got;

	if (write(fd, text, strlen(text)) < 0 || shutdown(fd, SHUT_WR) < 0)
		return 1;
	while ((got = read(fd, data, sizeof(data))) > 0)
		fwrite(data, 1, (size_t)got, stdout);
	return got < 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm address = {.svm_family = AF_VSOCK};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (argc < 3 || fd < 0)
		return 2;
	address.svm_port = (unsigned)atoi(argv[2]);
	if (strcmp(argv[1], "listen") == 0) {
		address.svm_cid = VMADDR_CID_ANY;
		return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? 1 : echo(fd);
	}
	address.svm_cid = VMADDR_CID_HOST;
	if (argc < 4 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	return ask(fd, argv[3]);
}
