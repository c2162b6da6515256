/* rastos-vmm storage-daemon: what a guest's start executes for each disk that is no raw file. Not a command
 * for people.
 */
#include "vmm/storage/storage_daemon.h"

#include "vmm/cli/cli.h"

enum exit_code command_storage_daemon(void)
{
	struct error err;

	return storage_daemon_run(&err) < 0 ? cli_fail(EXIT_FAILED, "%s", err.text) : EXIT_DONE;
}
