/*
 * A guest that does nothing and stays: with interrupts off it sleeps for good.
 *
 * It is entered in 32-bit mode by PVH and in 64-bit mode by the ELF entry point: the code is the same bytes in both.
 */
#include <xen/elfnote.h>

	.section .text, "ax"
	.code32
	.globl	_start
_start:
	cli
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
