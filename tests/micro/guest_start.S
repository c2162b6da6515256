/*
 * Where a micro guest begins: 64-bit mode, a stack, the guest function's address in rsi (struct boot_entry's info). The
 * function's result goes to MICRO_PORT_END.
 */
#include "tests/micro/ports.h"

	.section .text.start, "ax"
	.globl	_start
_start:
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	*%rsi
	out	%eax, $MICRO_PORT_END
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
