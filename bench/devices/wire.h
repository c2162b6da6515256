/*
 * What the guest's end (guest.c) and the host's (host.c) of the device benchmark know of each other.
 *
 * On the guest's serial line: "ready\n" when it is up; then for each line "WORK COUNT\n" that it is given
 * "done\n", or "failed: WHY\n". Byte streams, TCP and vsock alike, have a port for each thing that the host
 * does with them; packets are UDP.
 */
#ifndef BENCH_DEVICES_WIRE_H
#define BENCH_DEVICES_WIRE_H

#include <stdint.h>

#define HOST_ADDRESS  "10.9.0.1"
#define GUEST_ADDRESS "10.9.0.2"
#define NETMASK       "255.255.255.0"
#define CHUNK         (128U << 10) /* bytes of a stream that a program reads or writes at once */
#define PAYLOAD       18 /* bytes of a small packet: with its headers 60, the least that Ethernet has */
#define BURST         64 /* small packets that come one behind the other */
#define LINE          80

enum stream_port {
	PORT_SINK = 5001, /* reads to the end, then writes one byte */
	PORT_SOURCE,      /* reads a uint64_t, writes as many bytes */
	PORT_ECHO,        /* writes what it reads */
	PORT_END,
};

enum packet_port {
	PORT_PACKET_ECHO = 5001, /* every packet comes back */
	PORT_PACKET_SINK,        /* one comes back when BURST have come */
	PORT_PACKET_SOURCE,      /* BURST come back for one */
	PORT_PACKET_END,
};

#endif
