/*
 * 16550A UART (National Semiconductor PC16550D), the PC's COM1: 16-byte FIFOs, interrupts, loopback, modem lines.
 *
 * Output goes to a ring of SERIAL_OUTPUT_RING bytes, from there to the backend on the loop's thread. When the ring is
 * full, LSR says that the transmitter is busy until there is room: a driver that obeys waits and loses nothing, one that
 * does not loses its own bytes; no vCPU ever blocks. Input arrives through the FIFO as the driver drains it.
 *
 * Registers are touched on vCPU threads, the backend on the loop's thread; one lock inside.
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
