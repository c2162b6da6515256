#include "devmodel/i8042.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/util.h"

/* Offsets from I8042_PORT. */
#define PORT_DATA    0
#define PORT_COMMAND 4 /* read: status */

#define STATUS_OUTPUT_FULL 0x01
#define STATUS_COMMAND     0x08 /* the last write was to the command port */
#define STATUS_UNLOCKED    0x10 /* the case's key is not turned */

/* Commands to the controller. */
#define CMD_READ_RAM          0x20 /* to 0x3f; byte 0 is the configuration */
#define CMD_WRITE_RAM         0x60 /* to 0x7f */
#define CMD_AUX_TEST          0xa9
#define CMD_SELF_TEST         0xaa
#define CMD_KEYBOARD_TEST     0xab
#define CMD_KEYBOARD_DISABLE  0xad
#define CMD_KEYBOARD_ENABLE   0xae
#define CMD_READ_INPUT_PORT   0xc0
#define CMD_READ_OUTPUT_PORT  0xd0
#define CMD_WRITE_OUTPUT_PORT 0xd1
#define CMD_LOOP_KEYBOARD     0xd2 /* the parameter comes back as if it had been typed */
#define CMD_LOOP_AUX          0xd3 /* the parameter comes back as if from the mouse */
#define CMD_WRITE_AUX         0xd4
#define CMD_PULSE_OUTPUT      0xf0 /* to 0xff: pulses those of the output port's lines 0-3 whose bit is 0 */

#define SELF_TEST_PASSED     0x55
#define KEYBOARD_TEST_PASSED 0x00
#define AUX_TEST_CLOCK_STUCK 0x01 /* nothing is plugged in */
#define INPUT_PORT_UNLOCKED  0x80
#define OUTPUT_PORT_RUN      0x01 /* low: the CPU is in reset */
#define OUTPUT_PORT_A20      0x02

/* Configuration byte. */
#define CONFIG_INTERRUPT  0x01
#define CONFIG_TESTED     0x04 /* is a bit of the status, too */
#define CONFIG_DISABLED   0x10
#define CONFIG_NO_AUX     0x20 /* cannot be cleared: that tells a controller with one channel */
#define CONFIG_TRANSLATED 0x40 /* scan code set 2 becomes set 1 */
#define CONFIG_FROM_BIOS  (CONFIG_INTERRUPT | CONFIG_TESTED | CONFIG_NO_AUX | CONFIG_TRANSLATED)

#define RAM_SIZE 32

/* Commands to the keyboard, and what it answers. */
#define KEYBOARD_SET_LEDS     0xed
#define KEYBOARD_ECHO         0xee
#define KEYBOARD_SCAN_SET     0xf0
#define KEYBOARD_IDENTIFY     0xf2
#define KEYBOARD_SET_REPEAT   0xf3
#define KEYBOARD_ENABLE       0xf4
#define KEYBOARD_DISABLE      0xf5
#define KEYBOARD_SET_DEFAULTS 0xf6
#define KEYBOARD_RESEND       0xfe
#define KEYBOARD_RESET        0xff
#define KEYBOARD_COMMANDS     0x80 /* from here on a byte cannot be a parameter */

#define ANSWER_ACK      0xfa
#define ANSWER_RESEND   0xfe
#define ANSWER_TESTED   0xaa
#define ANSWER_ID       0xab
#define ANSWER_ID_MF2   0x83
#define ANSWER_SCAN_SET 0x02

/* Scan codes, set 2 as the keyboard sends them, set 1 as the controller translates them. */
#define KEY_LEFT_CTRL  0x14
#define KEY_LEFT_ALT   0x11
#define KEY_DELETE     0x71 /* after KEY_EXTENDED; without it, the same key of the number block */
#define KEY_EXTENDED   0xe0
#define KEY_RELEASED   0xf0
#define SET1_LEFT_CTRL 0x1d
#define SET1_LEFT_ALT  0x38
#define SET1_DELETE    0x53
#define SET1_ID_MF2    0x41 /* the translation does not know answers from keys */
#define SET1_SCAN_SET  0x41
#define SET1_RELEASED  0x80 /* a bit of the code, where set 2 has a prefix */

#define QUEUE_SIZE 32

struct keyboard {
	bool scanning;   /* keys are sent; false until the driver says so, so that we know there is one */
	uint8_t command; /* that waits for its parameter, or 0 */
	uint8_t last;    /* what it sent last */
	unsigned first;
	unsigned count;
	uint8_t queue[QUEUE_SIZE];
};

struct i8042 {
	pthread_mutex_t lock;
	struct irq_line *irq;
	struct machine_events *events;
	uint8_t ram[RAM_SIZE]; /* [0]: the configuration byte */
	uint8_t command;       /* that waits for its parameter, or 0 */
	bool command_last;     /* the last write was to the command port */
	bool replied;          /* reply waits; it goes before what the keyboard sends */
	bool announced;        /* the byte that can be read has raised its interrupt */
	uint8_t reply;
	uint8_t data; /* what the data port showed last */
	struct keyboard keyboard;
};

static void keyboard_send(struct keyboard *keyboard, const uint8_t *bytes, unsigned count)
{
	if (count > QUEUE_SIZE - keyboard->count)
		return; /* a driver that does not read loses answers */
	for (unsigned i = 0; i < count; i++)
		keyboard->queue[(keyboard->first + keyboard->count++) % QUEUE_SIZE] = bytes[i];
}

#define KEYBOARD_SEND(keyboard, ...)                                                                         \
	keyboard_send(keyboard, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint8_t keyboard_take(struct keyboard *keyboard)
{
	keyboard->last = keyboard->queue[keyboard->first];
	keyboard->first = (keyboard->first + 1) % QUEUE_SIZE;
	keyboard->count--;
	return keyboard->last;
}

static void keyboard_stop(struct keyboard *keyboard)
{
	keyboard->scanning = false;
	keyboard->count = 0;
}

static void keyboard_parameter(struct keyboard *keyboard, uint8_t command, uint8_t value)
{
	if (command != KEYBOARD_SCAN_SET || value == ANSWER_SCAN_SET)
		KEYBOARD_SEND(keyboard, ANSWER_ACK); /* there are no lamps, and no key is ever held down */
	else if (value == 0)
		KEYBOARD_SEND(keyboard, ANSWER_ACK, ANSWER_SCAN_SET);
	else
		KEYBOARD_SEND(keyboard, ANSWER_RESEND);
}

static void keyboard_command(struct keyboard *keyboard, uint8_t command)
{
	switch (command) {
	case KEYBOARD_SET_LEDS:
	case KEYBOARD_SCAN_SET:
	case KEYBOARD_SET_REPEAT:
		keyboard->command = command;
		KEYBOARD_SEND(keyboard, ANSWER_ACK);
		break;
	case KEYBOARD_ECHO:
		KEYBOARD_SEND(keyboard, KEYBOARD_ECHO);
		break;
	case KEYBOARD_IDENTIFY:
		KEYBOARD_SEND(keyboard, ANSWER_ACK, ANSWER_ID, ANSWER_ID_MF2);
		break;
	case KEYBOARD_ENABLE:
		keyboard->count = 0;
		keyboard->scanning = true;
		KEYBOARD_SEND(keyboard, ANSWER_ACK);
		break;
	case KEYBOARD_DISABLE:
		keyboard_stop(keyboard);
		KEYBOARD_SEND(keyboard, ANSWER_ACK);
		break;
	case KEYBOARD_SET_DEFAULTS:
		KEYBOARD_SEND(keyboard, ANSWER_ACK);
		break;
	case KEYBOARD_RESEND:
		KEYBOARD_SEND(keyboard, keyboard->last);
		break;
	case KEYBOARD_RESET:
		keyboard_stop(keyboard);
		KEYBOARD_SEND(keyboard, ANSWER_ACK, ANSWER_TESTED);
		break;
	default:
		KEYBOARD_SEND(keyboard, ANSWER_RESEND);
		break;
	}
}

static void keyboard_write(struct keyboard *keyboard, uint8_t value)
{
	uint8_t command = keyboard->command;

	keyboard->command = 0;
	if (command && value < KEYBOARD_COMMANDS)
		keyboard_parameter(keyboard, command, value);
	else
		keyboard_command(keyboard, value);
}

/* Set 2 to set 1, for all that this keyboard sends; bytes from 0x84 on are the same in both. */
static uint8_t scancode_translate(uint8_t code)
{
	switch (code) {
	case KEY_LEFT_CTRL:
		return SET1_LEFT_CTRL;
	case KEY_LEFT_ALT:
		return SET1_LEFT_ALT;
	case KEY_DELETE:
		return SET1_DELETE;
	case ANSWER_SCAN_SET:
		return SET1_SCAN_SET;
	case ANSWER_ID_MF2:
		return SET1_ID_MF2;
	default:
		return code;
	}
}

static bool config_has(const struct i8042 *i8042, uint8_t bits)
{
	return i8042->ram[0] & bits;
}

static bool output_full(const struct i8042 *i8042)
{
	return i8042->replied || (i8042->keyboard.count && !config_has(i8042, CONFIG_DISABLED));
}

/* One pulse for each byte that comes into the guest's reach while interrupts are on. */
static void output_announce(struct i8042 *i8042)
{
	if (!output_full(i8042) || !config_has(i8042, CONFIG_INTERRUPT)) {
		i8042->announced = false;
	} else if (!i8042->announced) {
		i8042->announced = true;
		irq_raise(i8042->irq);
	}
}

static uint8_t keyboard_receive(struct i8042 *i8042)
{
	struct keyboard *keyboard = &i8042->keyboard;
	uint8_t code = keyboard_take(keyboard);

	if (!config_has(i8042, CONFIG_TRANSLATED))
		return code;
	if (code == KEY_RELEASED && keyboard->count)
		return scancode_translate(keyboard_take(keyboard)) | SET1_RELEASED;
	return scancode_translate(code);
}

/* An empty output buffer shows what it held last. */
static uint8_t data_read(struct i8042 *i8042)
{
	if (i8042->replied)
		i8042->data = i8042->reply;
	else if (output_full(i8042))
		i8042->data = keyboard_receive(i8042);
	i8042->replied = false;
	i8042->announced = false;
	return i8042->data;
}

static uint8_t status_read(const struct i8042 *i8042)
{
	uint8_t status = STATUS_UNLOCKED | (i8042->ram[0] & CONFIG_TESTED);

	if (i8042->command_last)
		status |= STATUS_COMMAND;
	if (output_full(i8042))
		status |= STATUS_OUTPUT_FULL;
	return status;
}

/* There is one output buffer: a reply that nobody read is overwritten. */
static void controller_reply(struct i8042 *i8042, uint8_t value)
{
	i8042->reply = value;
	i8042->replied = true;
	i8042->announced = false;
}

static void config_write(struct i8042 *i8042, uint8_t value)
{
	i8042->ram[0] = value | CONFIG_NO_AUX;
}

/* Both return true when the guest asked for a reset. */
static bool command_parameter(struct i8042 *i8042, uint8_t value)
{
	uint8_t command = i8042->command;

	i8042->command = 0;
	if (command == CMD_WRITE_RAM)
		config_write(i8042, value);
	else if (command > CMD_WRITE_RAM && command < CMD_WRITE_RAM + RAM_SIZE)
		i8042->ram[command - CMD_WRITE_RAM] = value;
	else if (command == CMD_LOOP_KEYBOARD || command == CMD_LOOP_AUX)
		controller_reply(i8042,
				 value); /* and never with the mouse's bit: drivers see there is none */
	return command == CMD_WRITE_OUTPUT_PORT && !(value & OUTPUT_PORT_RUN);
}

static bool command_write(struct i8042 *i8042, uint8_t command)
{
	i8042->command = 0;
	switch (command) {
	case CMD_READ_RAM ... CMD_READ_RAM + RAM_SIZE - 1:
		controller_reply(i8042, i8042->ram[command - CMD_READ_RAM]);
		break;
	case CMD_WRITE_RAM ... CMD_WRITE_RAM + RAM_SIZE - 1:
	case CMD_WRITE_OUTPUT_PORT:
	case CMD_LOOP_KEYBOARD:
	case CMD_LOOP_AUX:
	case CMD_WRITE_AUX:
		i8042->command = command;
		break;
	case CMD_AUX_TEST:
		controller_reply(i8042, AUX_TEST_CLOCK_STUCK);
		break;
	case CMD_SELF_TEST:
		i8042->ram[0] |= CONFIG_TESTED;
		controller_reply(i8042, SELF_TEST_PASSED);
		break;
	case CMD_KEYBOARD_TEST:
		controller_reply(i8042, KEYBOARD_TEST_PASSED);
		break;
	case CMD_KEYBOARD_DISABLE:
		i8042->ram[0] |= CONFIG_DISABLED;
		break;
	case CMD_KEYBOARD_ENABLE:
		i8042->ram[0] &= (uint8_t)~CONFIG_DISABLED;
		break;
	case CMD_READ_INPUT_PORT:
		controller_reply(i8042, INPUT_PORT_UNLOCKED);
		break;
	case CMD_READ_OUTPUT_PORT:
		controller_reply(i8042, OUTPUT_PORT_RUN | OUTPUT_PORT_A20);
		break;
	case CMD_PULSE_OUTPUT ... CMD_PULSE_OUTPUT + 0x0f:
		return !(command & OUTPUT_PORT_RUN);
	default: /* the mouse's channel cannot be turned on or off, the rest is no command */
		break;
	}
	return false;
}

static bool data_write(struct i8042 *i8042, uint8_t value)
{
	if (i8042->command)
		return command_parameter(i8042, value);
	keyboard_write(&i8042->keyboard, value);
	return false;
}

static void i8042_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct i8042 *i8042 = device;

	if (len != 1)
		return;
	pthread_mutex_lock(&i8042->lock);
	if (offset == PORT_DATA)
		*data = data_read(i8042);
	else if (offset == PORT_COMMAND)
		*data = status_read(i8042);
	output_announce(i8042);
	pthread_mutex_unlock(&i8042->lock);
}

static void i8042_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct i8042 *i8042 = device;
	bool reset;

	if (len != 1 || (offset != PORT_DATA && offset != PORT_COMMAND))
		return;
	pthread_mutex_lock(&i8042->lock);
	i8042->command_last = offset == PORT_COMMAND;
	reset = i8042->command_last ? command_write(i8042, *data) : data_write(i8042, *data);
	output_announce(i8042);
	pthread_mutex_unlock(&i8042->lock);
	if (reset)
		i8042->events->reset(i8042->events, "i8042");
}

const struct bus_ops i8042_ops = {.read = i8042_read, .write = i8042_write};

struct i8042 *i8042_create(struct irq_line *irq, struct machine_events *events, struct error *err)
{
	struct i8042 *i8042 = calloc(1, sizeof(*i8042));

	if (!i8042) {
		error_set(err, -ENOMEM, "keyboard controller: cannot create: %m");
		return NULL;
	}
	pthread_mutex_init(&i8042->lock, NULL);
	i8042->irq = irq;
	i8042->events = events;
	i8042->ram[0] = CONFIG_FROM_BIOS;
	return i8042;
}

int i8042_ctrl_alt_del(struct i8042 *i8042)
{
	static const uint8_t keys[] = {
		KEY_LEFT_CTRL, KEY_LEFT_ALT, KEY_EXTENDED,  KEY_DELETE, /* down */
		KEY_EXTENDED,  KEY_RELEASED, KEY_DELETE,    KEY_RELEASED,
		KEY_LEFT_ALT,  KEY_RELEASED, KEY_LEFT_CTRL,
	};
	struct keyboard *keyboard = &i8042->keyboard;
	int code = -EBUSY;

	pthread_mutex_lock(&i8042->lock);
	if (keyboard->scanning && config_has(i8042, CONFIG_INTERRUPT) &&
	    !config_has(i8042, CONFIG_DISABLED) && QUEUE_SIZE - keyboard->count >= ARRAY_SIZE(keys)) {
		keyboard_send(keyboard, keys, ARRAY_SIZE(keys));
		output_announce(i8042);
		code = 0;
	}
	pthread_mutex_unlock(&i8042->lock);
	return code;
}

void i8042_destroy(struct i8042 *i8042)
{
	if (!i8042)
		return;
	pthread_mutex_destroy(&i8042->lock);
	free(i8042);
}
