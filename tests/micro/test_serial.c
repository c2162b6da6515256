/* The 16550 as a driver drives it: polled output, output and input by interrupt. */
#define VECTOR 0x34
#define FLOOD  20000 /* bytes: more than SERIAL_OUTPUT_RING */

#ifdef MICRO_GUEST
#include "tests/micro/guest_apic.h"

#define UART        0x3f8
#define UART_IER    (UART + 1)
#define UART_IIR    (UART + 2)
#define UART_FCR    (UART + 2)
#define UART_LSR    (UART + 5)
#define IER_RECEIVE 0x01
#define FCR_ENABLE  0x01
#define LSR_DATA    0x01
#define LSR_EMPTY   0x20
#define UART_PIN    4

static void put(uint8_t byte)
{
	while (!(inb(UART_LSR) & LSR_EMPTY))
		cpu_pause();
	outb(UART, byte);
}

GUEST(prints)
{
	for (const char *text = "hello, world\n"; *text; text++)
		put((uint8_t)*text);
	return 0;
}

GUEST(floods)
{
	for (unsigned i = 0; i < FLOOD; i++)
		put((uint8_t)('a' + i % 26));
	return 0;
}

static volatile unsigned received;
static volatile uint8_t line[8];

INTERRUPT(receive)
{
	while (inb(UART_LSR) & LSR_DATA) {
		uint8_t byte = inb(UART);

		if (received < sizeof(line))
			line[received++] = byte;
	}
	lapic_eoi();
}

GUEST(echoes)
{
	idt_set(VECTOR, receive);
	idt_load();
	lapic_enable();
	ioapic_route(UART_PIN, VECTOR, 0);
	outb(UART_FCR, FCR_ENABLE);
	outb(UART_IER, IER_RECEIVE);
	report(1);
	while (received < 4)
		interrupt_wait();
	for (unsigned i = 0; i < received; i++)
		put(line[i]);
	return received;
}

#else
#include "tests/micro/micro.h"

#include <stdatomic.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/serial.h"

/* A terminal that keeps what it is sent, and takes no more than `chunk` bytes at a time. */
struct terminal {
	struct chardev_backend backend;
	struct micro micro;
	struct serial *serial;
	struct loop_timer timer; /* when it is slow, it is writable again a little later */
	size_t chunk;
	atomic_size_t count;
	uint8_t text[2 * FLOOD];
};

static size_t terminal_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct terminal *terminal = CONTAINER_OF(backend, struct terminal, backend);
	size_t count = atomic_load(&terminal->count);
	size_t taken = MIN(len, terminal->chunk);

	cr_assert(count + taken <= sizeof(terminal->text));
	memcpy(terminal->text + count, data, taken);
	atomic_store(&terminal->count, count + taken);
	return taken;
}

static void terminal_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static void terminal_later(struct loop_timer *timer)
{
	struct terminal *terminal = CONTAINER_OF(timer, struct terminal, timer);
	struct chardev_frontend *frontend = serial_frontend(terminal->serial);

	frontend->writable(frontend);
}

static struct terminal terminal; /* too large for a stack */

static void terminal_open(size_t chunk)
{
	struct error err;

	terminal.chunk = chunk;
	terminal.backend = (struct chardev_backend){terminal_output, terminal_readable};
	micro_create(&terminal.micro, 1);
	terminal.serial = serial_create(micro_irq_line(&terminal.micro, SERIAL_IRQ), &terminal.backend,
					&terminal.micro.loop, &err);
	cr_assert_not_null(terminal.serial, "%s", err.text);
	micro_port_device(&terminal.micro, SERIAL_PORT, SERIAL_SIZE, &serial_ops, terminal.serial);
	cr_assert_eq(loop_timer_init(&terminal.micro.loop, &terminal.timer, terminal_later), 0);
}

/* What is still in the device's ring comes out as the loop goes on. */
static void terminal_expect(const char *text, size_t count)
{
	while (atomic_load(&terminal.count) < count)
		loop_step(&terminal.micro.loop, -1);
	cr_assert_eq(terminal.count, count);
	cr_assert_eq(memcmp(terminal.text, text, count), 0);
}

static void terminal_close(void)
{
	loop_timer_close(&terminal.micro.loop, &terminal.timer);
	serial_destroy(terminal.serial);
	micro_destroy(&terminal.micro);
}

MICRO_TEST(serial, prints_a_string)
{
	terminal_open(SIZE_MAX);
	micro_expect(&terminal.micro, "prints", 0);
	terminal_expect("hello, world\n", 13);
	terminal_close();
}

MICRO_TEST(serial, flood_to_a_slow_terminal_loses_nothing)
{
	static char text[FLOOD];

	for (unsigned i = 0; i < FLOOD; i++)
		text[i] = (char)('a' + i % 26);
	terminal_open(1000);
	loop_timer_set(&terminal.timer, 1, 500 * 1000);
	micro_expect(&terminal.micro, "floods", 0);
	terminal_expect(text, FLOOD);
	terminal_close();
}

/* Input comes on the loop's thread. */
static void type_line(struct loop_timer *timer)
{
	struct chardev_frontend *frontend =
		serial_frontend(CONTAINER_OF(timer, struct terminal, timer)->serial);

	cr_assert_eq(frontend->input(frontend, (const uint8_t *)"ping", 4), 4);
}

static void *type_when_ready(void *unused)
{
	micro_wait_reports(&terminal.micro, 1);
	loop_timer_set(&terminal.timer, 1, 0);
	return unused;
}

MICRO_TEST(serial, input_interrupts_and_is_read)
{
	pthread_t thread;

	terminal_open(SIZE_MAX);
	terminal.timer.expired = type_line;
	thread = micro_thread(type_when_ready, NULL);
	micro_expect(&terminal.micro, "echoes", 4);
	pthread_join(thread, NULL);
	terminal_expect("ping", 4);
	terminal_close();
}
#endif
