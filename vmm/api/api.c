#include "vmm/api/api.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/api/server.h"

int api_open(struct operations *operations, struct api **result, struct error *err)
{
	const struct settings *settings = operations->manager->settings;
	struct api *api = calloc(1, sizeof(*api));
	int code;

	if (!api)
		return error_set(err, -ENOMEM, "API: out of memory");
	*api = (struct api){
		.operations = operations,
		.manager = operations->manager,
		.loop = operations->manager->loop,
		.plain = {.api = api, .again.fd = -1},
		.tls = {.api = api, .again.fd = -1},
		.accept_again.source.fd = -1,
		.sweep.source.fd = -1,
		.peers.requests_per_second = settings->api.requests_per_second,
	};
	api->socket_path = settings_api_socket(settings);
	code = api->socket_path ? 0 : error_set(err, -ENOMEM, "API: out of memory");
	if (code == 0)
		code = access_open(&api->access, &settings->api, &api->manager->local_group, err);
	if (code == 0)
		code = server_open(api, err);
	if (code == 0)
		code = listeners_open(api, err);
	if (code < 0) {
		api_close(api);
		return code;
	}
	*result = api;
	return 0;
}

void api_deafen(struct api *api)
{
	if (api)
		listeners_close(api);
}

void api_close(struct api *api)
{
	if (!api)
		return;
	listeners_close(api);
	server_close(api);
	access_close(&api->access);
	free(api->socket_path);
	free(api);
}
