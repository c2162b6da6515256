/* rastos-vmm guest-process: what the manager executes for each guest. Not a command for people. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "vmm/cli/cli.h"
#include "vmm/guest/handover.h"

/* Nobody would find it again if the manager were gone before it had it on record. */
static bool wait_for_go(int control)
{
	char go[16];

	return recv(control, go, sizeof(go), 0) > 0;
}

static void run_guest(struct handed_over *handed)
{
	const char *guest = handed->definition->name;
	struct boot_recorder recorder;
	struct error why = {0};
	char name[16];

	snprintf(name, sizeof(name), "guest:%s", guest);
	prctl(PR_SET_NAME, name);
	boot_recorder_start(&recorder, guest, handed->started_ns);
	handed->config.recorder = &recorder;
	guest_process_run(&handed->config, &why); /* its last words say the rest */
}

enum exit_code command_guest_process(void)
{
	struct handed_over handed;
	struct error err;

	if (handover_take(&handed, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	if (wait_for_go(handed.config.control_fd))
		run_guest(&handed);
	handed_over_free(&handed);
	return EXIT_DONE;
}
