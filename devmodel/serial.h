/*
 * 16550A UART (National Semiconductor PC16550D), the PC's COM1: 16-byte FIFOs, interrupts, loopback, modem lines.
 *
 * Output goes to a ring of SERIAL_OUTPUT_RING bytes, from there to the backend on the loop's thread, a millisecond after
 * the first byte, so that a line is one call; at most 4 KiB a turn of the loop, so that a flood leaves other devices
 * theirs. When the ring has no room for a FIFO's worth, LSR says that the transmitter is busy: a driver that obeys waits
 * and loses nothing, one that does not loses its own bytes; no vCPU ever blocks. Input arrives through the FIFO as the
 * driver drains it.
 *
 * Registers are touched on vCPU threads; one lock inside. The backend's output is called on the loop's thread, readable
 * on vCPU threads. serial_create and serial_destroy belong to the loop's thread; destroy comes after the last vCPU has
 * stopped and offers the backend what the guest said last.
 */
#pragma once

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/bus.h"
#include "devmodel/chardev.h"
#include "devmodel/irq.h"

#define SERIAL_PORT        0x3f8
#define SERIAL_SIZE        8
#define SERIAL_IRQ         4
#define SERIAL_OUTPUT_RING (16 * 1024)

struct serial;

extern const struct bus_ops serial_ops; /* its device is a struct serial */

struct serial *serial_create(struct irq_line *irq, struct chardev_backend *backend, struct loop *loop,
			     struct error *err);
struct chardev_frontend *serial_frontend(struct serial *serial);
void serial_destroy(struct serial *serial); /* NULL is allowed */
