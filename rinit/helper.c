#include "rinit/helper.h"

#include <string.h>

#include "common/util.h"
#include "rinit/bus_helper.h"
#include "rinit/clock.h"
#include "rinit/exec_helper.h"
#include "rinit/generate.h"
#include "rinit/hosts.h"
#include "rinit/log_writer.h"
#include "rinit/machine_id.h"
#include "rinit/mount_helper.h"
#include "rinit/random_seed.h"
#include "rinit/sysctl.h"
#include "rinit/tmpfiles.h"

static int setup_main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	machine_id_setup();
	hosts_setup();
	if (strcmp(kind, "container") != 0) {
		clock_not_before_saved();
		random_seed_load(!strcmp(kind, "credit"));
		/* A seed that counts must not be used twice, whatever happens until the shutdown. */
		random_seed_save(!strcmp(kind, "credit"));
	}
	return 0;
}

bool helper_main(const char *name, int argc, char **argv, int *status)
{
	static const struct {
		const char *name;
		int (*main)(int argc, char **argv);
	} helpers[] = {
		{BUS_HELPER_NAME, bus_helper_main},     {EXEC_HELPER_NAME, exec_helper_main},
		{MOUNT_HELPER_NAME, mount_helper_main}, {GENERATE_HELPER_NAME, generate_main},
		{SETUP_HELPER_NAME, setup_main},        {LOG_WRITER_NAME, log_writer_main},
		{SYSCTL_HELPER_NAME, sysctl_main},      {TMPFILES_HELPER_NAME, tmpfiles_main},
	};

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(helpers[i].name, name)) {
			*status = helpers[i].main(argc, argv);
			return true;
		}
	return false;
}
