/*
 * GNU libmicrohttpd, and what we need of GnuTLS beside it: opened when the API is, not linked. Every command
 * and every guest's process is this program, too: linked, they would double the time that it takes to start
 * and have GnuTLS's private memory each.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "common/error.h"

/* Every function that is used, by its name. */
#define HTTP_FUNCTIONS(FUNCTION)                                                                             \
	FUNCTION(MHD_start_daemon)                                                                           \
	FUNCTION(MHD_stop_daemon)                                                                            \
	FUNCTION(MHD_get_daemon_info)                                                                        \
	FUNCTION(MHD_run)                                                                                    \
	FUNCTION(MHD_get_timeout)                                                                            \
	FUNCTION(MHD_add_connection)                                                                         \
	FUNCTION(MHD_get_connection_info)                                                                    \
	FUNCTION(MHD_lookup_connection_value)                                                                \
	FUNCTION(MHD_get_connection_values)                                                                  \
	FUNCTION(MHD_suspend_connection)                                                                     \
	FUNCTION(MHD_resume_connection)                                                                      \
	FUNCTION(MHD_queue_response)                                                                         \
	FUNCTION(MHD_create_response_from_buffer)                                                            \
	FUNCTION(MHD_create_response_from_callback)                                                          \
	FUNCTION(MHD_create_response_for_upgrade)                                                            \
	FUNCTION(MHD_add_response_header)                                                                    \
	FUNCTION(MHD_destroy_response)                                                                       \
	FUNCTION(MHD_upgrade_action)

#define TLS_FUNCTIONS(FUNCTION)                                                                              \
	FUNCTION(gnutls_certificate_verify_peers)                                                            \
	FUNCTION(gnutls_certificate_get_peers)                                                               \
	FUNCTION(gnutls_x509_crt_init)                                                                       \
	FUNCTION(gnutls_x509_crt_import)                                                                     \
	FUNCTION(gnutls_x509_crt_get_dn_by_oid)                                                              \
	FUNCTION(gnutls_x509_crt_deinit)

#define HTTP_POINTER(function) __typeof__(function) *function;

struct http_library {
	void *http, *tls; /* of dlopen(3) */
	HTTP_FUNCTIONS(HTTP_POINTER)
	TLS_FUNCTIONS(HTTP_POINTER)
};

/* -ENOPKG when one of them is not installed, or not the one that we know. */
int http_library_open(struct http_library *library, struct error *err);
void http_library_close(struct http_library *library);
