/*
 * Where another CPU of a micro guest begins, copied to TRAMPOLINE: real mode, cs:ip = TRAMPOLINE >> 4 : 0. It goes
 * straight to long mode with the boot CPU's page tables (LAYOUT_PAGE_TABLES) and GDT (LAYOUT_GDT), then to ap_main.
 */
#define TRAMPOLINE  0x8000
#define STACK       0x300000
#define PAGE_TABLES 0x9000
#define GDT         0x500
#define GDT_LIMIT   0x2f
#define CODE        0x10
#define DATA        0x18
#define CR0_PE_PG   0x80000001
#define CR4_PAE     0x20
#define MSR_EFER    0xc0000080
#define EFER_LME    0x100

	.section .text
	.globl	trampoline_begin, trampoline_end
	.weak	ap_main /* only a guest with other CPUs has one */
	.code16
trampoline_begin:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	gdt_pointer - trampoline_begin
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$PAGE_TABLES, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	mov	$EFER_LME, %eax
	xor	%edx, %edx
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PE_PG, %eax
	mov	%eax, %cr0
	ljmpl	$CODE, $(TRAMPOLINE + long_mode - trampoline_begin)

	.code64
long_mode:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$STACK, %esp
	mov	$ap_main, %eax
	call	*%rax
1:	hlt
	jmp	1b

gdt_pointer:
	.word	GDT_LIMIT
	.long	GDT
trampoline_end:

	.section .note.GNU-stack, "", @progbits
