#include <criterion/criterion.h>
#include <errno.h>

#include "devmodel/i8042.h"
#include "tests/unit/devmodel/fakes.h"

#define DATA    0
#define COMMAND 4

#define OBF     0x01
#define IBF     0x02
#define SYSTEM  0x04
#define LAST    0x08
#define UNLOCK  0x10
#define AUXDATA 0x20

#define CONFIG_INT     0x01
#define CONFIG_DISABLE 0x10
#define CONFIG_NO_AUX  0x20
#define CONFIG_XLATE   0x40

static struct fake_irq irq = FAKE_IRQ; /* each test is a process of its own */
static struct fake_machine machine = FAKE_MACHINE;
static struct i8042 *i8042;

static uint8_t status(void)
{
	return fake_in(&i8042_ops, i8042, COMMAND);
}

static uint8_t data(void)
{
	return fake_in(&i8042_ops, i8042, DATA);
}

static void command(uint8_t value)
{
	fake_out(&i8042_ops, i8042, COMMAND, value);
}

static void write_data(uint8_t value)
{
	fake_out(&i8042_ops, i8042, DATA, value);
}

static uint8_t config(void)
{
	command(0x20);
	return data();
}

static void set_config(uint8_t value)
{
	command(0x60);
	write_data(value);
}

/* Reads as Linux's handler does, a byte a pulse, and expects exactly these. */
static void expect_bytes(const uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(fake_irq_take(&irq), 1, "one pulse for byte %u", i);
		cr_assert_eq(status() & (OBF | AUXDATA), OBF);
		cr_assert_eq(data(), bytes[i], "byte %u", i);
	}
	cr_assert_eq(fake_irq_take(&irq), 0);
	cr_assert_eq(status() & OBF, 0);
}

#define EXPECT(...) expect_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void i8042_setup(void)
{
	i8042 = i8042_create(&irq.line, &machine.events, NULL);
	cr_assert(i8042);
}

static void i8042_teardown(void)
{
	i8042_destroy(i8042);
}

TestSuite(i8042, .init = i8042_setup, .fini = i8042_teardown);

Test(i8042, starts_as_firmware_leaves_it)
{
	cr_assert_eq(status(), SYSTEM | UNLOCK);
	cr_assert_eq(config(), CONFIG_INT | SYSTEM | CONFIG_NO_AUX | CONFIG_XLATE);
}

Test(i8042, passes_linux_probe)
{
	cr_assert_eq(status() & OBF, 0, "nothing to flush");
	command(0xaa);
	cr_assert_eq(status(), OBF | SYSTEM | LAST | UNLOCK);
	cr_assert_eq(data(), 0x55);
	set_config((uint8_t)((config() | CONFIG_DISABLE) & ~CONFIG_INT));
	cr_assert_eq(config(), CONFIG_DISABLE | CONFIG_NO_AUX | CONFIG_XLATE | SYSTEM);
	command(0xab);
	cr_assert_eq(data(), 0, "the keyboard's port works");
	command(0xae);
	cr_assert_eq(config() & CONFIG_DISABLE, 0);
	command(0xad);
	cr_assert_eq(config() & CONFIG_DISABLE, CONFIG_DISABLE);
	cr_assert_eq(status() & (IBF | AUXDATA), 0);
}

Test(i8042, there_is_no_mouse)
{
	command(0xd3);
	write_data(0x5a);
	cr_assert_eq(status() & (OBF | AUXDATA), OBF, "the loop's answer is not from the mouse");
	command(0xa9);
	cr_assert_eq(data(), 0x01, "the test's answer takes the place of the one nobody read");
	cr_assert_eq(status() & OBF, 0);
	command(0xa8);
	cr_assert(config() & CONFIG_NO_AUX);
	set_config(0);
	cr_assert_eq(config(), CONFIG_NO_AUX);
	command(0xd4);
	write_data(0xf4);
	cr_assert_eq(status() & OBF, 0, "bytes for the mouse do not reach the keyboard");
}

Test(i8042, keyboard_probe_as_atkbd_does_it)
{
	write_data(0xff);
	EXPECT(0xfa, 0xaa);
	write_data(0xf2);
	EXPECT(0xfa, 0xab, 0x41);
	write_data(0xf5);
	EXPECT(0xfa);
	write_data(0xed);
	EXPECT(0xfa);
	write_data(0x02);
	EXPECT(0xfa);
	write_data(0xf3);
	EXPECT(0xfa);
	write_data(0x00);
	EXPECT(0xfa);
	write_data(0xf4);
	EXPECT(0xfa);
	write_data(0xf6);
	EXPECT(0xfa);
}

Test(i8042, answers_are_untranslated_when_told)
{
	set_config(CONFIG_INT);
	write_data(0xf2);
	EXPECT(0xfa, 0xab, 0x83);
	write_data(0xf0);
	EXPECT(0xfa);
	write_data(0x00);
	EXPECT(0xfa, 0x02);
	write_data(0xf0);
	EXPECT(0xfa);
	write_data(0x02);
	EXPECT(0xfa);
	write_data(0xf0);
	EXPECT(0xfa);
	write_data(0x03);
	EXPECT(0xfe);
}

Test(i8042, a_command_in_place_of_a_parameter_is_a_command)
{
	write_data(0xed);
	EXPECT(0xfa);
	write_data(0xee);
	EXPECT(0xee);
	write_data(0x02);
	EXPECT(0xfe);
}

Test(i8042, resend_repeats_the_last_byte)
{
	write_data(0xff);
	EXPECT(0xfa, 0xaa);
	write_data(0xfe);
	EXPECT(0xaa);
	write_data(0x99);
	EXPECT(0xfe);
}

Test(i8042, ctrl_alt_del_in_set_1)
{
	write_data(0xf4);
	EXPECT(0xfa);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), 0);
	EXPECT(0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d);
}

Test(i8042, ctrl_alt_del_in_set_2)
{
	set_config(CONFIG_INT);
	write_data(0xf4);
	EXPECT(0xfa);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), 0);
	EXPECT(0x14, 0x11, 0xe0, 0x71, 0xe0, 0xf0, 0x71, 0xf0, 0x11, 0xf0, 0x14);
}

Test(i8042, ctrl_alt_del_needs_a_driver)
{
	cr_assert_eq(i8042_ctrl_alt_del(i8042), -EBUSY, "at power-on");
	write_data(0xf4);
	EXPECT(0xfa);
	set_config(CONFIG_INT | CONFIG_DISABLE);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), -EBUSY, "the channel is off");
	set_config(0);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), -EBUSY, "nobody would be told");
	set_config(CONFIG_INT);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), 0);
	while (status() & OBF)
		data();
	write_data(0xf5);
	cr_assert_eq(i8042_ctrl_alt_del(i8042), -EBUSY, "after the driver went");
}

Test(i8042, ctrl_alt_del_that_nobody_reads_is_refused_in_the_end)
{
	unsigned pressed = 0;

	write_data(0xf4);
	while (pressed < 100 && i8042_ctrl_alt_del(i8042) == 0)
		pressed++;
	cr_assert(pressed >= 1 && pressed < 100);
	while (status() & OBF)
		data();
	cr_assert_eq(i8042_ctrl_alt_del(i8042), 0);
}

Test(i8042, what_the_keyboard_says_waits_while_its_channel_is_off)
{
	set_config(CONFIG_INT | CONFIG_DISABLE);
	write_data(0xee);
	cr_assert_eq(status() & OBF, 0);
	cr_assert_eq(fake_irq_take(&irq), 0);
	command(0xae);
	EXPECT(0xee);
}

Test(i8042, enabling_the_interrupt_announces_what_waits)
{
	set_config(0);
	write_data(0xee);
	cr_assert_eq(status() & OBF, OBF);
	cr_assert_eq(fake_irq_take(&irq), 0);
	set_config(CONFIG_INT);
	EXPECT(0xee);
}

Test(i8042, a_reply_goes_before_the_keyboard_and_loses_none_of_it)
{
	write_data(0xee);
	fake_irq_take(&irq);
	command(0x20);
	cr_assert_eq(data(), CONFIG_INT | SYSTEM | CONFIG_NO_AUX | CONFIG_XLATE);
	fake_irq_take(&irq);
	cr_assert_eq(data(), 0xee);
	cr_assert_eq(data(), 0xee, "an empty buffer shows its last byte");
}

Test(i8042, loop_and_output_port)
{
	command(0xd2);
	write_data(0x1e);
	EXPECT(0x1e);
	command(0xd0);
	EXPECT(0x03);
	command(0xc0);
	EXPECT(0x80);
	command(0x65);
	write_data(0x42);
	command(0x25);
	EXPECT(0x42);
}

Test(i8042, pulsing_the_reset_line_resets)
{
	command(0xff);
	command(0xfd);
	cr_assert_eq(machine.resets, 0);
	command(0xfe);
	cr_assert_eq(machine.resets, 1);
	cr_assert_str_eq(machine.reset_by, "i8042");
	command(0xf0);
	cr_assert_eq(machine.resets, 2);
}

Test(i8042, output_port_bit_0_low_resets)
{
	command(0xd1);
	write_data(0xdf);
	cr_assert_eq(machine.resets, 0);
	command(0xd1);
	write_data(0xde);
	cr_assert_eq(machine.resets, 1);
	write_data(0xfe);
	cr_assert_eq(machine.resets, 1, "a byte for the keyboard is not a command");
}

Test(i8042, flooding_the_keyboard_loses_answers_only)
{
	for (unsigned i = 0; i < 1000; i++)
		write_data(0xf2);
	for (unsigned i = 0; i < 1000 && (status() & OBF); i++)
		data();
	cr_assert_eq(status() & OBF, 0);
	write_data(0xee);
	cr_assert_eq(data(), 0xee);
}

Test(i8042, other_widths_and_ports_are_ignored)
{
	uint8_t wide[2] = {0xfe, 0xfe};
	uint8_t found[2] = {0xff, 0xff};

	i8042_ops.write(i8042, COMMAND, wide, 2);
	i8042_ops.write(i8042, COMMAND, wide, 0);
	i8042_ops.read(i8042, COMMAND, found, 2);
	cr_assert_eq(found[0] & found[1], 0xff);
	for (unsigned offset = 1; offset < COMMAND; offset++) {
		fake_out(&i8042_ops, i8042, offset, 0xfe);
		cr_assert_eq(fake_in(&i8042_ops, i8042, offset), 0xff);
	}
	cr_assert_eq(machine.resets, 0);
	cr_assert_eq(status() & OBF, 0);
}

Test(i8042, destroying_nothing_is_allowed)
{
	i8042_destroy(NULL);
}
