#include "vmm/api/guest_xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/etag.h"
#include "vmm/api/exchange.h"
#include "vmm/domain_xml/run.h"

struct guest_xml {
	struct exchange *exchange;
	struct domain_xml_job job;
	bool running;
	char etag[ETAG_MAX]; /* of what is shown */
	void (*defined)(struct exchange *exchange, cJSON *definition);
};

static unsigned status_of(int code)
{
	switch (code) {
	case -EINVAL:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	case -E2BIG:
		return MHD_HTTP_CONTENT_TOO_LARGE;
	case -ENOENT: /* the program is not installed */
	case -ENOMEM:
	case -ETIMEDOUT:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

static void reply_conversion_failed(struct exchange *exchange, const struct domain_xml_result *result)
{
	reply_refusal(exchange, status_of(result->code), "%s%s%s", result->place, *result->place ? ": " : "",
		      result->err.text);
}

static void conversion_over(struct guest_xml *xml)
{
	xml->running = false;
	xml->exchange->connection->api->conversions--;
}

/* False: it was answered. */
static bool start(struct exchange *exchange, const struct domain_xml_request *request,
		  void (*done)(struct domain_xml_job *job))
{
	struct api *api = exchange->connection->api;
	struct guest_xml *xml = api->conversions < API_CONVERSIONS_MAX ? calloc(1, sizeof(*xml)) : NULL;

	if (!xml) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "as much domain XML as can be is being converted; try again in 1 s");
		return false;
	}
	xml->exchange = exchange;
	xml->job.done = done;
	exchange->xml = xml;
	if (domain_xml_start(api->loop, request, &xml->job) < 0) {
		reply_conversion_failed(exchange, &xml->job.result);
		return false;
	}
	xml->running = true;
	api->conversions++;
	return true;
}

/* --- As XML --- */

static void shown(struct domain_xml_job *job)
{
	struct guest_xml *xml = CONTAINER_OF(job, struct guest_xml, job);
	struct exchange *exchange = xml->exchange;

	conversion_over(xml);
	if (job->result.code < 0) {
		reply_conversion_failed(exchange, &job->result);
		return;
	}
	reply_text(exchange, MHD_HTTP_OK, "application/xml", TAKE_PTR(job->result.xml), job->result.size);
	reply_header(exchange, MHD_HTTP_HEADER_ETAG, xml->etag);
	reply_header(exchange, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
}

void guest_xml_show(struct exchange *exchange, const cJSON *definition)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(definition);
	struct domain_xml_request request = {
		.way = DOMAIN_XML_TO_XML,
		.input = text,
		.size = text ? strlen(text) : 0,
	};

	if (!text)
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	else if (start(exchange, &request, shown))
		etag_of(definition, "-xml", exchange->xml->etag);
}

/* --- From XML --- */

static void read_through(struct domain_xml_job *job)
{
	struct guest_xml *xml = CONTAINER_OF(job, struct guest_xml, job);

	conversion_over(xml);
	if (job->result.code < 0)
		reply_conversion_failed(xml->exchange, &job->result);
	else
		xml->defined(xml->exchange, TAKE_PTR(job->result.definition));
}

void guest_xml_read(struct exchange *exchange, void (*defined)(struct exchange *exchange, cJSON *definition))
{
	struct domain_xml_request request = {
		.way = DOMAIN_XML_TO_JSON,
		.input = exchange->body ? exchange->body : "",
		.size = exchange->body_len,
	};

	if (start(exchange, &request, read_through))
		exchange->xml->defined = defined;
}

cJSON *guest_xml_ignored(struct exchange *exchange)
{
	cJSON *ignored = exchange->xml ? exchange->xml->job.result.ignored : NULL;

	return cJSON_GetArraySize(ignored) > 0 ? TAKE_PTR(exchange->xml->job.result.ignored) : NULL;
}

void guest_xml_free(struct guest_xml *xml)
{
	if (!xml)
		return;
	if (xml->running) {
		domain_xml_cancel(&xml->job);
		conversion_over(xml);
	}
	domain_xml_result_clear(&xml->job.result);
	free(xml);
}
