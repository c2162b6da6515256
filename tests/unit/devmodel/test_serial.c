#include <criterion/criterion.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devmodel/serial.h"
#include "tests/unit/devmodel/fakes.h"

#define FIFO_SIZE  16
#define IIR_64BYTE 0x20 /* a 16750 has it */
#define LONG_MS    5000 /* longer than any test; a step that has work returns at once */

/* A backend that takes `room` bytes and remembers them. */
struct fake_backend {
	struct chardev_backend backend;
	size_t room;
	size_t taken;
	size_t largest;
	unsigned calls;
	atomic_uint readables;
	uint8_t bytes[1 << 20];
};

static size_t fake_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct fake_backend *fake = CONTAINER_OF(backend, struct fake_backend, backend);
	size_t take = MIN(len, MIN(fake->room, sizeof(fake->bytes) - fake->taken));

	fake->calls++;
	fake->largest = MAX(fake->largest, len);
	memcpy(fake->bytes + fake->taken, data, take);
	fake->taken += take;
	fake->room -= take;
	return take;
}

static void fake_readable(struct chardev_backend *backend)
{
	atomic_fetch_add(&CONTAINER_OF(backend, struct fake_backend, backend)->readables, 1);
}

/* Each test is a process of its own. */
static struct fake_irq irq = FAKE_IRQ;
static struct fake_backend backend = {
	.backend = {.output = fake_output, .readable = fake_readable},
	.room = SIZE_MAX,
};
static struct loop loop;
static struct serial *serial;

static uint8_t in(unsigned offset)
{
	return fake_in(&serial_ops, serial, offset);
}

static void out(unsigned offset, uint8_t value)
{
	fake_out(&serial_ops, serial, offset, value);
}

static size_t input(const char *text)
{
	struct chardev_frontend *frontend = serial_frontend(serial);

	return frontend->input(frontend, (const uint8_t *)text, strlen(text));
}

static void writable(size_t room)
{
	struct chardev_frontend *frontend = serial_frontend(serial);

	backend.room = room;
	frontend->writable(frontend);
}

/* Until the loop has nothing to do. */
static void drain(void)
{
	unsigned calls;

	do {
		calls = backend.calls;
		cr_assert_eq(loop_step(&loop, 20), 0);
	} while (calls != backend.calls);
}

/* Fills the ring while nothing is drained, the way a driver does that looks at THRE. */
static unsigned fill(void)
{
	unsigned written = 0;

	while (in(UART_LSR)&UART_LSR_THRE) {
		for (unsigned i = 0; i < FIFO_SIZE; i++)
			out(UART_TX, (uint8_t)(written++ % 251));
	}
	return written;
}

static void serial_setup(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	serial = serial_create(&irq.line, &backend.backend, &loop, NULL);
	cr_assert(serial);
}

static void serial_teardown(void)
{
	serial_destroy(serial);
	loop_close(&loop);
}

TestSuite(serial, .init = serial_setup, .fini = serial_teardown, .timeout = 60);

/* The registers, as Linux's 8250 driver looks for a 16550A. */

Test(serial, reset_values)
{
	cr_assert_eq(in(UART_IER), 0);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT);
	cr_assert_eq(in(UART_LCR), 0);
	cr_assert_eq(in(UART_MCR), 0);
	cr_assert_eq(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	cr_assert_eq(in(UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	cr_assert_eq(in(UART_RX), 0);
}

Test(serial, autoconfig_finds_a_16550a)
{
	out(UART_IER, 0xff);
	cr_assert_eq(in(UART_IER), 0x0f, "four interrupts, no sleep mode, no UUE");
	out(UART_IER, 0);
	cr_assert_eq(in(UART_IER), 0);
	out(UART_MCR, UART_MCR_LOOP | 0x0a);
	cr_assert_eq(in(UART_MSR)&0xf0, 0x90, "RTS to CTS, OUT2 to DCD");
	out(UART_MCR, 0);
	out(UART_LCR, 0xbf);
	cr_assert_neq(in(UART_EFR), 0, "no 16650's enhanced features");
	out(UART_LCR, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	cr_assert_eq(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	cr_assert_eq(in(UART_IIR)&IIR_64BYTE, 0, "no 16750");
	out(UART_LCR, UART_LCR_DLAB);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	cr_assert_eq(in(UART_IIR)&IIR_64BYTE, 0);
	out(UART_LCR, 0);
	out(UART_FCR, 0);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_SCR, 0xa5);
	cr_assert_eq(in(UART_SCR), 0xa5);
}

Test(serial, fifo_size_probe_counts_16)
{
	unsigned count = 0;

	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	out(UART_MCR, UART_MCR_LOOP);
	for (unsigned i = 0; i < 256; i++)
		out(UART_TX, (uint8_t)i);
	cr_assert(in(UART_LSR)&UART_LSR_OE);
	cr_assert_not(in(UART_LSR)&UART_LSR_OE, "told once");
	for (; count < 256 && (in(UART_LSR)&UART_LSR_DR); count++)
		cr_assert_eq(in(UART_RX), count, "an overrun keeps the FIFO");
	cr_assert_eq(count, FIFO_SIZE);
	drain();
	cr_assert_eq(backend.taken, 0, "nothing left the chip");
}

Test(serial, without_fifo_an_overrun_keeps_the_new_byte)
{
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_TX, 'a');
	out(UART_TX, 'b');
	cr_assert_eq(in(UART_LSR) & (UART_LSR_DR | UART_LSR_OE), UART_LSR_DR | UART_LSR_OE);
	cr_assert_eq(in(UART_RX), 'b');
	cr_assert_not(in(UART_LSR)&UART_LSR_DR);
}

Test(serial, divisor_latch_hides_data_and_ier)
{
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	cr_assert_eq(in(UART_DLL) | in(UART_DLM) << 8, 1, "115200 baud, never a division by zero");
	out(UART_DLL, 12);
	out(UART_DLM, 3);
	cr_assert_eq(in(UART_DLL), 12);
	cr_assert_eq(in(UART_DLM), 3);
	out(UART_LCR, UART_LCR_WLEN8);
	cr_assert_eq(in(UART_IER), 0);
	cr_assert_eq(in(UART_RX), 0);
	drain();
	cr_assert_eq(backend.taken, 0);
	out(UART_LCR, UART_LCR_DLAB);
	cr_assert_eq(in(UART_DLL), 12);
}

Test(serial, modem_deltas_are_told_once)
{
	in(UART_MSR);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	cr_assert_eq(in(UART_MSR), UART_MSR_RI | UART_MSR_DCTS | UART_MSR_DDSR | UART_MSR_DDCD);
	cr_assert_eq(in(UART_MSR), UART_MSR_RI);
	out(UART_MCR, UART_MCR_LOOP);
	cr_assert_eq(in(UART_MSR), UART_MSR_TERI, "the end of ringing");
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_DTR);
	out(UART_MCR, UART_MCR_LOOP);
	cr_assert_eq(in(UART_MSR), UART_MSR_DDSR, "there and back is still a change");
}

Test(serial, break_in_loopback_comes_back)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_TX, 'a');
	out(UART_LCR, UART_LCR_SBC);
	cr_assert_eq(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI | UART_LSR_FIFOE),
		     UART_LSR_DR | UART_LSR_FIFOE, "it is behind the a");
	cr_assert_eq(in(UART_RX), 'a');
	cr_assert_eq(in(UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE), UART_LSR_BI | UART_LSR_FIFOE);
	cr_assert_eq(in(UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE), 0);
	cr_assert_eq(in(UART_RX), 0);
	out(UART_MCR, 0);
	out(UART_LCR, 0);
	out(UART_LCR, UART_LCR_SBC);
	cr_assert_eq(in(UART_LSR) & (UART_LSR_DR | UART_LSR_BI), 0,
		     "out of loopback it goes to the other end");
}

Test(serial, other_widths_are_ignored)
{
	uint8_t wide[4] = {'x', 0x0f, 'x', 'x'};
	uint8_t data[4] = {0xff, 0xff, 0xff, 0xff};

	input("a");
	serial_ops.write(serial, UART_TX, wide, 2);
	serial_ops.write(serial, UART_TX, wide, 4);
	serial_ops.write(serial, UART_TX, wide, 0);
	serial_ops.read(serial, UART_RX, data, 2);
	cr_assert_eq(data[0] & data[1], 0xff);
	cr_assert_eq(in(UART_RX), 'a');
	cr_assert_eq(in(UART_IER), 0);
	drain();
	cr_assert_eq(backend.taken, 0);
}

/* Interrupts. */

Test(serial, enabling_thri_with_thr_empty_interrupts)
{
	out(UART_IER, UART_IER_THRI);
	cr_assert_eq(fake_irq_take(&irq), 1);
	cr_assert_eq(in(UART_IIR), UART_IIR_THRI);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT, "reading it acknowledges");
	out(UART_IER, UART_IER_THRI);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT, "it was enabled already");
	out(UART_IER, 0);
	out(UART_IER, UART_IER_THRI);
	cr_assert_eq(fake_irq_take(&irq), 1, "and again, as Linux tests chips for");
	cr_assert_eq(in(UART_IIR), UART_IIR_THRI);
}

Test(serial, a_burst_into_thr_is_one_pulse)
{
	out(UART_IER, UART_IER_THRI);
	in(UART_IIR);
	fake_irq_take(&irq);
	for (unsigned i = 0; i < FIFO_SIZE; i++)
		out(UART_TX, 'x');
	cr_assert_eq(fake_irq_take(&irq), 1);
	cr_assert_eq(in(UART_IIR), UART_IIR_THRI);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT);
}

Test(serial, input_interrupts_until_read)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_IER, UART_IER_RDI);
	cr_assert_eq(input("ab"), 2);
	cr_assert_eq(fake_irq_take(&irq), 1);
	cr_assert_eq(in(UART_IIR), 0xc0 | UART_IIR_RDI);
	cr_assert_eq(in(UART_RX), 'a');
	cr_assert_eq(in(UART_IIR), 0xc0 | UART_IIR_RDI);
	cr_assert_eq(in(UART_RX), 'b');
	cr_assert_eq(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
	cr_assert_eq(fake_irq_take(&irq), 0);
	input("c");
	cr_assert_eq(fake_irq_take(&irq), 1);
}

Test(serial, enabling_rdi_with_input_waiting_interrupts)
{
	input("a");
	cr_assert_eq(fake_irq_take(&irq), 0);
	cr_assert_eq(in(UART_IIR), UART_IIR_NO_INT, "a disabled cause is not told");
	out(UART_IER, UART_IER_RDI);
	cr_assert_eq(fake_irq_take(&irq), 1);
}

Test(serial, causes_are_told_by_priority)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_LOOP);
	for (unsigned i = 0; i <= FIFO_SIZE; i++)
		out(UART_TX, 'x');
	out(UART_IER, 0x0f);
	cr_assert_eq(in(UART_IIR)&0x0f, UART_IIR_RLSI);
	in(UART_LSR);
	cr_assert_eq(in(UART_IIR)&0x0f, UART_IIR_RDI);
	for (unsigned i = 0; i < FIFO_SIZE; i++)
		in(UART_RX);
	cr_assert_eq(in(UART_IIR)&0x0f, UART_IIR_THRI);
	cr_assert_eq(in(UART_IIR)&0x0f, UART_IIR_MSI);
	in(UART_MSR);
	cr_assert_eq(in(UART_IIR)&0x0f, UART_IIR_NO_INT);
}

/* A handler that serves one cause a pulse is what an edge-triggered line is hardest on. */
Test(serial, a_cause_that_outlives_another_pulses_again)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_LOOP);
	for (unsigned i = 0; i <= FIFO_SIZE; i++)
		out(UART_TX, 'x');
	out(UART_IER, 0x0f);
	cr_assert_eq(fake_irq_take(&irq), 1);
	in(UART_IIR);
	in(UART_LSR);
	cr_assert_eq(fake_irq_take(&irq), 1, "data is left");
	in(UART_IIR);
	for (unsigned i = 0; i < FIFO_SIZE; i++)
		in(UART_RX);
	cr_assert_eq(fake_irq_take(&irq), 1, "THR empty is left");
	in(UART_IIR);
	cr_assert_eq(fake_irq_take(&irq), 1, "modem status is left");
	in(UART_IIR);
	in(UART_MSR);
	cr_assert_eq(fake_irq_take(&irq), 0, "nothing is left");
}

Test(serial, one_byte_a_pulse_driver_sends_everything)
{
	unsigned sent = 0;

	out(UART_IER, UART_IER_THRI);
	while (sent < 1000 && fake_irq_take(&irq)) {
		cr_assert_eq(in(UART_IIR), UART_IIR_THRI);
		out(UART_TX, (uint8_t)sent++);
	}
	cr_assert_eq(sent, 1000);
}

Test(serial, thr_empty_interrupts_when_a_full_ring_drains)
{
	backend.room = 0;
	fill();
	drain();
	out(UART_IER, UART_IER_THRI);
	cr_assert_eq(fake_irq_take(&irq), 0, "the transmitter is busy");
	cr_assert_eq(in(UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT), 0);
	writable(8);
	cr_assert_eq(fake_irq_take(&irq), 0, "a FIFO's worth does not fit yet");
	writable(8);
	cr_assert_eq(fake_irq_take(&irq), 1);
	cr_assert_eq(in(UART_IIR), UART_IIR_THRI);
	cr_assert(in(UART_LSR)&UART_LSR_THRE);
}

/* Output. */

Test(serial, output_reaches_the_backend_in_one_call)
{
	for (const char *c = "hello, world\n"; *c; c++)
		out(UART_TX, (uint8_t)*c);
	cr_assert_eq(backend.calls, 0, "never on the vCPU's thread");
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(backend.calls, 1);
	cr_assert_eq(backend.taken, 13);
	cr_assert_arr_eq(backend.bytes, "hello, world\n", 13);
}

Test(serial, a_full_ring_holds_and_loses_nothing_of_an_obedient_driver)
{
	unsigned written;

	backend.room = 0;
	written = fill();
	cr_assert_eq(written, SERIAL_OUTPUT_RING);
	drain();
	out(UART_TX, 'x');
	writable(SIZE_MAX);
	drain();
	cr_assert_eq(backend.taken, written, "the byte that did not wait is the one lost");
	for (unsigned i = 0; i < written; i++)
		cr_assert_eq(backend.bytes[i], i % 251);
}

Test(serial, a_backend_that_takes_less_is_not_asked_before_it_says_so)
{
	backend.room = 3;
	for (const char *c = "hello"; *c; c++)
		out(UART_TX, (uint8_t)*c);
	drain();
	cr_assert_eq(backend.taken, 3);
	cr_assert_eq(backend.calls, 1);
	out(UART_TX, '!');
	drain();
	cr_assert_eq(backend.calls, 1);
	writable(SIZE_MAX);
	cr_assert_arr_eq(backend.bytes, "hello!", 6);
	cr_assert_eq(backend.taken, 6);
}

Test(serial, clearing_the_transmit_fifo_loses_nothing)
{
	out(UART_TX, 'a');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT | UART_FCR_CLEAR_RCVR);
	out(UART_FCR, 0);
	drain();
	cr_assert_eq(backend.taken, 1);
}

static unsigned other_calls;

static void other_ready(struct loop_source *source, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) == sizeof(count))
		other_calls++;
}

Test(serial, a_flood_leaves_other_devices_their_turn)
{
	struct loop_source other = {.fd = eventfd(0, EFD_NONBLOCK), .events = EPOLLIN, .ready = other_ready};
	unsigned steps = 0;

	loop_add(&loop, &other);
	for (; steps < 100; steps++) {
		fill();
		eventfd_write(other.fd, 1);
		cr_assert_eq(loop_step(&loop, LONG_MS), 0);
		backend.taken = 0;
	}
	cr_assert_eq(other_calls, steps, "in every round, whatever the guest prints");
	cr_assert_leq(backend.largest, 4096);
	loop_remove(&loop, &other);
	close(other.fd);
}

Test(serial, destroying_writes_what_the_backend_takes)
{
	static const char words[] = "reboot: Power down\n";
	struct serial *last = serial_create(&irq.line, &backend.backend, &loop, NULL);

	for (const char *c = words; *c; c++)
		fake_out(&serial_ops, last, UART_TX, (uint8_t)*c);
	serial_destroy(last);
	cr_assert_eq(backend.taken, strlen(words));
	cr_assert_arr_eq(backend.bytes, words, strlen(words));
	backend.room = 0;
	last = serial_create(&irq.line, &backend.backend, &loop, NULL);
	fake_out(&serial_ops, last, UART_TX, 'x');
	serial_destroy(last); /* returns, though nobody takes the x */
	serial_destroy(NULL);
	cr_assert_eq(loop_step(&loop, 10), 0, "no timer is left behind");
}

/* Input. */

Test(serial, input_takes_what_the_fifo_holds)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	cr_assert_eq(input("0123456789abcdefXYZ"), FIFO_SIZE);
	cr_assert_eq(input("XYZ"), 0);
	cr_assert_eq(in(UART_RX), '0');
	cr_assert_eq(backend.readables, 0, "not for each byte");
	for (unsigned i = 1; i < FIFO_SIZE; i++)
		in(UART_RX);
	cr_assert_eq(backend.readables, 1);
	cr_assert_eq(input("XYZ"), 3);
	cr_assert_eq(in(UART_RX), 'X');
	in(UART_RX);
	in(UART_RX);
	cr_assert_eq(backend.readables, 1, "nobody waits");
	cr_assert_not(in(UART_LSR)&UART_LSR_OE);
}

Test(serial, without_fifo_input_is_one_byte_at_a_time)
{
	cr_assert_eq(input("ab"), 1);
	cr_assert_eq(in(UART_RX), 'a');
	cr_assert_eq(backend.readables, 1);
	cr_assert_eq(input("b"), 1);
}

Test(serial, clearing_the_receive_fifo_makes_room)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	input("0123456789abcdefX");
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	cr_assert_not(in(UART_LSR)&UART_LSR_DR);
	cr_assert_eq(backend.readables, 1);
	input("X");
	out(UART_FCR, 0);
	cr_assert_not(in(UART_LSR)&UART_LSR_DR, "turning FIFOs off clears them");
}

Test(serial, input_waits_while_in_loopback)
{
	out(UART_MCR, UART_MCR_LOOP);
	cr_assert_eq(input("a"), 0);
	cr_assert_eq(backend.readables, 0);
	out(UART_MCR, 0);
	cr_assert_eq(backend.readables, 1);
	cr_assert_eq(input("a"), 1);
}

/* Threads: a vCPU prints and reads while the loop's thread drains and types. */

#define LINE_BYTES (200 * 1024)

struct typist {
	struct loop_source source; /* rises when the device is readable again */
	unsigned typed;
};

static struct typist typist = {.source.ready = NULL};
static unsigned seen;
static unsigned wrong;

static void type_more(void)
{
	struct chardev_frontend *frontend = serial_frontend(serial);
	uint8_t chunk[64];
	size_t taken;

	do {
		for (unsigned i = 0; i < sizeof(chunk); i++)
			chunk[i] = (uint8_t)((typist.typed + i) % 251);
		taken = frontend->input(frontend, chunk, sizeof(chunk));
		typist.typed += (unsigned)taken;
	} while (taken == sizeof(chunk));
}

static void typist_ready(struct loop_source *source, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) == sizeof(count))
		type_more();
}

static void typist_wake(struct chardev_backend *unused)
{
	(void)unused;
	eventfd_write(typist.source.fd, 1);
}

/* Takes an odd part of what is offered, and is writable again in the loop's next round. */
static struct loop_timer slow_timer;

static size_t slow_output(struct chardev_backend *unused, const uint8_t *data, size_t len)
{
	backend.room = len > 600 ? 600 : len - len / 3;
	if (backend.room < len)
		loop_timer_set(&slow_timer, 0, 0);
	return fake_output(unused, data, len);
}

static void slow_expired(struct loop_timer *timer)
{
	struct chardev_frontend *frontend = serial_frontend(serial);

	(void)timer;
	frontend->writable(frontend);
}

/* An interrupt-driven driver on its own thread: it sleeps until a pulse, then serves all that IIR names. */
static void driver_receive(void)
{
	while (in(UART_LSR)&UART_LSR_DR) {
		uint8_t byte = in(UART_RX);

		wrong += byte != seen++ % 251;
	}
}

static void *driver_run(void *unused)
{
	unsigned sent = 0;
	uint8_t iir;

	out(UART_IER, UART_IER_RDI | UART_IER_THRI);
	while (sent < LINE_BYTES || seen < LINE_BYTES) {
		if (!fake_irq_take(&irq)) {
			sched_yield();
			continue;
		}
		while (!((iir = in(UART_IIR)) & UART_IIR_NO_INT)) {
			if ((iir & UART_IIR_ID) == UART_IIR_RDI)
				driver_receive();
			else if ((iir & UART_IIR_ID) == UART_IIR_THRI && sent < LINE_BYTES)
				for (unsigned i = 0; i < FIFO_SIZE; i++)
					out(UART_TX, (uint8_t)(sent++ % 251));
		}
	}
	loop_stop(&loop);
	return unused;
}

Test(serial, vcpu_and_loop_exchange_everything_in_order)
{
	pthread_t driver;

	backend.backend = (struct chardev_backend){.output = slow_output, .readable = typist_wake};
	cr_assert_eq(loop_timer_init(&loop, &slow_timer, slow_expired), 0);
	typist.source = (struct loop_source){
		.fd = eventfd(1, EFD_NONBLOCK), .events = EPOLLIN, .ready = typist_ready};
	cr_assert_eq(loop_add(&loop, &typist.source), 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO); /* clears it: before anything is typed */
	cr_assert_eq(pthread_create(&driver, NULL, driver_run, NULL), 0);
	cr_assert_eq(loop_run(&loop), 0);
	pthread_join(driver, NULL);
	cr_assert_eq(wrong, 0);
	backend.backend.output = fake_output;
	writable(SIZE_MAX);
	drain();
	cr_assert_eq(backend.taken, LINE_BYTES);
	for (unsigned i = 0; i < LINE_BYTES; i++)
		cr_assert_eq(backend.bytes[i], i % 251);
	loop_timer_close(&loop, &slow_timer);
	loop_remove(&loop, &typist.source);
	close(typist.source.fd);
}
