/*
 * What a peer may do: its role (vmm/config/api_settings.h).
 *
 * On the unix socket it comes from the peer's user and groups as they were when it connected (SO_PEERCRED and
 * SO_PEERGROUPS, socket(7)): root and the manager's own user are admin, others have the highest role that one
 * of their groups has. Over TCP it comes from the client's certificate, by its organizational unit
 * (OU=operate), or from a token (tokens.h).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/api/library.h"
#include "vmm/config/api_settings.h"
#include "vmm/manager/local_socket.h"

struct access_rules {
	const struct api_settings *settings;
	bool has_group[ROLE_COUNT];
	gid_t groups[ROLE_COUNT];
	struct tokens *tokens; /* NULL: none are known */
};

/* settings stay the caller's. local_group: admin where the settings name no groups. */
int access_open(struct access_rules *rules, const struct api_settings *settings,
		const struct local_group *local_group, struct error *err);
void access_close(struct access_rules *rules);

enum api_role access_of_socket(const struct access_rules *rules, int fd, uint32_t *uid);
/* ROLE_NONE: no certificate was shown, or one that gives no role. */
enum api_role access_of_certificate(const struct access_rules *rules, const struct http_library *library,
				    gnutls_session_t session);
/* authorization: the header's value, or NULL. */
enum api_role access_of_token(const struct access_rules *rules, const char *authorization);
