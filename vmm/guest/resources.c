#include "vmm/guest/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "hypervisor/kvm/kvm.h"
#include "vmm/guest/disk_open.h"
#include "vmm/net/networks.h"
#include "vmm/net/tap.h"
#include "vmm/net/vhost_net.h"
#include "vmm/storage/boot_from_disk.h"

#define IMAGE_MAX     GIB(1)
#define VSOCK_BACKLOG 1024

/* --- Boot files --- */

static int read_whole(int fd, uint8_t *into, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, into + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		used += (size_t)got;
	}
	return 0;
}

static int file_map_size(const char *what, const struct file_map *map, size_t *size, struct error *err)
{
	struct stat status;

	if (fstat(map->fd, &status) < 0)
		return error_set(err, -errno, "%s %s: cannot stat: %m", what, map->path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s %s: is not a regular file", what, map->path);
	if (status.st_size == 0)
		return error_set(err, -EINVAL, "%s %s: is empty", what, map->path);
	if ((uint64_t)status.st_size > IMAGE_MAX)
		return error_set(err, -EFBIG, "%s %s: is larger than 1 GiB", what, map->path);
	*size = (size_t)status.st_size;
	return 0;
}

static int file_map_open(const char *what, const char *path, struct file_map *map, struct error *err)
{
	size_t size;

	map->path = path;
	map->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (map->fd < 0)
		return error_set(err, -errno, "%s %s: cannot open: %m", what, path);
	return file_map_size(what, map, &size, err);
}

static int file_map_take(const char *what, bool copy, struct file_map *map, struct error *err)
{
	int flags = copy ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;
	AUTO_CLOSE int fd = map->fd;
	void *data;
	int code;

	if (fd < 0)
		return 0;
	code = file_map_size(what, map, &map->size, err);
	map->fd = -1;
	if (code < 0)
		return code;
	data = mmap(NULL, map->size, copy ? PROT_READ | PROT_WRITE : PROT_READ, flags, copy ? -1 : fd, 0);
	if (data == MAP_FAILED)
		return error_set(err, -errno, "%s %s: cannot map: %m", what, map->path);
	map->data = data;
	code = copy ? read_whole(fd, data, map->size) : 0;
	return code < 0 ? error_set(err, code, "%s %s: cannot read: %s", what, map->path, strerror(-code))
			: 0;
}

/*
 * A boot image is copied into memory of ours before it is verified, so that what was verified is what boots
 * even when somebody writes to the file meanwhile; a bare kernel has nothing to protect and is mapped, which
 * is quicker.
 */
int guest_resources_map(const struct guest_definition *definition, struct guest_resources *resources,
			struct error *err)
{
	const char *what = definition->image                               ? "boot image"
			   : definition->kernel_disk == DEFINITION_NO_DISK ? "kernel"
									   : "kernel of";
	int code = file_map_take(what, definition->image != NULL, &resources->image, err);

	if (code < 0)
		return code;
	return file_map_take(resources->cmdline ? "initrd of" : "initrd", false, &resources->initrd, err);
}

static void file_map_close(struct file_map *map)
{
	cleanup_close(&map->fd);
	if (map->data)
		munmap((void *)map->data, map->size);
	*map = (struct file_map){.fd = -1};
}

void guest_resources_drop_boot_files(struct guest_resources *resources)
{
	file_map_close(&resources->image);
	file_map_close(&resources->initrd);
}

/* The disk is open and locked already: nobody changes it under us. */
void resources_kernel_source(const struct guest_definition *definition,
			     const struct guest_resources *resources, char about[DISK_BOOT_NAME_MAX],
			     struct disk_boot_source *source)
{
	const struct disk_resource *disk = &resources->disks[definition->kernel_disk];

	snprintf(about, DISK_BOOT_NAME_MAX, "disk %s",
		 disk_definition_name(&definition->disks[definition->kernel_disk]));
	*source = (struct disk_boot_source){
		.about = about,
		.disk = disk->fd,
		.size = disk->size,
		.index = definition->kernel_disk,
		.console = definition->console == GUEST_CONSOLE_VIRTIO ? "hvc0" : "ttyS0",
	};
}

int resources_take_kernel(const struct guest_definition *definition, struct guest_resources *resources,
			  const char *about, struct error *err)
{
	const struct disk_boot *boot = &resources->disk_boot;

	resources->image = (struct file_map){.path = boot->kernel, .fd = boot->kernel_fd};
	resources->initrd = (struct file_map){.path = boot->kernel, .fd = boot->initrd_fd};
	if (asprintf(&resources->cmdline, "%s%s%s", boot->cmdline, definition->cmdline ? " " : "",
		     definition->cmdline ? definition->cmdline : "") < 0) {
		resources->cmdline = NULL;
		return error_set(err, -ENOMEM, "%s: out of memory", about);
	}
	return 0;
}

static int open_boot_files(const struct guest_definition *definition, const struct settings *settings,
			   struct guest_resources *resources, struct error *err)
{
	int code;

	if (definition->image) {
		code = file_map_open("boot image", definition->image, &resources->image, err);
		if (code == 0)
			code = settings_keys(settings, resources->keys, &resources->key_count, err);
		return code;
	}
	code = file_map_open("kernel", definition->kernel, &resources->image, err);
	if (code == 0 && definition->initrd)
		code = file_map_open("initrd", definition->initrd, &resources->initrd, err);
	return code;
}

/* --- Network and vsock --- */

static int open_named_network(const char *guest, unsigned index, const struct network_definition *definition,
			      struct networks *networks, struct network_plug *plug, struct error *err)
{
	if (!networks)
		return error_set(
			err, -ENOTSUP,
			"guest %s: networks[%u]: network %s is made by the manager (`rastos-vmm up`); a guest "
			"without it can have \"passt\", or \"bridge\" with a bridge of the host",
			guest, index, definition->network);
	return networks_attach(networks, guest, index, definition, plug, err);
}

/* What is made for the card stays when the guest's process ends: somebody has to remove it. */
static int open_direct(const char *guest, unsigned index, const struct network_definition *definition,
		       struct networks *networks, struct network_plug *plug, struct error *err)
{
	if (!networks)
		return error_set(
			err, -ENOTSUP,
			"guest %s: networks[%u]: a card of type \"direct\" is made by the manager (`rastos-vmm "
			"up`); a guest without it can have \"passt\", or \"bridge\" with a bridge of the host",
			guest, index);
	return networks_plug_direct(networks, guest, index, definition, plug, err);
}

/* vhost-net, unless the card is to have what it cannot: a bandwidth, packed rings, or a backend
 * that is no TAP. */
static int open_vhost(const char *guest, unsigned index, const struct network_definition *definition,
		      bool managed, struct card_fds *fds, struct error *err)
{
	bool limited = definition->rates.inbound.rate || definition->rates.outbound.rate;
	struct error why;
	int code;

	if (definition->vhost == NETWORK_VHOST_NEVER || definition->type == NETWORK_PASST || limited ||
	    definition->driver.packed)
		return 0;
	code = vhost_net_open(fds, &why);
	if (code < 0 && definition->vhost == NETWORK_VHOST_ALWAYS)
		return error_set(err, code, "guest %s: networks[%u]: vhost: %s", guest, index, why.text);
	if (code < 0)
		log_line(managed ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
			 "guest %s: networks[%u]: goes without vhost: %s", guest, index, why.text);
	return 0;
}

static void network_resource_init(struct network_resource *network)
{
	*network = (struct network_resource){.start = {.word = -1, .messages = -1}};
	card_fds_init(&network->fds);
}

int network_open(const char *guest, unsigned index, const struct network_definition *definition,
		 struct networks *networks, struct network_resource *network, struct error *err)
{
	struct network_plug plug = {0};
	int code = 0;

	network_resource_init(network);
	card_fds_init(&plug.fds);
	switch (definition->type) {
	case NETWORK_TAP:
		code = tap_open(definition->device, false, definition->queues, &plug.fds, err);
		break;
	case NETWORK_NAMED:
		code = open_named_network(guest, index, definition, networks, &plug, err);
		break;
	case NETWORK_BRIDGE:
		code = networks_plug_bridge(guest, index, definition, &plug, err);
		break;
	case NETWORK_DIRECT:
		code = open_direct(guest, index, definition, networks, &plug, err);
		break;
	case NETWORK_PASST:
		code = plug.fds.queues[0] = passt_begin(&network->passt, &network->start, guest,
							(const char *const *)definition->publish,
							definition->publish_count, definition->mtu, err);
		break;
	}
	if (code >= 0)
		code = open_vhost(guest, index, definition, networks != NULL, &plug.fds, err);
	if (code < 0)
		card_fds_close(&plug.fds);
	network->fds = plug.fds;
	return code;
}

/* A listening unix socket at a path that is a guest's own; what: of error messages. */
static int listen_at(const char *what, const char *path, size_t longest, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;

	if (strlen(path) > longest)
		return error_set(err, -ENAMETOOLONG, "%s %s: is too long for a unix socket", what, path);
	strcpy(address.sun_path, path);
	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return error_set(err, -EEXIST, "%s %s: another file is there; give another path", what, path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return error_set(err, -EADDRINUSE, "%s %s: another guest listens there; give another path",
				 what, path);
	if (unlink(path) < 0 && errno != ENOENT) /* a former guest's */
		return error_set(err, -errno, "%s %s: cannot replace: %m", what, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, VSOCK_BACKLOG) < 0)
		return error_set(err, -errno, "%s %s: cannot listen: %m", what, path);
	return TAKE_FD(fd);
}

static int open_vsock(const char *path, struct error *err)
{
	size_t longest = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("_4294967295") - 1;

	return listen_at("vsock path", path, longest, err);
}

/* The manager has given each of them a path; a guest without one has only those that its definition says. */
static int open_channels(const struct guest_definition *definition, struct guest_resources *resources,
			 struct error *err)
{
	size_t longest = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	for (unsigned i = 0; i < definition->channels.count; i++) {
		const struct channel_definition *channel = &definition->channels.channels[i];

		if (!channel->path)
			continue;
		resources->channel_fds[i] = listen_at("channel path", channel->path, longest, err);
		if (resources->channel_fds[i] < 0)
			return resources->channel_fds[i];
	}
	return 0;
}

/* --- Memory --- */

static int check_memory(const struct guest_definition *definition, struct error *err)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long available_kib = 0;
	uint64_t wanted = definition->memory_mib + memory_devices_requested(&definition->memory_devices);
	char line[128];

	if (definition->placement.pages != PAGES_NORMAL)
		return 0; /* a stock of its own: vm_memory_create reserves them or says what is missing */
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %llu", &available_kib) == 1)
			break;
	}
	if (available_kib == 0 || wanted <= available_kib / 1024)
		return 0; /* a host that does not say is not refused */
	return error_set(err, -ENOMEM,
			 "guest %s: wants %llu MiB of memory, this host has %llu MiB available; give it less",
			 definition->name, (unsigned long long)wanted, available_kib / 1024);
}

void guest_resources_init(struct guest_resources *resources)
{
	*resources = (struct guest_resources){
		.image.fd = -1,
		.initrd.fd = -1,
		.vsock_listen_fd = -1,
		.kvm_fd = -1,
		.display_fd = -1,
	};
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		resources->channel_fds[i] = -1;
	for (unsigned i = 0; i < FILESYSTEMS_MAX; i++)
		resources->filesystem_fds[i] = -1;
	for (unsigned i = 0; i < DEFINITION_DISKS_MAX; i++)
		resources->disks[i].fd = -1;
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
		network_resource_init(&resources->networks[i]);
}

int resources_open_disk(const struct disk_definition *definition, const struct settings *settings,
			struct disk_resource *disk, struct error *err)
{
	disk->size = 1; /* a backend says it later */
	return disk_definition_has_backend(definition) ? 0 : disk_open(definition, settings, disk, err);
}

int resources_open_host(const struct guest_definition *definition, const struct settings *settings,
			struct guest_resources *resources, struct error *err)
{
	int code = check_memory(definition, err);

	if (code == 0) {
		resources->kvm_fd = kvm_device_open(err);
		code = MIN(resources->kvm_fd, 0);
	}
	if (code == 0 && definition->kernel_disk == DEFINITION_NO_DISK)
		code = open_boot_files(definition, settings, resources, err);
	return code;
}

int resources_open_sockets(const struct guest_definition *definition, struct guest_resources *resources,
			   struct error *err)
{
	int code = 0;

	if (definition->vsock_path) {
		resources->vsock_listen_fd = open_vsock(definition->vsock_path, err);
		code = MIN(resources->vsock_listen_fd, 0);
	}
	return code < 0 ? code : open_channels(definition, resources, err);
}

void guest_resources_close(struct guest_resources *resources)
{
	guest_resources_drop_boot_files(resources);
	settings_keys_free(resources->keys, resources->key_count);
	resources->key_count = 0;
	free(resources->cmdline);
	resources->cmdline = NULL;
	for (unsigned i = 0; i < DEFINITION_DISKS_MAX; i++) {
		cleanup_close(&resources->disks[i].fd);
		resources->disks[i].fd = -1;
	}
	cleanup_close(&resources->display_fd);
	resources->display_fd = -1;
	for (unsigned i = 0; i < FILESYSTEMS_MAX; i++) {
		cleanup_close(&resources->filesystem_fds[i]);
		resources->filesystem_fds[i] = -1;
	}
	for (unsigned i = 0; i < GUEST_BACKENDS_MAX; i++)
		disk_backend_stop(&resources->backends[i]);
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		card_fds_close(&resources->networks[i].fds);
		passt_stop(&resources->networks[i].passt);
		passt_start_close(&resources->networks[i].start);
	}
	cleanup_close(&resources->vsock_listen_fd);
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		cleanup_close(&resources->channel_fds[i]);
	cleanup_close(&resources->kvm_fd);
}
