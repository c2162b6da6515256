/*
 * The shortest guest: it ends its machine with its first instructions. Machines differ in how a guest ends them, so it
 * tries one way after the other, and the first that is there is taken.
 *
 * It is entered in 32-bit mode by PVH and in 64-bit mode by the ELF entry point: the code is the same bytes in both.
 */
#include <xen/elfnote.h>

#define ACPI_SLEEP_PORT 0x600	/* rastos-vmm, cloud-hypervisor */
#define ACPI_SLEEP_S5   0x34	/* SLP_EN, and 5 in SLP_TYP: ACPI 6.5, 4.8.3.7 */
#define KEYBOARD_PORT   0x64	/* Firecracker */
#define KEYBOARD_RESET  0xfe
#define QEMU_EXIT_PORT  0xf4	/* QEMU: -device isa-debug-exit,iobase=0xf4 */
#define QEMU_EXIT_VALUE 0x10	/* its exit status is this * 2 + 1 */

	.section .text, "ax"
	.code32
	.globl	_start
_start:
	mov	$ACPI_SLEEP_PORT, %edx
	mov	$ACPI_SLEEP_S5, %al
	out	%al, %dx
	mov	$KEYBOARD_RESET, %al
	out	%al, $KEYBOARD_PORT
	mov	$QEMU_EXIT_VALUE, %al
	out	%al, $QEMU_EXIT_PORT
1:	hlt
	jmp	1b

	.section .note.Xen, "a", @note
	.align	4
	.long	4			/* the name's size */
	.long	4			/* the number's size */
	.long	XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	_start

	.section .note.GNU-stack, "", @progbits
