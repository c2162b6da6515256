/*
 * The fixed ACPI tables as they lie in memory (ACPI 6.5, 5.2); all fields little endian, nothing aligned.
 */
#pragma once

#include <stdint.h>

#define ACPI_RSDP_REVISION 2
#define ACPI_XSDT_REVISION 1
#define ACPI_FADT_REVISION 6
#define ACPI_FADT_MINOR    5
#define ACPI_MADT_REVISION 6
#define ACPI_MCFG_REVISION 1
#define ACPI_SRAT_REVISION 3
#define ACPI_DSDT_REVISION 2 /* 2 and up: integers are 64 bits wide */

/* 5.2.5.3 root system description pointer */
struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first ACPI_RSDP_V1_SIZE bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum; /* of all bytes */
	uint8_t reserved[3];
} __attribute__((packed));

#define ACPI_RSDP_V1_SIZE 20

/* 5.2.6 system description table header */
struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

/* 5.2.3.2 generic address structure */
struct acpi_address {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));

#define ACPI_SPACE_PORT  1
#define ACPI_ACCESS_BYTE 1

/* 5.2.8 extended system description table, with what we have: FADT, MADT and perhaps MCFG and SRAT */
#define ACPI_XSDT_TABLES_MAX 4

struct acpi_xsdt {
	struct acpi_header header;
	uint64_t tables[ACPI_XSDT_TABLES_MAX];
} __attribute__((packed));

/* 5.2.9 fixed ACPI description table; what hardware-reduced ACPI ignores has no names here */
/* Offsets in the FADT. */
#define ACPI_FADT_FIXED_HARDWARE 44
#define ACPI_FADT_CENTURY        108

struct acpi_fadt {
	struct acpi_header header;
	uint32_t firmware_control;
	uint32_t dsdt;
	uint8_t fixed_hardware_1[65]; /* offset ACPI_FADT_FIXED_HARDWARE: model to century */
	uint16_t boot_architecture;   /* offset 109 */
	uint8_t reserved;
	uint32_t flags; /* offset 112 */
	struct acpi_address reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_architecture;
	uint8_t minor_version;
	uint64_t x_firmware_control;
	uint64_t x_dsdt;              /* offset 140 */
	uint8_t fixed_hardware_2[96]; /* offset 148: event, control, timer and GPE blocks */
	struct acpi_address sleep_control;
	struct acpi_address sleep_status;
	char hypervisor_vendor[8];
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_fadt) == 276, "5.2.9: FADT length");

/* 5.2.9.3 IA-PC boot architecture flags */
#define ACPI_BOOT_8042        (1 << 1)
#define ACPI_BOOT_NO_VGA      (1 << 2)
#define ACPI_BOOT_NO_CMOS_RTC (1 << 5)

/* 5.2.9 fixed feature flags */
#define ACPI_FADT_WBINVD         (1 << 0)
#define ACPI_FADT_PROC_C1        (1 << 2)
#define ACPI_FADT_PWR_BUTTON     (1 << 4) /* no fixed power button: it is in the DSDT */
#define ACPI_FADT_SLP_BUTTON     (1 << 5) /* no fixed sleep button */
#define ACPI_FADT_FIX_RTC        (1 << 6) /* no fixed RTC wake status */
#define ACPI_FADT_RESET_REGISTER (1 << 10)
#define ACPI_FADT_HW_REDUCED     (1 << 20)

/* 5.2.12 multiple APIC description table; its entries follow */
struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic;
	uint32_t flags;
} __attribute__((packed));

#define ACPI_MADT_PCAT_COMPAT 1 /* KVM's in-kernel irqchip has the two 8259s */

enum acpi_madt_type {
	ACPI_MADT_LOCAL_APIC = 0,
	ACPI_MADT_IO_APIC = 1,
	ACPI_MADT_LOCAL_APIC_NMI = 4,
	ACPI_MADT_LOCAL_X2APIC = 9,
	ACPI_MADT_LOCAL_X2APIC_NMI = 10,
};

#define ACPI_MADT_ENABLED              1
#define ACPI_MADT_ONLINE_CAPABLE       2 /* not there yet, and may come */
#define ACPI_MADT_LOCAL_APIC_MAX       254 /* higher ids, and 255 which is all of them, need an x2APIC entry */
#define ACPI_MADT_ALL_PROCESSORS       0xff
#define ACPI_MADT_ALL_X2APIC_UIDS      0xffffffff
#define ACPI_MADT_LINT_NMI             1
#define ACPI_MADT_NMI_EDGE_ACTIVE_HIGH 0x5

struct acpi_madt_local_apic { /* 5.2.12.2 */
	uint8_t type;
	uint8_t length;
	uint8_t uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

struct acpi_madt_io_apic { /* 5.2.12.3 */
	uint8_t type;
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	uint32_t address;
	uint32_t gsi_base;
} __attribute__((packed));

struct acpi_madt_local_apic_nmi { /* 5.2.12.7 */
	uint8_t type;
	uint8_t length;
	uint8_t uid;
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

struct acpi_madt_local_x2apic { /* 5.2.12.12 */
	uint8_t type;
	uint8_t length;
	uint16_t reserved;
	uint32_t x2apic_id;
	uint32_t flags;
	uint32_t uid;
} __attribute__((packed));

struct acpi_madt_local_x2apic_nmi { /* 5.2.12.13 */
	uint8_t type;
	uint8_t length;
	uint16_t flags;
	uint32_t uid;
	uint8_t lint;
	uint8_t reserved[3];
} __attribute__((packed));

/* PCI Firmware Specification 3.3, 4.1.2: memory-mapped configuration space, one segment of it */
struct acpi_mcfg {
	struct acpi_header header;
	uint64_t reserved;
	uint64_t address;
	uint16_t segment;
	uint8_t first_bus;
	uint8_t last_bus;
	uint32_t reserved_too;
} __attribute__((packed));

/* 5.2.16 system resource affinity table; its entries follow. All of it is one node, number 0. */
struct acpi_srat {
	struct acpi_header header;
	uint32_t always_1;
	uint64_t reserved;
} __attribute__((packed));

enum acpi_srat_type {
	ACPI_SRAT_MEMORY = 1,
	ACPI_SRAT_LOCAL_X2APIC = 2,
};

#define ACPI_SRAT_ENABLED       1
#define ACPI_SRAT_HOT_PLUGGABLE 2

struct acpi_srat_memory { /* 5.2.16.2 */
	uint8_t type;
	uint8_t length;
	uint32_t node;
	uint16_t reserved;
	uint64_t base;
	uint64_t size;
	uint32_t reserved_too;
	uint32_t flags;
	uint64_t reserved_again;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_srat_memory) == 40, "5.2.16.2: its length");

struct acpi_srat_local_x2apic { /* 5.2.16.3 */
	uint8_t type;
	uint8_t length;
	uint16_t reserved;
	uint32_t node;
	uint32_t x2apic_id;
	uint32_t flags;
	uint32_t clock_domain;
	uint32_t reserved_too;
} __attribute__((packed));
