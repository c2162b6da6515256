/* Bytes from other processes, the kernel and disks: addresses, netlink attributes, superblocks. */
#include <stdlib.h>
#include <string.h>

#include "rinit/address.h"
#include "rinit/device.h"
#include "rinit/fd_store.h"
#include "rinit/netlink.h"
#include "rinit/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct superblock superblock;
	struct ip_address address;
	char name[FD_NAME_MAX + 2];
	uint8_t prefix;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (notify_value(text, "FDNAME", name, sizeof(name)) && fd_name_is_valid(name) &&
	    strpbrk(name, ":\n"))
		abort();
	ip_parse(text, true, &address);
	ip_parse(text, false, &address);
	netmask_parse(text, &prefix);
	for (uint16_t type = 0; type < 8; type++)
		netlink_find(data, size, type, 4, NULL);
	if (size >= SUPERBLOCK_SIZE && superblock_parse(data, &superblock) && strlen(superblock.uuid) != 36)
		abort();
	free(text);
	return 0;
}
