/*
 * What the tests of the network card share: a card over a socket that keeps message boundaries, which stands
 * for a TAP, or over a stream socket as passt's, the other end of it, and frames in both directions. What
 * fails here fails the test.
 */
#pragma once

#include <linux/virtio_net.h>

#include "devmodel/virtio/net.h"
#include "tests/unit/virtio/driver.h"

#define RECEIVE   0
#define TRANSMIT  1
#define HEADER    12
#define MERGE     (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define FRAME_MAX 65553
#define BATCH     VIRTIO_BATCH

extern struct driver driver;
extern struct error err;
extern int peer; /* the other end of the device's fd */
extern struct virtio_net_options options;
extern uint8_t packet[HEADER + FRAME_MAX + 1000];

void net_setup_tap(void);
void net_setup_stream(void);
void net_teardown(void);

/* Bytes that differ from frame to frame and from place to place. */
void fill(uint8_t *bytes, size_t len, unsigned seed);
struct driver_buffer add_receive_buffer(uint32_t len);
/* A larger receive queue than a test usually has, after driver_plug. */
void enlarge_receive_queue(uint16_t size);
void add_transmit(const uint8_t *bytes, size_t len);
void add_transmit_filled(size_t len, unsigned seed);
/* Fills `packet`, which the TAP then gives. */
void tap_gives(size_t len, unsigned seed);

/* The next packet in the receive queue is this one, in these buffers. */
void expect_packet(const struct driver_buffer *buffers, unsigned count, const uint8_t *bytes, size_t len);
void expect_no_packet(void);
void expect_link_down(void);
unsigned collect_all(unsigned queue);
uint16_t read_status(void);

/* The device's answer to a command on its control queue with these bytes as its data. */
uint8_t command_on(unsigned queue, uint8_t class, uint8_t number, const void *data, uint32_t len);
void read_config(struct virtio_net_config *config);
