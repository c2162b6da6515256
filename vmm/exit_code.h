/* How a command ends; the same for every command (docs/man/rastos-vmm.1). */
#pragma once

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_GUEST = 3,
	EXIT_REFUSED = 4,
	EXIT_TIMED_OUT = 5,
};
