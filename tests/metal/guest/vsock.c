/*
 * Both ends of the vsock case, one static program: on the host they are unix sockets, in the guest vsock ports.
 *
 *      metal-vsock listen PLACE          takes one connection and echoes it, each line with "echo: " before it
 *      metal-vsock connect PLACE LINE    sends LINE, says that it is done, prints what comes back
 *
 * PLACE is a path for a unix socket, a number for a vsock port: the guest's own, or the host's (CID 2) to connect to.
 * PATH:PORT connects through a guest's unix socket to its port: "CONNECT PORT" is sent and "OK ..." waited for.
 */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* A socket and its address for PLACE. */
static int place_socket(const char *place, unsigned cid, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_vm *vm = (struct sockaddr_vm *)address;
	struct sockaddr_un *un = (struct sockaddr_un *)address;

	memset(address, 0, sizeof(*address));
	if (*place != '/') {
		vm->svm_family = AF_VSOCK;
		vm->svm_cid = cid;
		vm->svm_port = (unsigned)atoi(place);
		*size = sizeof(*vm);
		return socket(AF_VSOCK, SOCK_STREAM, 0);
	}
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "%.*s", (int)strcspn(place, ":"), place);
	*size = sizeof(*un);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int serve(const char *place)
{
	struct sockaddr_storage address;
	socklen_t size;
	int listener = place_socket(place, VMADDR_CID_ANY, &address, &size);
	char line[4096];
	FILE *in, *out;
	int fd;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0)
		return fail(place);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return fail("accept");
	in = fdopen(fd, "r");
	out = fdopen(dup(fd), "w");
	while (fgets(line, sizeof(line), in)) {
		fprintf(out, "echo: %s", line);
		fflush(out);
	}
	return 0;
}

static int converse(const char *place, const char *text)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd = place_socket(place, VMADDR_CID_HOST, &address, &size);
	const char *port = *place == '/' ? strchr(place, ':') : NULL;
	char line[4096];
	FILE *in;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		return fail(place);
	in = fdopen(dup(fd), "r");
	if (port && (dprintf(fd, "CONNECT %s\n", port + 1) < 0 || !fgets(line, sizeof(line), in) ||
		     strncmp(line, "OK ", 3) != 0))
		return fail("the guest does not listen");
	if (dprintf(fd, "%s\n", text) < 0 || shutdown(fd, SHUT_WR) < 0)
		return fail("send");
	while (fgets(line, sizeof(line), in))
		fputs(line, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "listen") == 0)
		return serve(argv[2]);
	if (argc == 4 && strcmp(argv[1], "connect") == 0)
		return converse(argv[2], argv[3]);
	fprintf(stderr, "usage: metal-vsock listen PLACE | connect PLACE LINE\n");
	return 2;
}
