/* What rastos-display is started with (main.c). */
#pragma once

#define DISPLAY_PROGRAM     "rastos-display"
#define DISPLAY_PASSWORD_FD 3
#define DISPLAY_CHANNEL_FD  4
#define DISPLAY_LISTENER_FD 5
#define DISPLAY_DESCRIPTORS 6
#define DISPLAY_SESSION_MEMORY                                                                               \
	(160ULL << 20)         /* a viewer's process: two copies of the largest picture, and buffers */
#define DISPLAY_PASSWORD_MAX 8 /* RFB's own authentication looks at no more */
