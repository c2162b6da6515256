#include "vmm/cli/guests.h"

#include "vmm/cli/client.h"

#define AT_ONCE 16

static int ask(const struct cli *cli, struct client *client, const char *op, const char *guest,
	       const cJSON *members, struct error *err)
{
	cJSON *request = cJSON_Duplicate(members, true);
	int code = client_connect(cli, client, err);

	if (!request)
		request = cJSON_CreateObject();
	if (code < 0) {
		cJSON_Delete(request);
		return code;
	}
	client_request_fill(client, request, op);
	cJSON_AddStringToObject(request, "guest", guest);
	return client_send(client, request, err);
}

static enum exit_code hear(struct client *client)
{
	struct error err = {0};
	enum exit_code code = client_wait(client, 0, NULL, NULL, &err);

	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

/* Asks for up to `most` of them, then hears each; *done counts. *lost: no manager is there. */
static enum exit_code do_some(const struct cli *cli, const char *op, char *const *guests, unsigned most,
			      const cJSON *members, unsigned *done, bool *lost)
{
	struct client clients[AT_ONCE];
	enum exit_code first = EXIT_DONE;
	struct error err = {0};
	unsigned asked = 0;

	while (asked < most && guests[asked] && !*lost) {
		*lost = ask(cli, &clients[asked], op, guests[asked], members, &err) < 0;
		asked++;
	}
	for (*done = 0; *done < asked; ++*done) {
		bool unasked = *lost && *done == asked - 1;
		enum exit_code code = unasked ? cli_fail(EXIT_FAILED, "%s", err.text) : hear(&clients[*done]);

		client_close(&clients[*done]);
		if (first == EXIT_DONE)
			first = code;
	}
	return first;
}

enum exit_code guests_do(const struct cli *cli, const char *op, char *const *guests, const cJSON *members)
{
	/* Behind --connect there may be a machine's virtio port, which takes one client at a time. */
	unsigned most = cli->connect ? 1 : AT_ONCE;
	enum exit_code first = EXIT_DONE;
	bool lost = false;

	while (*guests && !lost) {
		unsigned done;
		enum exit_code code = do_some(cli, op, guests, most, members, &done, &lost);

		if (first == EXIT_DONE)
			first = code;
		guests += done;
	}
	return first;
}
