/*
 * Any driver, any backend: what the backend gets is exactly what was written while there was room, and after
 * all of it a driver that behaves is told of input.
 */
#include <linux/serial_reg.h>
#include <stdbool.h>

#include "common/util.h"
#include "devmodel/serial.h"
#include "tests/fuzz/devmodel/input.h"

#define LOOPS_MAX 100 /* a handler that needs more is in an endless loop */

struct port {
	struct irq_line irq;
	struct chardev_backend backend;
	struct loop loop;
	struct serial *serial;
	bool pulsed;
	size_t room;         /* that the backend has */
	unsigned head, tail; /* what must come out, in order */
	uint8_t expected[SERIAL_OUTPUT_RING];
};

static void port_pulsed(struct irq_line *line)
{
	CONTAINER_OF(line, struct port, irq)->pulsed = true;
}

static size_t port_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct port *port = CONTAINER_OF(backend, struct port, backend);
	size_t take = MIN(len, port->room);

	REQUIRE(len > 0 && len <= port->tail - port->head);
	for (size_t i = 0; i < take; i++)
		REQUIRE(data[i] == port->expected[port->head++ % SERIAL_OUTPUT_RING]);
	port->room -= take;
	return take;
}

static void port_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static uint8_t port_in(struct port *port, unsigned offset)
{
	uint8_t value = 0xff;

	serial_ops.read(port->serial, offset, &value, 1);
	return value;
}

static void port_out(struct port *port, unsigned offset, uint8_t value)
{
	bool sends = offset == UART_TX && !(port_in(port, UART_LCR) & UART_LCR_DLAB) &&
		     !(port_in(port, UART_MCR) & UART_MCR_LOOP);

	if (sends && port->tail - port->head < SERIAL_OUTPUT_RING)
		port->expected[port->tail++ % SERIAL_OUTPUT_RING] = value;
	serial_ops.write(port->serial, offset, &value, 1);
}

static void port_writable(struct port *port, size_t room)
{
	struct chardev_frontend *frontend = serial_frontend(port->serial);

	port->room = room;
	frontend->writable(frontend);
}

static size_t port_input(struct port *port, size_t len)
{
	static const uint8_t text[256] = "what somebody typed";
	struct chardev_frontend *frontend = serial_frontend(port->serial);

	return frontend->input(frontend, text, len);
}

static void port_wide(struct port *port, unsigned offset, uint32_t len)
{
	uint8_t data[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	serial_ops.write(port->serial, offset, data, len);
	serial_ops.read(port->serial, offset, data, len);
	REQUIRE((data[0] & data[1] & data[7]) == 0xff);
}

static void port_step(struct port *port, uint8_t what, uint8_t value)
{
	unsigned offset = what >> 3 & 7;

	switch (what & 7) {
	case 0:
	case 1:
		port_out(port, offset, value);
		break;
	case 2:
		port_in(port, offset);
		break;
	case 3:
		REQUIRE(port_input(port, value) <= 16);
		break;
	case 4:
		port_writable(port, value * 16U);
		break;
	case 5:
		loop_step(&port->loop, 0);
		break;
	case 6:
		for (unsigned i = 0; i < value * 4U; i++)
			port_out(port, UART_TX, (uint8_t)i);
		break;
	default:
		port_wide(port, offset, value & 1 ? 2 : 8);
		break;
	}
}

/* Serves whatever is due, until IIR says that nothing is. */
static void port_serve(struct port *port)
{
	unsigned loops = 0;

	while (!(port_in(port, UART_IIR) & UART_IIR_NO_INT)) {
		REQUIRE(++loops < LOOPS_MAX);
		port_in(port, UART_LSR);
		port_in(port, UART_RX);
		port_in(port, UART_MSR);
	}
}

static void port_check(struct port *port)
{
	port_out(port, UART_LCR, UART_LCR_WLEN8);
	port_out(port, UART_MCR, UART_MCR_OUT2);
	port_out(port, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	port_out(port, UART_IER, UART_IER_RDI);
	port_serve(port);
	port->pulsed = false;
	REQUIRE(port_input(port, 1) == 1);
	REQUIRE(port->pulsed);
	REQUIRE((port_in(port, UART_IIR) & UART_IIR_ID) == UART_IIR_RDI);
	REQUIRE(port_in(port, UART_RX) == 'w');
	for (unsigned i = 0; i < LOOPS_MAX; i++)
		port_writable(port, SIZE_MAX);
	REQUIRE(port->head == port->tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct port port = {
		.irq.raise = port_pulsed,
		.backend = {.output = port_output, .readable = port_readable},
	};

	REQUIRE(loop_init(&port.loop) == 0);
	port.serial = serial_create(&port.irq, &port.backend, &port.loop, NULL);
	REQUIRE(port.serial);
	while (input.len) {
		uint8_t what = input_byte(&input);

		port_step(&port, what, input_byte(&input));
	}
	port_check(&port);
	serial_destroy(port.serial);
	loop_close(&port.loop);
	return 0;
}
