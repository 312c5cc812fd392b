/* SPDX-License-Identifier: MIT */
/* Layouts of the ACPI tables that guest and reference host read (ACPI 6.5; MCFG: PCI Firmware
 * Specification 3.3). */
#ifndef PVT_LIB_ACPI_LAYOUT_H
#define PVT_LIB_ACPI_LAYOUT_H

#include <stdint.h>

/* 5.2.5.3 */
struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; /* from here on: revision 2 */
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

#define ACPI_RSDP_REVISION_XSDT 2
#define ACPI_RSDP_LENGTH_1      20 /* what the checksum of revision 1 covers */

/* 5.2.6: the head of every other table. */
struct acpi_table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_table) == 36, "ACPI 5.2.6");

/* "APIC", 5.2.12: structures of which each begins with its type and length. */
#define ACPI_MADT_FIRST_STRUCTURE 44

enum acpi_madt_type { ACPI_MADT_LOCAL_APIC = 0, ACPI_MADT_IO_APIC = 1, ACPI_MADT_LOCAL_X2APIC = 9 };

#define ACPI_MADT_ENABLED        (1u << 0)
#define ACPI_MADT_ONLINE_CAPABLE (1u << 1)

struct acpi_local_apic {
    uint8_t type, length, processor, apic_id;
    uint32_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_local_apic) == 8, "ACPI 5.2.12.2");

struct acpi_io_apic {
    uint8_t type, length, id, reserved;
    uint32_t address, first_interrupt;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_io_apic) == 12, "ACPI 5.2.12.3");

struct acpi_local_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t apic_id, flags, processor;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_local_x2apic) == 16, "ACPI 5.2.12.12");

struct acpi_mcfg_entry {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved;
} __attribute__((packed));

struct acpi_mcfg {
    struct acpi_table header;
    uint64_t reserved;
    struct acpi_mcfg_entry entries[];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_mcfg) == 44, "PCI Firmware Specification 4.1.2");

/* "HPET" (IA-PC HPET 1.0a, 3.2.4): the address is in a generic address structure. */
struct acpi_hpet {
    struct acpi_table header;
    uint32_t block;
    uint8_t space, width, offset, access;
    uint64_t address;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_hpet) == 52, "HPET 3.2.4");

/* AML (20.2.3 and 20.2.5.1), as far as constants of a name need it. */
#define ACPI_AML_ONE  0x01
#define ACPI_AML_NAME 0x08
#define ACPI_AML_BYTE 0x0A

/* Name (_BBN, ...), 6.5.5: the first bus below a root bridge. Firmware that computes it is not
 * understood. */
struct acpi_bus_name {
    uint8_t opcode, name[4], kind, value;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_bus_name) == 7, "ACPI 20.2.5.1");

/* The bus that these bytes of AML name; 0: they name none, or the bus that is always there. */
static inline uint8_t acpi_root_bus(const struct acpi_bus_name *aml)
{
    if (aml->opcode != ACPI_AML_NAME || aml->name[0] != '_' || aml->name[1] != 'B' ||
        aml->name[2] != 'B' || aml->name[3] != 'N')
        return 0;
    return aml->kind == ACPI_AML_BYTE ? aml->value : aml->kind == ACPI_AML_ONE ? 1 : 0;
}

#endif
