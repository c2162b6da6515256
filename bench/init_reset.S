/* The shortest init: it resets the machine with its first and only system call. */
#include <asm/unistd_64.h>
#include <linux/reboot.h>

	.section .text, "ax"
	.globl	_start
_start:
	mov	$__NR_reboot, %eax
	mov	$LINUX_REBOOT_MAGIC1, %edi
	mov	$LINUX_REBOOT_MAGIC2, %esi
	mov	$LINUX_REBOOT_CMD_RESTART, %edx
	syscall
	ud2				/* the kernel refused: it panics */

	.section .note.GNU-stack, "", @progbits
