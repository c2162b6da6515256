#include "vmm/domain_xml/refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "vmm/domain_xml/xml.h"

int refuse(struct refusal *refusal, int code, const xmlNode *node, const char *format, ...)
{
	char text[sizeof(refusal->err.text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	xml_place(node, refusal->place, sizeof(refusal->place));
	return error_set(&refusal->err, code, "%s", text);
}
