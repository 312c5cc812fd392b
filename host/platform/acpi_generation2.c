/* SPDX-License-Identifier: MIT */
/*
 * The DSDT, in ASL:
 *   OperationRegion (BIOS, SystemMemory, address of struct firmware_block, 0xFF)
 *   Name (\_S0, Package (2) {0, 0})  Name (\_S5, Package (2) {0, 0})
 *   Scope (\_SB) { Device (UAR1) {
 *       Name (_HID, EisaId ("PNP0501"))  Name (_UID, 1)
 *       Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3F8, 0x3F8, 1, 8)  IRQNoFlags () {4} })
 *   } }
 * and then that of acpi_vmbus.c. UAR1 is left out on a machine without COM1.
 */
#include "host/platform/acpi_generation2.h"

#include <stddef.h>

#include "host/base/panic.h"
#include "host/platform/acpi.h"
#include "host/platform/generation2.h"
#include "lib/acpi_layout.h"
#include "lib/string.h"

#define MIB_SHIFT     20
#define GAS_IO        1u
#define GAS_BYTE      1u
#define GAS_WORD      2u
#define GAS_DWORD     3u
#define SCI_INTERRUPT 9u

/* ACPI 6.5, table 5.9: no VGA, no real-time clock; neither legacy devices nor an 8042. */
#define BOOT_VGA_NOT_PRESENT (1u << 2)
#define BOOT_RTC_NOT_PRESENT (1u << 5)

#define FLAG_WBINVD       (1u << 0)
#define FLAG_PROC_C1      (1u << 2)
#define FLAG_POWER_BUTTON (1u << 4)
#define FLAG_SLEEP_BUTTON (1u << 5)
#define FLAG_RESET        (1u << 10)

#define C2_NEVER 101u
#define C3_NEVER 1001u

/* MADT, table 5.19: two 8259 interrupt controllers. */
#define MADT_FLAGS       40
#define MADT_PCAT_COMPAT 1u

struct address {
    uint8_t space, bit_width, bit_offset, access;
    uint64_t address;
} __attribute__((packed));

/* Table 5.9. A generation 2 VM has its registers in the long fields only. */
struct fadt {
    struct acpi_table header;
    uint32_t facs, dsdt;
    uint8_t interrupt_model, profile;
    uint16_t sci_interrupt;
    uint32_t smi_command;
    uint8_t commands[4];
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, timer, gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, lengths[6];
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty[2], alarms[2], century;
    uint16_t boot_flags;
    uint8_t reserved;
    uint32_t flags;
    struct address reset;
    uint8_t reset_value;
    uint16_t arm_flags;
    uint8_t minor_version;
    uint64_t x_facs, x_dsdt;
    struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_rest[7];
    uint64_t hypervisor;
} __attribute__((packed));
_Static_assert(offsetof(struct fadt, flags) == 112, "ACPI table 5.9");
_Static_assert(offsetof(struct fadt, x_pm1a_event) == 148, "ACPI table 5.9");
_Static_assert(sizeof(struct fadt) == 276, "ACPI table 5.9");

/* Read by the AML of that firmware; all other fields are 0 here. */
struct firmware_block {
    uint32_t low, low_length, high_mib, high_length_mib;
    uint64_t generation_id;
    uint32_t processors, nvdimm;
    uint8_t serial, flags[8];
    uint16_t nvdimms;
    uint8_t vmbus, ipmi;
} __attribute__((packed));
_Static_assert(sizeof(struct firmware_block) == 45, "block of the firmware");

struct dsdt_head {
    struct acpi_table header;
    uint8_t region[8];
    uint32_t block;
    uint8_t region_length[2];
    uint8_t sleep_states[20];
} __attribute__((packed));

#define PACKAGE_2_ZEROS 0x12, 0x04, 0x02, 0x00, 0x00
static const struct dsdt_head dsdt_head = {
    .header = {.signature = {'D', 'S', 'D', 'T'}, .revision = 2},
    .region = {0x5B, 0x80, 'B', 'I', 'O', 'S', 0x00, 0x0C},
    .region_length = {0x0A, 0xFF},
    .sleep_states = {0x08, '_', 'S', '0', '_', PACKAGE_2_ZEROS, 0x08, '_', 'S', '5', '_',
                     PACKAGE_2_ZEROS},
};

static const uint8_t com1[] = {
    0x10, 0x33, '\\', '_',  'S',  'B',  '_',                 /* Scope */
    0x5B, 0x82, 0x2B, 'U',  'A',  'R',  '1',                 /* Device */
    0x08, '_',  'H',  'I',  'D',  0x0C, 0x41, 0xD0, 5,    1, /* PNP0501 */
    0x08, '_',  'U',  'I',  'D',  0x01,                      /* 1 */
    0x08, '_',  'C',  'R',  'S',  0x11, 0x10, 0x0A, 0x0D,    /* Buffer of 13 bytes */
    0x47, 0x01, 0xF8, 0x03, 0xF8, 0x03, 0x01, 0x08,          /* ports */
    0x22, 0x10, 0x00,                                        /* interrupt 4 */
    0x79, 0x00,
};

static void head_of(struct acpi_table *table, const char *name)
{
    static const struct acpi_table usual = {.oem = {'P', 'V', 'T', 'E', 'S', 'T'},
                                            .oem_table = "GEN2",
                                            .oem_revision = 1,
                                            .creator = 0x54535650, /* "PVST" */
                                            .creator_revision = 1};
    struct acpi_table head = usual;

    memcpy(head.signature, name, sizeof(head.signature));
    head.length = table->length;
    head.revision = table->revision;
    *table = head;
    acpi_fix_checksum(table);
}

static uint64_t put_block(uint64_t at, const struct acpi_vmbus_ranges *ranges, uint32_t processors)
{
    *(struct firmware_block *)(uintptr_t)at = (struct firmware_block){
        .low = ranges->low,
        .low_length = ranges->low_length,
        .high_mib = (uint32_t)(ranges->high >> MIB_SHIFT),
        .high_length_mib = (uint32_t)(ranges->high_length >> MIB_SHIFT),
        .processors = processors,
        .serial = generation2.com1,
        .vmbus = 1,
    };
    return at + 64;
}

/* `block` lies in front of it. */
static uint64_t put_dsdt(uint64_t at, uint64_t block, const struct acpi_vmbus_ranges *ranges)
{
    uint8_t vmbus[ACPI_VMBUS_BYTES];
    struct dsdt_head *dsdt = (struct dsdt_head *)(uintptr_t)at;
    uint8_t *end = (uint8_t *)(dsdt + 1);
    uint32_t length = acpi_vmbus_table(vmbus, ranges) - (uint32_t)sizeof(struct acpi_table);

    *dsdt = dsdt_head;
    dsdt->block = (uint32_t)block;
    if (generation2.com1) {
        memcpy(end, com1, sizeof(com1));
        end += sizeof(com1);
    }
    memcpy(end, vmbus + sizeof(struct acpi_table), length);
    end += length;
    dsdt->header.length = (uint32_t)((uintptr_t)end - at);
    head_of(&dsdt->header, "DSDT");
    return ((uintptr_t)end + 7) & ~7ull;
}

static struct address port(uint32_t number, uint8_t access)
{
    return (struct address){GAS_IO, (uint8_t)(4u << access), 0, access, number};
}

/* With the registers of the one that the machine has. */
static uint64_t put_fadt(uint64_t at, const struct fadt *old, uint64_t dsdt)
{
    struct fadt *fadt = (struct fadt *)(uintptr_t)at;

    *fadt = (struct fadt){
        .header = {.length = sizeof(*fadt), .revision = 6},
        .interrupt_model = 1,
        .sci_interrupt = SCI_INTERRUPT,
        .pm1_event_length = 4,
        .pm1_control_length = 2,
        .c2_latency = C2_NEVER,
        .c3_latency = C3_NEVER,
        .boot_flags = BOOT_VGA_NOT_PRESENT | BOOT_RTC_NOT_PRESENT,
        .flags = FLAG_WBINVD | FLAG_PROC_C1 | FLAG_POWER_BUTTON | FLAG_SLEEP_BUTTON | FLAG_RESET,
        .reset = old->reset,
        .reset_value = old->reset_value,
        .minor_version = 2,
        .x_facs = old->facs,
        .x_dsdt = dsdt,
        .x_pm1a_event = port(old->pm1a_event, GAS_DWORD),
        .x_pm1a_control = port(old->pm1a_control, GAS_WORD),
    };
    head_of(&fadt->header, "FACP");
    return at + sizeof(*fadt) + 4; /* a multiple of 8 */
}

static void hide_interrupt_controllers(struct acpi_table *madt)
{
    ((uint8_t *)madt)[MADT_FLAGS] &= (uint8_t)~MADT_PCAT_COMPAT;
    acpi_fix_checksum(madt);
}

uint64_t acpi_generation2(uint64_t rsdp, uint64_t memory, const struct acpi_vmbus_ranges *ranges,
                          uint32_t processors)
{
    struct acpi_table *madt = acpi_table_find(rsdp, "APIC");
    const struct fadt *old = (const struct fadt *)acpi_table_find(rsdp, "FACP");
    uint64_t dsdt = put_block(memory, ranges, processors), fadt = put_dsdt(dsdt, memory, ranges);
    uint64_t root;

    if (!madt || !old || old->header.length <= offsetof(struct fadt, arm_flags))
        host_panic("machine=gen2: the firmware has no MADT, or a FADT without a reset register");
    root = put_fadt(fadt, old, dsdt);
    hide_interrupt_controllers(madt);
    return acpi_set_root(rsdp, root, (const uint64_t[]){fadt, (uintptr_t)madt}, 2);
}
