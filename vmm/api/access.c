#include "vmm/api/access.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/tokens.h"

#define UNIT_MAX 64

/* --- Groups --- */

static bool find_group(struct access_rules *rules, enum api_role role, const char *name)
{
	const struct group *group = getgrnam(name);

	rules->has_group[role] = group != NULL;
	rules->groups[role] = group ? group->gr_gid : 0;
	return group != NULL;
}

static int find_groups(struct access_rules *rules, const struct local_group *local_group, struct error *err)
{
	bool asked = false;

	for (unsigned role = ROLE_READ; role < ROLE_COUNT; role++) {
		const char *name = rules->settings->groups[role];

		asked = asked || name;
		if (name && !find_group(rules, role, name))
			return error_set(err, -ENOENT, "API: groups: there is no group %s", name);
	}
	if (!asked) {
		rules->has_group[ROLE_ADMIN] = local_group->known;
		rules->groups[ROLE_ADMIN] = local_group->gid;
	}
	return 0;
}

static enum api_role role_of_group(const struct access_rules *rules, gid_t gid)
{
	for (unsigned role = ROLE_ADMIN; role > ROLE_NONE; role--) {
		if (rules->has_group[role] && rules->groups[role] == gid)
			return (enum api_role)role;
	}
	return ROLE_NONE;
}

enum api_role access_of_socket(const struct access_rules *rules, int fd, uint32_t *uid)
{
	struct ucred peer;
	AUTO_FREE gid_t *groups = NULL;
	socklen_t len = sizeof(peer), groups_len = 0;
	enum api_role role;

	*uid = UINT32_MAX;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return ROLE_NONE;
	*uid = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid())
		return ROLE_ADMIN;
	role = role_of_group(rules, peer.gid);
	getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL,
		   &groups_len); /* only to hear how much room they need */
	groups = groups_len ? malloc(groups_len) : NULL;
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) < 0)
		return role;
	for (size_t i = 0; i < groups_len / sizeof(*groups); i++)
		role = MAX(role, role_of_group(rules, groups[i]));
	return role;
}

/* --- Certificates --- */

/* Whether it is one of client_ca's for clients, and holds now. */
static bool certificate_valid(const struct http_library *library, gnutls_session_t session)
{
	static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose};
	unsigned status = 0;

	return library->gnutls_certificate_verify_peers(session, &wanted, 1, &status) == GNUTLS_E_SUCCESS &&
	       status == 0;
}

/* The role that the certificate has as its organizational unit: whoever signs it says so. */
static enum api_role certificate_role(const struct http_library *library, gnutls_session_t session)
{
	gnutls_x509_crt_t certificate;
	unsigned count = 0;
	const gnutls_datum_t *chain = library->gnutls_certificate_get_peers(session, &count);
	char unit[UNIT_MAX] = "";
	size_t size = sizeof(unit);
	enum api_role role = ROLE_NONE;

	if (!chain || count == 0 || library->gnutls_x509_crt_init(&certificate) < 0)
		return ROLE_NONE;
	if (library->gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0 &&
	    library->gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, 0,
						   0, unit, &size) >= 0)
		role = api_role_parse(unit);
	library->gnutls_x509_crt_deinit(certificate);
	return role;
}

enum api_role access_of_certificate(const struct access_rules *rules, const struct http_library *library,
				    gnutls_session_t session)
{
	if (!rules->settings->client_ca || !certificate_valid(library, session))
		return ROLE_NONE;
	return certificate_role(library, session);
}

/* --- Tokens --- */

enum api_role access_of_token(const struct access_rules *rules, const char *authorization)
{
	return rules->tokens && authorization ? tokens_role(rules->tokens, authorization) : ROLE_NONE;
}

int access_open(struct access_rules *rules, const struct api_settings *settings,
		const struct local_group *local_group, struct error *err)
{
	int code;

	*rules = (struct access_rules){.settings = settings};
	code = find_groups(rules, local_group, err);
	if (code < 0 || !settings->tokens || !settings->listen_count)
		return code;
	return tokens_open(settings->tokens, &rules->tokens, err);
}

void access_close(struct access_rules *rules)
{
	tokens_close(rules->tokens);
	rules->tokens = NULL;
}
