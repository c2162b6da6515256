#include "vmm/api/no_request.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/api/problem.h"
#include "vmm/config/json_memory.h"

/* libmicrohttpd calls with nothing of ours in its hands. */
static const struct http_library *http;

void no_request_begin(const struct http_library *library)
{
	http = library;
}

void no_request_end(void)
{
	http = NULL;
}

static const char *sentence_of(unsigned status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
		return "this is no HTTP/1.1 request: its first line, a header, its Host or its length is missing or none";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "the body is larger than can be";
	case MHD_HTTP_URI_TOO_LONG:
		return "the first line is longer than is read; it and all headers may have 12 KiB together";
	case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
		return "the headers are longer than is read; they and the first line may have 12 KiB together";
	case MHD_HTTP_NOT_IMPLEMENTED:
		return "this coding of a body is not known here: send it with Content-Length, or chunked";
	case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
		return "this version of HTTP is not spoken here, HTTP/1.1 is";
	default:
		return "the request could not be read";
	}
}

/* NULL when there is no memory: then the page has to do. */
static struct MHD_Response *problem_response(unsigned status)
{
	const struct problem problem = {.status = status, .detail = sentence_of(status)};
	struct MHD_Response *response = NULL;
	cJSON *json;
	char *text;

	json_memory_missed();
	json = problem_to_json(&problem);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!json_memory_missed() && text)
		response = http->MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	else
		http->MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, PROBLEM_TYPE);
	return response;
}

/* What libmicrohttpd calls in place of its own; the page stays its to free. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
				   struct MHD_Response *page)
{
	struct MHD_Response *response = http ? problem_response(status) : NULL;
	enum MHD_Result result;

	if (!http)
		return MHD_NO;
	result = http->MHD_queue_response(connection, status, response ? response : page);
	if (response)
		http->MHD_destroy_response(response);
	return result;
}
