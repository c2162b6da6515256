#include "vmm/api/library.h"

#include <dlfcn.h>
#include <errno.h>

#include "common/util.h"
#include "vmm/api/no_request.h"

#define HTTP_LIBRARY "libmicrohttpd.so.12" /* of the 0.9 that microhttpd.h describes */
#define TLS_LIBRARY  "libgnutls.so.30"

struct function {
	const char *name;
	void **pointer;
};

static int find(void *library, const struct function *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		*functions[i].pointer = dlsym(library, functions[i].name);
		if (!*functions[i].pointer)
			return -ENOPKG;
	}
	return 0;
}

int http_library_open(struct http_library *library, struct error *err)
{
#define NAME_AND_POINTER(function) {#function, (void **)&library->function},
	const struct function http[] = {HTTP_FUNCTIONS(NAME_AND_POINTER)};
	const struct function tls[] = {TLS_FUNCTIONS(NAME_AND_POINTER)};

	library->http = dlopen(HTTP_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	library->tls = dlopen(TLS_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library->http || find(library->http, http, ARRAY_SIZE(http)) < 0) {
		http_library_close(library);
		return error_set(err, -ENOPKG, "API: %s is not there: install libmicrohttpd12", HTTP_LIBRARY);
	}
	if (!library->tls || find(library->tls, tls, ARRAY_SIZE(tls)) < 0) {
		http_library_close(library);
		return error_set(err, -ENOPKG, "API: %s is not there: install libgnutls30", TLS_LIBRARY);
	}
	no_request_begin(library);
	return 0;
}

void http_library_close(struct http_library *library)
{
	no_request_end();
	if (library->http)
		dlclose(library->http);
	if (library->tls)
		dlclose(library->tls);
	*library = (struct http_library){0};
}
