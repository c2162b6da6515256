#include "vmm/api/access.h"

#include <sys/socket.h>
#include <unistd.h>

enum api_role access_of_socket(int fd, uint32_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return ROLE_NONE;
	*uid = peer.uid;
	return ROLE_ADMIN;
}
