#include "vmm/cli/print_xml.h"

#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/cli.h"
#include "vmm/domain_xml/run.h"

enum exit_code xml_of_definition(const char *name, const cJSON *definition, char **xml)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(definition);
	struct domain_xml_request request = {
		.way = DOMAIN_XML_TO_XML,
		.input = text,
		.size = text ? strlen(text) : 0,
	};
	struct domain_xml_result result;
	enum exit_code code = EXIT_DONE;

	if (!text)
		return cli_fail(EXIT_FAILED, "%s: has no definition", name);
	if (domain_xml_run(&request, &result) < 0)
		code = cli_fail(EXIT_FAILED, "%s: %s%s%s", name, result.place, *result.place ? ": " : "",
				result.err.text);
	else
		*xml = TAKE_PTR(result.xml);
	domain_xml_result_clear(&result);
	return code;
}
