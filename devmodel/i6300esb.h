/*
 * The watchdog timer of Intel's 6300ESB I/O controller hub (datasheet 300641, chapter 13), one PCI function.
 * Linux (drivers/watchdog/i6300esb.c) and other systems have its driver.
 *
 *      guest reloads in time:  stage 1 --timer 1--> stage 2 --reload--> stage 1 ...
 *      guest hangs:            stage 1 --timer 1--> stage 2 --timer 2--> expired: the host acts
 *
 * Configuration space:
 *
 *      0x60  2  WDT configuration: bit 5 no output when expired, bit 2 counts at 1 MHz instead of 1 kHz,
 *               bits 1-0 interrupt after stage 1
 *      0x68  1  WDT lock: bit 1 counts, bit 0 locks this register until the machine's reset
 *
 * BAR 0, 16 bytes; a write is taken only right after 0x80, then 0x86 were written to the reload register:
 *
 *      0x00  4  timer 1, 20 bits    0x08  4  interrupt status: bit 0 stage 1 is over (writing 1 clears it)
 *      0x04  4  timer 2, 20 bits    0x0c  2  reload: bit 8 starts stage 1 anew, bit 9 expired (1 clears it)
 *
 * Not there: the interrupt itself (bits 1-0 are memory), and the free-running mode (lock bit 2 reads 0).
 * Bit 9 of the reload register does not survive the machine's reset.
 *
 * Registers are touched on vCPU threads, time passes on the loop's thread; i6300esb_hold: any thread.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/pci.h"

#define I6300ESB_CONFIG 0x60
#define I6300ESB_LOCK   0x68

#define I6300ESB_TIMER_1 0x00
#define I6300ESB_TIMER_2 0x04
#define I6300ESB_STATUS  0x08
#define I6300ESB_RELOAD  0x0c
#define I6300ESB_SIZE    0x10

#define I6300ESB_CONFIG_NO_OUTPUT 0x20
#define I6300ESB_CONFIG_FAST      0x04
#define I6300ESB_CONFIG_INTERRUPT 0x03
#define I6300ESB_LOCK_ENABLE      0x02
#define I6300ESB_LOCK_LOCKED      0x01
#define I6300ESB_RELOAD_RELOAD    0x100
#define I6300ESB_RELOAD_EXPIRED   0x200
#define I6300ESB_UNLOCK_1         0x80
#define I6300ESB_UNLOCK_2         0x86

struct i6300esb;

struct i6300esb_host {
	/* The guest let it expire. Loop thread. */
	void (*expired)(struct i6300esb_host *host);
};

/* The function is put on a bus by the caller, and off it before i6300esb_destroy. NULL: err says why. */
struct i6300esb *i6300esb_create(struct loop *loop, struct i6300esb_host *host, struct error *err);
struct pci_function *i6300esb_function(struct i6300esb *watchdog);
/* Its time stands still while it is held: the guest is paused. Twice is once. */
void i6300esb_hold(struct i6300esb *watchdog, bool held);
void i6300esb_destroy(struct i6300esb *watchdog); /* NULL is allowed */
