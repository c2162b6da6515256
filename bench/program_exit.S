/* The shortest program: it ends. What a jailer costs is what it takes more to start it. */
#include <asm/unistd_64.h>

	.section .text, "ax"
	.globl	_start
_start:
	mov	$__NR_exit_group, %eax
	xor	%edi, %edi
	syscall

	.section .note.GNU-stack, "", @progbits
