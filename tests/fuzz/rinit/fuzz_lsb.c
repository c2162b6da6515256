/* Init scripts: any bytes, as LSB headers and as what comes after them. */
#include <stdint.h>
#include <stdlib.h>

#include "rinit/lsb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lsb_script script;

	if (lsb_parse(&script, (const char *)data, size) || (script.bad_line && !script.why) ||
	    (script.pid_file && *script.pid_file != '/'))
		abort();
	lsb_clear(&script);
	return 0;
}
