/*
 * Libvirt domain XML <-> a guest's definition, by the program rastos-domain-xml, which runs beside
 * rastos-vmm: whoever speaks XML to us meets libxml2 in a process that has closed itself in, and rastos-vmm
 * has no XML parser.
 *
 *      bytes --memfd--> rastos-domain-xml --memfd--> bytes        one process for each conversion
 *
 * Neither file can grow beyond its limit, and a process that takes longer than it may is killed.
 * The program is the file rastos-domain-xml in the folder that rastos-vmm itself is in, or else in PATH.
 *
 * Two ways to have it done:
 *
 *      domain_xml_run     waits for the end; for the command line
 *      domain_xml_start   in the caller's loop: done(job) is called once, from the loop, never from within
 *                         domain_xml_start. domain_xml_cancel before that kills the process; done is then not
 *                         called. The job is the caller's memory and stays where it is until either.
 *
 * A definition that comes out of XML is JSON that has yet to be read (definition_parse): this program knows
 * XML, not what else a definition must fulfil. Relative paths in it are relative to where the XML was.
 *
 * The result, also in done, is the job's: who wants to keep a part takes it (TAKE_PTR); the rest is released
 * by domain_xml_result_clear, which the caller calls when done (domain_xml_cancel does it by itself).
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/loop.h"

#define DOMAIN_XML_INPUT_MAX  (1U << 20) /* bytes; more is refused before anything starts */
#define DOMAIN_XML_OUTPUT_MAX (8U << 20)
#define DOMAIN_XML_SECONDS    20 /* hundredths of one do it, but on an emulated machine that is busy */
#define DOMAIN_XML_PLACE_MAX  256

enum domain_xml_way {
	DOMAIN_XML_TO_JSON,
	DOMAIN_XML_TO_XML,
};

struct domain_xml_request {
	enum domain_xml_way way;
	const char *input; /* XML, or a definition as JSON; read before domain_xml_start returns */
	size_t size;
	bool no_validate; /* without libvirt's schemas: for hosts that have none */
	unsigned seconds; /* it may take; 0: DOMAIN_XML_SECONDS */
};

struct domain_xml_result {
	/* 0, or a negative errno and one sentence: -EINVAL the input is refused, -E2BIG it is too large,
	 * -ENOENT the program is not installed, -ETIMEDOUT, -ECANCELED; -EIO and others: our own fault. */
	int code;
	struct error err;
	char place[DOMAIN_XML_PLACE_MAX]; /* of what is refused: XPath, or (to XML) a JSON pointer; or "" */
	cJSON *definition;                /* to JSON */
	cJSON *ignored; /* to JSON: [{"xpath":"/domain/devices/emulator","count":1,"why":"..."}], one a rule
			 */
	char *xml;      /* to XML: text of `size` bytes that ends with a newline */
	size_t size;
};

struct domain_xml_job {
	void (*done)(struct domain_xml_job *job);
	struct domain_xml_result result;

	/* private */
	enum domain_xml_way way;
	unsigned seconds;
	struct loop *loop; /* NULL: does not run */
	struct loop_source process;
	struct loop_timer timer;
	pid_t pid;
	int output;
};

/* Returns result->code. */
int domain_xml_run(const struct domain_xml_request *request, struct domain_xml_result *result);
void domain_xml_result_clear(struct domain_xml_result *result);

/* 0: done will be called; else a negative errno with the sentence in job->result.err, and nothing runs. */
int domain_xml_start(struct loop *loop, const struct domain_xml_request *request, struct domain_xml_job *job);
/* Does nothing when it does not run. */
void domain_xml_cancel(struct domain_xml_job *job);
