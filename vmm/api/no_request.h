/*
 * Answers to what is no request at all: a first line or a header that is none, a length or a chunk that lies,
 * more headers than are read, another HTTP. libmicrohttpd 0.9.75 answers these by itself, before it has
 * anything to ask us about, with a page of HTML, and hangs up. Clients are told what is wrong as everywhere
 * else (problem.h): application/problem+json.
 *
 * It has no option for that. But it answers through its own MHD_queue_response, and a program's symbol goes
 * before a library's of the same name (ELF; dlopen(3)): the program has one, which the linker is told to
 * export, and which puts a problem in that page's place. A library that binds its calls itself (-Bsymbolic)
 * would answer with its page as before. (Of a Content-Length that is none it says the head twice, whatever
 * follows.) Our own answers are queued by the library's function (library.h). Loop thread only.
 */
#pragma once

#include "vmm/api/library.h"

/* From now on, until no_request_end. There is one library in a process, whoever has opened it. */
void no_request_begin(const struct http_library *library);
void no_request_end(void);
