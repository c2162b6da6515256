#include "vmm/cli/guest_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/cli.h"
#include "vmm/storage/content.h"
#include "vmm/storage/pool.h"

#define MEMORY_MIB_MAX (16UL << 20)

const char guest_options_help[] =
	"  -c, --cpus N            vCPUs (default 1)\n"
	"  -m, --memory MIB        memory in MiB (default 512)\n"
	"  -d, --disk DISK[,ro][,id=ID][,cache=WORD][,discard=unmap][,format=WORD][,transient]\n"
	"                          a file, an image of the pool, or nbd://HOST[:PORT][/NAME]; may be given more than once\n"
	"  -v, --volume HOSTDIR:DIR[:ro]\n"
	"                          a directory of the host, which the guest mounts at DIR; or a disk, as --disk; may be\n"
	"                          given more than once\n"
	"  -n, --net passt[:PUBLISH,...] | network:NAME[:PUBLISH,...] | bridge:DEVICE | tap:DEVICE |\n"
	"            direct:INTERFACE[:MODE]\n"
	"                          a network card; may be given more than once\n"
	"  -i, --initrd FILE       initrd of a bare kernel\n"
	"  -a, --append TEXT       command line of a bare kernel (default console=ttyS0); of a disk's own\n"
	"                          kernel: what is added to it\n"
	"      --protocol WORD     auto, pvh, linux64 or bzimage (default auto)\n"
	"      --console WORD      serial or virtio (default serial)\n"
	"      --vsock PATH        unix socket for programs that talk to the guest's vsock ports\n";

static enum exit_code take_disk(struct guest_options *options, const char *command, const char *name)
{
	if (options->disk_count == DEFINITION_DISKS_MAX)
		return cli_usage(command, "%s: at most %d disks are possible", name, DEFINITION_DISKS_MAX);
	options->disks[options->disk_count++] = optarg;
	return EXIT_DONE;
}

/* docker's habit: HOST:GUEST is a directory of the host. A file whose name has such a mark is a disk. */
static enum exit_code take_volume(struct guest_options *options, const char *command)
{
	AUTO_FREE char *source = strndup(optarg, strcspn(optarg, ":"));
	struct stat status;

	if (!source)
		return cli_fail(EXIT_FAILED, "out of memory");
	if (stat(optarg, &status) == 0 && S_ISDIR(status.st_mode))
		return cli_usage(command, "--volume: %s: where does the guest mount it? give %s:DIR", optarg,
				 optarg);
	if (!strchr(optarg, ':') || access(optarg, F_OK) == 0 || strncmp(optarg, "nbd", 3) == 0)
		return take_disk(options, command, "--volume");
	if (!*source || (stat(source, &status) < 0 && errno == ENOENT))
		return cli_usage(command, "--volume: %s: there is no directory %s", optarg, source);
	if (stat(source, &status) == 0 && !S_ISDIR(status.st_mode))
		return cli_usage(
			command,
			"--volume: %s: %s is no directory; a disk is given without a place to mount it: the "
			"guest's /etc/fstab says that",
			optarg, source);
	if (options->volume_count == FILESYSTEMS_MAX)
		return cli_usage(command, "--volume: at most %d directories are possible", FILESYSTEMS_MAX);
	options->volumes[options->volume_count++] = optarg;
	return EXIT_DONE;
}

enum exit_code guest_options_take(struct guest_options *options, int option, const char *command, bool *taken)
{
	*taken = true;
	switch (option) {
	case 'c':
		if (!cli_number(optarg, 1, DEFINITION_VCPUS_MAX, &options->cpus))
			return cli_usage(command, "--cpus: must be a number from 1 to %d",
					 DEFINITION_VCPUS_MAX);
		break;
	case 'm':
		if (!cli_number(optarg, DEFINITION_MEMORY_MIN, MEMORY_MIB_MAX, &options->memory_mib))
			return cli_usage(command, "--memory: must be a number of MiB from %d on",
					 DEFINITION_MEMORY_MIN);
		break;
	case 'd':
		return take_disk(options, command, "--disk");
	case 'v':
		return take_volume(options, command);
	case 'n':
		if (options->network_count == DEFINITION_NETWORKS_MAX)
			return cli_usage(command, "--net: at most %d are possible", DEFINITION_NETWORKS_MAX);
		options->networks[options->network_count++] = optarg;
		break;
	case 'i':
		options->initrd = optarg;
		break;
	case 'a':
		options->append = optarg;
		break;
	case GUEST_OPTION_PROTOCOL:
		options->protocol = optarg;
		break;
	case GUEST_OPTION_CONSOLE:
		options->console = optarg;
		break;
	case GUEST_OPTION_VSOCK:
		options->vsock = optarg;
		break;
	default:
		*taken = false;
	}
	return EXIT_DONE;
}

const char *guest_options_given(const struct guest_options *options)
{
	if (options->cpus)
		return "--cpus";
	if (options->memory_mib)
		return "--memory";
	if (options->disk_count)
		return "--disk";
	if (options->volume_count)
		return "--volume";
	if (options->network_count)
		return "--net";
	if (options->initrd || options->append || options->protocol)
		return "--initrd, --append and --protocol";
	return options->console ? "--console" : options->vsock ? "--vsock" : NULL;
}

/* --- What a word is --- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return len >= strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* No file, but an image of the pool. */
static bool is_pool_image(const char *word, const struct settings *settings)
{
	struct pool_image image;
	struct pool pool;
	bool found;

	if (access(word, F_OK) == 0 || pool_open(settings, false, &pool, NULL) < 0)
		return false;
	found = pool_find(&pool, word, &image, NULL) == 0;
	pool_close(&pool);
	return found;
}

static bool is_disk_content(enum content content)
{
	return content_is_disk(content) || (content >= CONTENT_QCOW2 && content <= CONTENT_VHDX);
}

enum guest_source guest_source_find(const char *source, const struct settings *settings)
{
	AUTO_CLOSE int fd = open(source, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	enum content content = fd < 0 ? CONTENT_UNKNOWN : content_probe(fd, 0);
	struct stat status;

	if (has_suffix(source, ".itb") || content == CONTENT_FIT)
		return GUEST_SOURCE_BOOT_IMAGE;
	if (fd < 0)
		return is_pool_image(source, settings) ? GUEST_SOURCE_POOL : GUEST_SOURCE_KERNEL;
	if (is_disk_content(content) || (fstat(fd, &status) == 0 && S_ISBLK(status.st_mode)))
		return GUEST_SOURCE_DISK;
	return GUEST_SOURCE_KERNEL;
}

/* --- The definition --- */

/* nbd://HOST[:PORT][/NAME] and nbd+unix:///[NAME]?socket=PATH, as qemu-img takes them; false: it is neither.
 */
static bool add_server(cJSON *disk, char *word)
{
	static const char tcp[] = "nbd://", local[] = "nbd+unix:///";
	bool is_local = strncmp(word, local, strlen(local)) == 0;
	char *rest = word + (is_local ? strlen(local) : strlen(tcp));
	char *host, *port = NULL;
	cJSON *source;

	if (!is_local && strncmp(word, tcp, strlen(tcp)) != 0)
		return false;
	source = cJSON_AddObjectToObject(disk, "source");
	cJSON_AddStringToObject(source, "protocol", "nbd");
	host = strsep(&rest, is_local ? "?" : "/");
	if (is_local) {
		cJSON_AddStringToObject(source, "socket",
					rest && strncmp(rest, "socket=", 7) == 0 ? rest + 7 : "");
		rest = host;
	} else {
		port = strrchr(host, ':');
		if (port)
			*port++ = '\0';
		cJSON_AddStringToObject(source, "host", host);
	}
	if (port)
		cJSON_AddNumberToObject(source, "port", atoi(port));
	if (rest && *rest)
		cJSON_AddStringToObject(source, "name", rest);
	return true;
}

cJSON *guest_options_disk(const char *text, const struct settings *settings)
{
	AUTO_FREE char *copy = strdup(text);
	cJSON *disk = cJSON_CreateObject();
	char *rest = copy;
	char *word = strsep(&rest, ",");

	if (!word || !add_server(disk, word))
		cJSON_AddStringToObject(disk, word && is_pool_image(word, settings) ? "image" : "path", word);
	/* What is not known is refused by its name, as a key of the definition. */
	while ((word = strsep(&rest, ","))) {
		const char *key = strsep(&word, "=");

		if (strcmp(key, "ro") == 0 && !word)
			cJSON_AddTrueToObject(disk, "read_only");
		else if (strcmp(key, "transient") == 0 && !word)
			cJSON_AddTrueToObject(disk, "transient");
		else
			cJSON_AddStringToObject(disk, key, word ? word : "");
	}
	return disk;
}

/* /srv/data: srv-data. */
static void add_tag(cJSON *filesystem, const char *mount, unsigned index)
{
	char tag[FILESYSTEM_TAG_MAX + 1];

	if (strlen(mount) < 2 || strlen(mount) > sizeof(tag))
		snprintf(tag, sizeof(tag), "volume%u", index);
	else
		snprintf(tag, sizeof(tag), "%s", mount + 1);
	for (char *at = tag; *at; at++) {
		if (*at == '/')
			*at = '-';
	}
	cJSON_AddStringToObject(filesystem, "tag", tag);
}

cJSON *guest_options_filesystem(const char *text, unsigned index)
{
	AUTO_FREE char *copy = strdup(text);
	cJSON *filesystem = cJSON_CreateObject();
	char *rest = copy;
	const char *mount;

	cJSON_AddStringToObject(filesystem, "path", rest ? strsep(&rest, ":") : "");
	mount = rest ? strsep(&rest, ":") : "";
	add_tag(filesystem, mount, index);
	cJSON_AddStringToObject(filesystem, "mount", mount);
	/* What is not known is refused by its name, as a key of the definition. */
	if (rest && strcmp(rest, "ro") == 0)
		cJSON_AddTrueToObject(filesystem, "read_only");
	else if (rest && strcmp(rest, "rw") != 0)
		cJSON_AddTrueToObject(filesystem, rest);
	return filesystem;
}

/* Whether something may follow the name of what the card is plugged into. */
static bool has_more(const char *type)
{
	return strcmp(type, "network") == 0 || strcmp(type, "direct") == 0;
}

cJSON *guest_options_network(const char *text)
{
	static const char *const targets[][2] = {
		{"tap", "device"}, {"bridge", "bridge"}, {"network", "network"}, {"direct", "source"}};
	AUTO_FREE char *copy = strdup(text);
	cJSON *network = cJSON_CreateObject();
	char *rest = copy;
	const char *type = strsep(&rest, ":");
	cJSON *publish;
	char *word;

	cJSON_AddStringToObject(network, "type", type);
	for (unsigned i = 0; i < ARRAY_SIZE(targets) && rest; i++) {
		if (strcmp(type, targets[i][0]) == 0)
			cJSON_AddStringToObject(network, targets[i][1],
						has_more(type) ? strsep(&rest, ":") : rest);
	}
	if (rest && strcmp(type, "direct") == 0)
		cJSON_AddStringToObject(network, "mode", rest);
	if (!rest || (strcmp(type, "passt") != 0 && strcmp(type, "network") != 0))
		return network;
	publish = cJSON_AddArrayToObject(network, "publish");
	while ((word = strsep(&rest, ",")))
		cJSON_AddItemToArray(publish, cJSON_CreateString(word));
	return network;
}

/* The guest is named after its file. */
static void add_name(cJSON *json, const char *source)
{
	static const char *const endings[] = {".itb", ".img", ".raw"};
	const char *slash = strrchr(source, '/');
	AUTO_FREE char *name = strdup(slash ? slash + 1 : source);

	for (unsigned i = 0; name && i < ARRAY_SIZE(endings); i++) {
		if (has_suffix(name, endings[i]))
			name[strlen(name) - strlen(endings[i])] = '\0';
	}
	cJSON_AddStringToObject(json, "name", name && definition_name_valid(name) ? name : "guest");
}

static void add_kernel(cJSON *json, const struct guest_options *options, enum guest_source found,
		       const char *source)
{
	cJSON *kernel = cJSON_AddObjectToObject(json, "kernel");
	bool append = options->append && *options->append;

	if (options->protocol)
		cJSON_AddStringToObject(kernel, "protocol", options->protocol);
	if (found != GUEST_SOURCE_KERNEL) {
		cJSON_AddNumberToObject(kernel, "from_disk", 0);
		if (append)
			cJSON_AddStringToObject(kernel, "cmdline", options->append);
		return;
	}
	cJSON_AddStringToObject(kernel, "path", source);
	if (options->initrd)
		cJSON_AddStringToObject(kernel, "initrd", options->initrd);
	cJSON_AddStringToObject(kernel, "cmdline", append ? options->append : "console=ttyS0");
}

/* The disk that is booted from comes first: it is vda. */
static void add_disks(cJSON *json, const struct guest_options *options, enum guest_source found,
		      const char *source, const struct settings *settings)
{
	cJSON *list = cJSON_AddArrayToObject(json, "disks");
	cJSON *first;

	if (found == GUEST_SOURCE_DISK || found == GUEST_SOURCE_POOL) {
		first = cJSON_CreateObject();
		cJSON_AddStringToObject(first, found == GUEST_SOURCE_POOL ? "image" : "path", source);
		cJSON_AddItemToArray(list, first);
	}
	for (unsigned i = 0; i < options->disk_count; i++)
		cJSON_AddItemToArray(list, guest_options_disk(options->disks[i], settings));
}

static int check_options(const struct guest_options *options, enum guest_source found, const char *source,
			 struct error *err)
{
	if (found == GUEST_SOURCE_BOOT_IMAGE && (options->initrd || options->append || options->protocol))
		return error_set(
			err, -EINVAL,
			"--initrd, --append and --protocol: are for bare kernels, %s is a boot image",
			source);
	if (options->initrd && (found == GUEST_SOURCE_DISK || found == GUEST_SOURCE_POOL))
		return error_set(err, -EINVAL, "--initrd: is for bare kernels, %s is a disk that has its own",
				 source);
	return 0;
}

int guest_options_json(const struct guest_options *options, const char *name, const char *source,
		       const struct settings *settings, cJSON **json, struct error *err)
{
	enum guest_source found = guest_source_find(source, settings);
	int code = check_options(options, found, source, err);
	cJSON *list;

	if (code < 0)
		return code;
	*json = cJSON_CreateObject();
	if (name)
		cJSON_AddStringToObject(*json, "name", name);
	else
		add_name(*json, source);
	if (found == GUEST_SOURCE_BOOT_IMAGE)
		cJSON_AddStringToObject(*json, "image", source);
	else
		add_kernel(*json, options, found, source);
	if (options->cpus)
		cJSON_AddNumberToObject(*json, "vcpus", (double)options->cpus);
	if (options->memory_mib)
		cJSON_AddNumberToObject(*json, "memory_mib", (double)options->memory_mib);
	if (options->console)
		cJSON_AddStringToObject(*json, "console", options->console);
	if (options->vsock)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(*json, "vsock"), "path", options->vsock);
	add_disks(*json, options, found, source, settings);
	list = options->volume_count ? cJSON_AddArrayToObject(*json, "filesystems") : NULL;
	for (unsigned i = 0; i < options->volume_count; i++)
		cJSON_AddItemToArray(list, guest_options_filesystem(options->volumes[i], i));
	list = cJSON_AddArrayToObject(*json, "networks");
	for (unsigned i = 0; i < options->network_count; i++)
		cJSON_AddItemToArray(list, guest_options_network(options->networks[i]));
	return 0;
}
