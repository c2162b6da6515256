/*
 * The front end from the inside; only the vhost_user*.c files include this. vhost_user.h says what it is.
 *
 *      vhost_user.c          its life; requests and answers
 *      vhost_user_link.c     the connection: back ends that come and go
 *      vhost_user_setup.c    what a back end is asked and told before it serves, one message after the other
 */
#pragma once

#include <pthread.h>

#include "common/log.h"
#include "devmodel/virtio/vhost_user.h"
#include "devmodel/virtio/vhost_user_message.h"

/* Feature bits beside the device's own. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

enum vhost_user_protocol_feature {
	VHOST_USER_PROTOCOL_MQ = 0,
	VHOST_USER_PROTOCOL_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_BACKEND_REQ = 5,
	VHOST_USER_PROTOCOL_CONFIG = 9,
};

struct vhost_user_queue {
	struct vhost_user *front;
	unsigned index;
	struct vhost_user_ring ring;
	bool broken; /* nothing that the back end of now has in there counts any more */
	int kick;
	struct loop_source call;
};

struct vhost_user {
	char *name;
	const struct guest_memory *memory;
	struct loop *loop;
	bool watched;    /* the loop hears of it: not before the first back end serves */
	uint64_t wanted; /* features */
	uint32_t config_size;
	bool reconnect;
	const char *when_gone;
	void (*answered)(void *owner, unsigned queue);
	void (*changed)(void *owner);
	void *owner;

	int shared_fd; /* the rings' memory */
	uint8_t *shared;
	uint64_t shared_size;
	struct loop_source channel;
	struct loop_source backend; /* our end of its own requests; fd: made once, for all back ends */
	int backend_theirs;
	struct loop_timer patience;

	pthread_mutex_t lock;                 /* what follows */
	struct loop_source link;              /* fd -1: no back end */
	uint32_t number;                      /* the connection's, on the channel */
	bool serving;                         /* the link's back end was set up */
	bool stuck;                           /* it was killed, and its link is not closed yet */
	bool gone;                            /* there will be no other: what is put is lost */
	unsigned step;                        /* of the set-up */
	enum vhost_user_message_type awaited; /* a reply to this; VHOST_USER_NONE: to nothing */
	bool fetch_again;                     /* the configuration changed while it was fetched */
	uint64_t features, protocol;          /* the back end's */
	struct vhost_user_inbox inbox, backend_inbox;
	uint8_t config[VHOST_USER_CONFIG_MAX];
	struct log_limit log_limit;
	unsigned queue_count;
	struct vhost_user_queue queues[VHOST_USER_QUEUES_MAX];
};

/* --- vhost_user_link.c; the lock is not held --- */

/* The timer, and the sockets of back ends' own requests. The loop may run by then, on another thread. */
int vhost_user_link_prepare(struct vhost_user *front, struct error *err);
/* After `channel` has its descriptor: the first back end. */
int vhost_user_link_open(struct vhost_user *front, struct error *err);
/* The loop hears of it from now on. */
int vhost_user_link_watch(struct vhost_user *front, struct error *err);
void vhost_user_link_close(struct vhost_user *front);
/* Has the back end of now killed. The lock is held. */
void vhost_user_link_reject(struct vhost_user *front);

/* --- vhost_user_setup.c; the lock is held. A negative errno: the back end is of no use, and err says why ---
 */

/* The first message. */
int vhost_user_setup_begin(struct vhost_user *front, struct error *err);
/* The reply in front->inbox, and the next message. 1: it serves now. 2: the configuration is there anew. */
int vhost_user_setup_go_on(struct vhost_user *front, struct error *err);
/* Fetches the configuration of one that serves. */
int vhost_user_setup_fetch(struct vhost_user *front, struct error *err);
