#include "vmm/api/documents.h"

#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/decompress.h"
#include "vmm/api/exchange.h"
#include "vmm/config/nearest.h"

static const struct document {
	const char *name;
	size_t size, packed_size;
	const unsigned char *packed;
} documents[] = {
#include "api_documents.inc"
};

/* Whether the header's list names gzip, and not as one that it does not want (RFC 9110, 12.5.3). */
static bool takes_gzip(const struct exchange *exchange)
{
	const char *accept = exchange_header(exchange, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	const char *gzip = accept ? strstr(accept, "gzip") : NULL;

	return gzip && strncmp(gzip, "gzip;q=0", 8) != 0;
}

static char *unpack(const struct document *document)
{
	const struct decompressor *gzip = decompressor_find(document->packed, document->packed_size);
	char *text = malloc(document->size);

	if (text && decompress_whole(gzip, document->packed, document->packed_size, (uint8_t *)text,
				     document->size) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void reply_document(struct exchange *exchange, const struct document *document, const char *type)
{
	bool packed = takes_gzip(exchange);
	char *text = packed ? malloc(document->packed_size) : unpack(document);

	if (!text) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	if (packed)
		memcpy(text, document->packed, document->packed_size);
	reply_text(exchange, MHD_HTTP_OK, type, text, packed ? document->packed_size : document->size);
	if (packed)
		reply_header(exchange, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	reply_header(exchange, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
}

void documents_openapi(struct exchange *exchange)
{
	if (exchange_check_query(exchange) == 0)
		reply_document(exchange, &documents[0], "application/json");
}

void documents_schema(struct exchange *exchange)
{
	const char *name = route_variable(exchange->route, &exchange->path, "name");
	const char *names[ARRAY_SIZE(documents)] = {NULL}; /* all but the first, and an end */
	const char *nearest;

	if (exchange_check_query(exchange) < 0)
		return;
	for (size_t i = 1; i < ARRAY_SIZE(documents); i++) {
		names[i - 1] = documents[i].name;
		if (strcmp(documents[i].name, name) == 0) {
			reply_document(exchange, &documents[i], "application/schema+json");
			return;
		}
	}
	nearest = nearest_word(name, names);
	if (nearest)
		reply_refusal(exchange, MHD_HTTP_NOT_FOUND, "no schema is named %.64s, did you mean %s?",
			      name, nearest);
	else
		reply_refusal(exchange, MHD_HTTP_NOT_FOUND,
			      "no schema is named %.64s: there are guest, network and vmm", name);
}
