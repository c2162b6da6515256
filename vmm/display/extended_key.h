/*
 * QEMU's extended key event of RFB: keys by where they are on the keyboard, not by what is printed on them,
 * so that viewer and guest need not have the same layout. A viewer says that it can with the pseudo-encoding
 * -258, and is told so back.
 */
#pragma once

#include <rfb/rfb.h>
#include <stdbool.h>
#include <stdint.h>

/* To viewers that come from now on, by this process. */
void extended_key_offer(void);
/* Called for each that comes; session.c has it. */
void extended_key_pressed(rfbClientPtr client, uint32_t symbol, uint32_t scan_code, bool down);
