#include "hypervisor/x86_64/msr.h"

/* Intel SDM volume 4, table 2-2 */
#define MSR_MISC_ENABLE                  0x1a0
#define MSR_MISC_ENABLE_FAST_STRING      (1ULL << 0) /* without it Linux gives up rep movsb (ERMS) */
#define MSR_MISC_ENABLE_BTS_UNAVAILABLE  (1ULL << 11)
#define MSR_MISC_ENABLE_PEBS_UNAVAILABLE (1ULL << 12)

/* Intel SDM volume 3A, 12.11.2.1: all memory is write-back, with no variable ranges to read */
#define MSR_MTRR_DEF_TYPE            0x2ff
#define MSR_MTRR_DEF_TYPE_ENABLE     (1ULL << 11)
#define MSR_MTRR_DEF_TYPE_WRITE_BACK 6ULL

const struct kvm_msr_entry msr_reset[MSR_RESET_COUNT] = {
	{
		.index = MSR_MISC_ENABLE,
		.data = MSR_MISC_ENABLE_FAST_STRING | MSR_MISC_ENABLE_BTS_UNAVAILABLE |
			MSR_MISC_ENABLE_PEBS_UNAVAILABLE,
	},
	{
		.index = MSR_MTRR_DEF_TYPE,
		.data = MSR_MTRR_DEF_TYPE_ENABLE | MSR_MTRR_DEF_TYPE_WRITE_BACK,
	},
};

