/*
 *      vCPU: THR --> ring --> loop's thread --> backend           loopback: THR --> receive FIFO
 *      vCPU: RBR <-- receive FIFO <-- frontend->input, on the loop's thread
 *
 * The ring has one reader, the loop's thread, which takes bytes without the lock while vCPUs append behind
 * them. Whenever the ring holds bytes, one of these is true: the drain timer is set, the drain runs, or the
 * backend has promised to call writable (stalled).
 */
#include "devmodel/serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define FIFO_SIZE        16
#define RING_MASK        (SERIAL_OUTPUT_RING - 1)
#define DIVISOR_115200   1
#define IER_ALL          (UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define IIR_FIFO_ENABLED 0xc0
#define MCR_ALL          (UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | UART_MCR_LOOP)
#define MSR_LINES        (UART_MSR_DCD | UART_MSR_RI | UART_MSR_DSR | UART_MSR_CTS)

#define DRAIN_DELAY_NS 1000000 /* collects what follows a first byte; 12 bytes' time at 115200 baud */
#define DRAIN_MAX      4096 /* bytes an event, so that a flood leaves the loop's other devices their turn */

_Static_assert((SERIAL_OUTPUT_RING & RING_MASK) == 0, "positions in the ring are masked");

struct received {
	uint8_t data;
	uint8_t error; /* LSR bits that came with it */
};

struct serial {
	pthread_mutex_t lock;
	struct irq_line *irq;
	struct chardev_backend *backend;
	struct chardev_frontend frontend;
	struct loop *loop;
	struct loop_timer drain;

	uint8_t ier;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t msr;
	uint8_t scratch;
	uint8_t divisor_low;
	uint8_t divisor_high;
	bool fifo_enabled;
	bool overrun;
	bool thr_emptied; /* the THR empty interrupt is due: cleared by reading it from IIR and by writing THR
			   */

	uint8_t causes; /* of interrupt, as IER bits, when last looked at */
	bool raised;    /* a pulse was sent that the driver has not answered by reading IIR */

	unsigned received_first;
	unsigned received_count;
	struct received received[FIFO_SIZE];
	bool input_waits; /* the backend keeps input until we call readable */

	bool stalled; /* the backend took less than offered: it will call writable */
	uint32_t ring_head;
	uint32_t ring_tail; /* both count for ever; tail - head bytes are waiting */
	uint8_t ring[SERIAL_OUTPUT_RING];
};

/*
 * Interrupts. The chip's INTR pin is a level, our line sends pulses. A pulse goes out whenever a cause
 * arises, arises again or outlives another one, unless the last pulse has not been answered: the handler that
 * it starts will read IIR and see everything. A driver that stops before IIR says "none" is therefore called
 * again and loses nothing.
 */
static uint8_t serial_causes(const struct serial *serial)
{
	uint8_t causes = 0;

	if (serial->overrun || (serial->received_count && serial->received[serial->received_first].error))
		causes |= UART_IER_RLSI;
	if (serial->received_count)
		causes |= UART_IER_RDI;
	if (serial->thr_emptied)
		causes |= UART_IER_THRI;
	if (serial->msr & UART_MSR_ANY_DELTA)
		causes |= UART_IER_MSI;
	return causes & serial->ier;
}

static void serial_update_irq(struct serial *serial, bool again)
{
	uint8_t causes = serial_causes(serial);
	bool news = again || causes != serial->causes;

	serial->causes = causes;
	if (!causes) {
		serial->raised = false;
	} else if (news && !serial->raised) {
		serial->raised = true;
		irq_raise(serial->irq);
	}
}

/* IIR names the cause of the highest priority; reading "THR empty" acknowledges it. */
static uint8_t iir_read(struct serial *serial)
{
	uint8_t causes = serial_causes(serial);
	uint8_t iir = UART_IIR_NO_INT;

	serial->raised = false;
	if (causes & UART_IER_RLSI) {
		iir = UART_IIR_RLSI;
	} else if (causes & UART_IER_RDI) {
		iir = UART_IIR_RDI;
	} else if (causes & UART_IER_THRI) {
		iir = UART_IIR_THRI;
		serial->thr_emptied = false;
	} else if (causes & UART_IER_MSI) {
		iir = UART_IIR_MSI;
	}
	return iir | (serial->fifo_enabled ? IIR_FIFO_ENABLED : 0);
}

/* The transmitter. */
static uint32_t ring_used(const struct serial *serial)
{
	return serial->ring_tail - serial->ring_head;
}

/* A driver that sees THRE fills the whole FIFO without looking again. */
static bool thr_is_empty(const struct serial *serial)
{
	return SERIAL_OUTPUT_RING - ring_used(serial) >= FIFO_SIZE;
}

static void ring_push(struct serial *serial, uint8_t value)
{
	if (ring_used(serial) == SERIAL_OUTPUT_RING)
		return; /* the driver did not wait for THRE */
	serial->ring[serial->ring_tail++ & RING_MASK] = value;
	if (ring_used(serial) == 1)
		loop_timer_set(&serial->drain, DRAIN_DELAY_NS, 0);
	else if (ring_used(serial) == SERIAL_OUTPUT_RING / 2)
		loop_timer_set(&serial->drain, 0, 0);
}

static uint32_t drain_offer(const struct serial *serial)
{
	uint32_t until_wrap = SERIAL_OUTPUT_RING - (serial->ring_head & RING_MASK);
	uint32_t ready = MIN(ring_used(serial), until_wrap);

	return serial->stalled ? 0 : MIN(ready, (uint32_t)DRAIN_MAX);
}

static void drain_taken(struct serial *serial, uint32_t offered, uint32_t taken)
{
	bool was_busy = !thr_is_empty(serial);

	serial->ring_head += taken;
	serial->stalled = taken < offered;
	if (ring_used(serial) && !serial->stalled)
		loop_timer_set(&serial->drain, 0, 0);
	if (was_busy && thr_is_empty(serial)) {
		serial->thr_emptied = true;
		serial_update_irq(serial, true);
	}
}

/* One round; true when the ring has more for a backend that takes it. */
static bool serial_drain(struct serial *serial)
{
	uint32_t offered;
	uint32_t taken;
	uint32_t start;
	bool more;

	pthread_mutex_lock(&serial->lock);
	offered = drain_offer(serial);
	start = serial->ring_head & RING_MASK;
	pthread_mutex_unlock(&serial->lock);
	if (offered == 0)
		return false;
	/* Without the lock: a vCPU that prints must not wait for the backend's system call. */
	taken = (uint32_t)serial->backend->output(serial->backend, &serial->ring[start], offered);
	pthread_mutex_lock(&serial->lock);
	drain_taken(serial, offered, MIN(taken, offered));
	more = drain_offer(serial) > 0;
	pthread_mutex_unlock(&serial->lock);
	return more;
}

static void drain_expired(struct loop_timer *timer)
{
	serial_drain(CONTAINER_OF(timer, struct serial, drain));
}

static void serial_writable(struct chardev_frontend *frontend)
{
	struct serial *serial = CONTAINER_OF(frontend, struct serial, frontend);

	pthread_mutex_lock(&serial->lock);
	serial->stalled = false;
	pthread_mutex_unlock(&serial->lock);
	serial_drain(serial);
}

/* The receiver. */
static unsigned receiver_capacity(const struct serial *serial)
{
	return serial->fifo_enabled ? FIFO_SIZE : 1;
}

static void received_push(struct serial *serial, uint8_t data, uint8_t error)
{
	unsigned place = (serial->received_first + serial->received_count++) % FIFO_SIZE;

	serial->received[place] = (struct received){.data = data, .error = error};
}

/* From the line, which does not wait: a full FIFO loses the new byte, a full holding register the old one. */
static void line_receive(struct serial *serial, uint8_t data, uint8_t error)
{
	if (serial->received_count == receiver_capacity(serial)) {
		serial->overrun = true;
		if (serial->fifo_enabled)
			return;
		serial->received_count = 0;
	}
	received_push(serial, data, error);
}

/* Tells the backend, once the FIFO is empty, so that each wake brings as much as fits. */
static void input_resume(struct serial *serial)
{
	if (!serial->input_waits || serial->received_count || (serial->mcr & UART_MCR_LOOP))
		return;
	serial->input_waits = false;
	serial->backend->readable(serial->backend);
}

static void received_clear(struct serial *serial)
{
	serial->received_count = 0;
	input_resume(serial);
}

static size_t serial_input(struct chardev_frontend *frontend, const uint8_t *data, size_t len)
{
	struct serial *serial = CONTAINER_OF(frontend, struct serial, frontend);
	size_t room = 0;
	size_t taken;

	pthread_mutex_lock(&serial->lock);
	if (!(serial->mcr & UART_MCR_LOOP))
		room = receiver_capacity(serial) - serial->received_count;
	taken = MIN(len, room);
	for (size_t i = 0; i < taken; i++)
		received_push(serial, data[i], 0);
	serial->input_waits = taken < len;
	if (taken)
		serial_update_irq(serial, true);
	pthread_mutex_unlock(&serial->lock);
	return taken;
}

/* Registers that do something when touched. */
static uint8_t rbr_read(struct serial *serial)
{
	uint8_t data;

	if (serial->received_count == 0)
		return 0;
	data = serial->received[serial->received_first].data;
	serial->received_first = (serial->received_first + 1) % FIFO_SIZE;
	serial->received_count--;
	input_resume(serial);
	return data;
}

static void thr_write(struct serial *serial, uint8_t value)
{
	if (serial->mcr & UART_MCR_LOOP)
		line_receive(serial, value, 0);
	else
		ring_push(serial, value);
	serial->thr_emptied = thr_is_empty(serial);
	serial_update_irq(serial, true);
}

/* Enabling the THR interrupt while THR is empty makes it due: drivers start sending that way. */
static void ier_write(struct serial *serial, uint8_t value)
{
	if ((value & ~serial->ier & UART_IER_THRI) && thr_is_empty(serial))
		serial->thr_emptied = true;
	serial->ier = value & IER_ALL;
}

/*
 * What is in the ring has left the chip as far as the driver knows (it saw THRE), so clearing the transmit
 * FIFO finds nothing to clear.
 */
static void fcr_write(struct serial *serial, uint8_t value)
{
	bool enable = value & UART_FCR_ENABLE_FIFO;

	if (enable != serial->fifo_enabled || (enable && (value & UART_FCR_CLEAR_RCVR))) {
		serial->fifo_enabled = enable;
		received_clear(serial);
	}
}

/* A break that starts in loopback comes back as a zero byte with the break bit. */
static void lcr_write(struct serial *serial, uint8_t value)
{
	bool starts = value & ~serial->lcr & UART_LCR_SBC;

	serial->lcr = value;
	if (starts && (serial->mcr & UART_MCR_LOOP))
		line_receive(serial, 0, UART_LSR_BI);
}

/* A terminal is always there and ready; in loopback the outputs are wired to the inputs. */
static uint8_t modem_lines(uint8_t mcr)
{
	uint8_t lines = 0;

	if (!(mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (mcr & UART_MCR_RTS)
		lines |= UART_MSR_CTS;
	if (mcr & UART_MCR_DTR)
		lines |= UART_MSR_DSR;
	if (mcr & UART_MCR_OUT1)
		lines |= UART_MSR_RI;
	if (mcr & UART_MCR_OUT2)
		lines |= UART_MSR_DCD;
	return lines;
}

/* Each delta bit is four below its line's; the ring indicator's tells only the end of ringing. */
static void mcr_write(struct serial *serial, uint8_t value)
{
	uint8_t before = serial->msr & MSR_LINES;
	uint8_t now;
	uint8_t changed;

	serial->mcr = value & MCR_ALL;
	now = modem_lines(serial->mcr);
	changed = before ^ now;
	if (now & UART_MSR_RI)
		changed &= (uint8_t)~UART_MSR_RI;
	serial->msr = (uint8_t)(now | (serial->msr & UART_MSR_ANY_DELTA) | changed >> 4);
	input_resume(serial);
}

static uint8_t lsr_read(struct serial *serial)
{
	uint8_t lsr = thr_is_empty(serial) ? UART_LSR_THRE | UART_LSR_TEMT : 0;
	struct received *first = &serial->received[serial->received_first];

	for (unsigned i = 0; serial->fifo_enabled && i < serial->received_count; i++) {
		if (serial->received[(serial->received_first + i) % FIFO_SIZE].error)
			lsr |= UART_LSR_FIFOE;
	}
	if (serial->received_count) {
		lsr |= UART_LSR_DR | first->error;
		first->error = 0;
	}
	if (serial->overrun)
		lsr |= UART_LSR_OE;
	serial->overrun = false;
	return lsr;
}

static uint8_t msr_read(struct serial *serial)
{
	uint8_t msr = serial->msr;

	serial->msr &= MSR_LINES;
	return msr;
}

static uint8_t register_read(struct serial *serial, uint64_t offset)
{
	bool divisor = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return divisor ? serial->divisor_low : rbr_read(serial);
	case UART_IER:
		return divisor ? serial->divisor_high : serial->ier;
	case UART_IIR:
		return iir_read(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return lsr_read(serial);
	case UART_MSR:
		return msr_read(serial);
	default:
		return serial->scratch;
	}
}

static void divisor_write(struct serial *serial, uint64_t offset, uint8_t value)
{
	if (offset == UART_DLL)
		serial->divisor_low = value;
	else
		serial->divisor_high = value;
}

static void register_write(struct serial *serial, uint64_t offset, uint8_t value)
{
	if ((serial->lcr & UART_LCR_DLAB) && offset <= UART_DLM) {
		divisor_write(serial, offset, value);
		return;
	}
	switch (offset) {
	case UART_TX:
		thr_write(serial, value);
		break;
	case UART_IER:
		ier_write(serial, value);
		break;
	case UART_FCR:
		fcr_write(serial, value);
		break;
	case UART_LCR:
		lcr_write(serial, value);
		break;
	case UART_MCR:
		mcr_write(serial, value);
		break;
	case UART_SCR:
		serial->scratch = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}

static void serial_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct serial *serial = device;

	if (len != 1)
		return;
	pthread_mutex_lock(&serial->lock);
	*data = register_read(serial, offset);
	serial_update_irq(serial, false);
	pthread_mutex_unlock(&serial->lock);
}

static void serial_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct serial *serial = device;

	if (len != 1)
		return;
	pthread_mutex_lock(&serial->lock);
	register_write(serial, offset, *data);
	serial_update_irq(serial, false);
	pthread_mutex_unlock(&serial->lock);
}

const struct bus_ops serial_ops = {.read = serial_read, .write = serial_write};

struct serial *serial_create(struct irq_line *irq, struct chardev_backend *backend, struct loop *loop,
			     struct error *err)
{
	struct serial *serial = calloc(1, sizeof(*serial));
	int code;

	if (!serial) {
		error_set(err, -ENOMEM, "serial port: cannot create: %m");
		return NULL;
	}
	code = loop_timer_init(loop, &serial->drain, drain_expired);
	if (code < 0) {
		error_set(err, code, "serial port: cannot create its timer: %s", strerror(-code));
		free(serial);
		return NULL;
	}
	pthread_mutex_init(&serial->lock, NULL);
	serial->irq = irq;
	serial->backend = backend;
	serial->frontend = (struct chardev_frontend){.input = serial_input, .writable = serial_writable};
	serial->loop = loop;
	serial->divisor_low = DIVISOR_115200;
	serial->msr = modem_lines(0);
	return serial;
}

struct chardev_frontend *serial_frontend(struct serial *serial)
{
	return &serial->frontend;
}

void serial_destroy(struct serial *serial)
{
	if (!serial)
		return;
	while (serial_drain(serial)) /* the guest's last words */
		;
	loop_timer_close(serial->loop, &serial->drain);
	pthread_mutex_destroy(&serial->lock);
	free(serial);
}
