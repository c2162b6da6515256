/* What a former manager left: any text is a record, or is refused with one sentence and leaves nothing
 * behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/manager/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_record record = {0};
	struct error err = {0};
	char *text = malloc(size + 1);
	int code;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	code = record_parse("state.json", text, "this-boot", &record, &err);
	if (code < 0 && (!err.text[0] || record.definition || record.numbers || record.cgroup))
		abort();
	if (code == 0 && (record.process.pid < 0 || record.id_slot < -1))
		abort();
	cJSON_Delete(record.definition);
	cJSON_Delete(record.numbers);
	free(record.cgroup);
	free(text);
	return 0;
}
