#include "hypervisor/x86_64/reset_vector.h"

#include "hypervisor/x86_64/layout.h"

int reset_vector_write(const struct guest_memory *memory, uint16_t port, uint8_t value)
{
	const uint8_t code[] = {
		0xba, (uint8_t)port, (uint8_t)(port >> 8), /* mov dx, port */
		0xb0, value,                               /* mov al, value */
		0xee,                                      /* out dx, al */
		0xf4,                                      /* hlt */
		0xeb, 0xfd,                                /* jmp back to the hlt */
	};

	return guest_memory_write(memory, LAYOUT_RESET_VECTOR, code, sizeof(code));
}
