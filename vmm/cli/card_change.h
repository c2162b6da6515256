/* What `rastos-vmm device set` changes of a network card's definition. */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"

struct card_change {
	const char *link; /* "up" or "down"; NULL: as it is */
	/* AVERAGE[,PEAK[,BURST]] in KiB a second and KiB, as virsh domiftune; "0": no limit; NULL: as it is
	 */
	const char *inbound, *outbound;
};

/* Changes card; -EINVAL: a word is wrong. */
int card_change_apply(const struct card_change *change, cJSON *card, struct error *err);
