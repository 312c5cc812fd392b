/* SPDX-License-Identifier: MIT */
/*
 * In ASL:
 *   Scope (\_SB) { Device (VMOD) {
 *       Name (_HID, "ACPI0004")  Name (_UID, 0)
 *       Name (_CRS, ResourceTemplate () { DWordMemory (...)  QWordMemory (...) })
 *       Device (VMBS) {
 *           Name (_HID, "MSFT1000")  Name (_CID, "VMBus")  Name (_DDN, "VMBUS")  Name (_UID, 0)
 *           Name (_STA, 0x0F)  Name (_CRS, ResourceTemplate () {})
 *   } } }
 */
#include "host/platform/acpi_vmbus.h"

#include "lib/acpi_layout.h"
#include "lib/string.h"

#define NAME          0x08
#define ZERO          0x00
#define BYTE_PREFIX   0x0A
#define STRING_PREFIX 0x0D
#define SCOPE         0x10
#define BUFFER        0x11
#define DEVICE        0x5B, 0x82
#define END_TAG       0x79, 0x00
/* PkgLength of 63 to 4095 bytes (ACPI 6.5, 20.2.4). */
#define LENGTH(n) 0x40 | ((n)&0xF), (n) >> 4

/* Address space descriptors (6.4.3.5) of a producer; fixed, not cacheable, writable memory. */
#define DWORD_MEMORY 0x87, 23, 0, 0, 0x0C, 0x01
#define QWORD_MEMORY 0x8A, 43, 0, 0, 0x0C, 0x01

struct dword_memory {
    uint8_t head[6];
    uint32_t granularity, first, last, translation, length;
} __attribute__((packed));

struct qword_memory {
    uint8_t head[6];
    uint64_t granularity, first, last, translation, length;
} __attribute__((packed));

struct vmbus_table {
    struct acpi_table header;
    uint8_t module[47];
    struct dword_memory low;
    struct qword_memory high;
    uint8_t end_and_bus[73];
} __attribute__((packed));
_Static_assert(sizeof(struct vmbus_table) == ACPI_VMBUS_BYTES, "length of the table");

uint32_t acpi_vmbus_table(void *to, const struct acpi_vmbus_ranges *ranges)
{
    static const struct vmbus_table table = {
        .header = {.signature = {'S', 'S', 'D', 'T'},
                   .length = sizeof(struct vmbus_table),
                   .revision = 2,
                   .oem = {'P', 'V', 'T', 'E', 'S', 'T'},
                   .oem_table = "VMBUS",
                   .oem_revision = 1,
                   .creator = 0x54535650, /* "PVST" */
                   .creator_revision = 1},
        .module = {SCOPE,  LENGTH(191), '\\', '_', 'S',           'B',        '_',
                   DEVICE, LENGTH(182), 'V',  'M', 'O',           'D',        NAME,
                   '_',    'H',         'I',  'D', STRING_PREFIX, 'A',        'C',
                   'P',    'I',         '0',  '0', '0',           '4',        0,
                   NAME,   '_',         'U',  'I', 'D',           ZERO,       NAME,
                   '_',    'C',         'R',  'S', BUFFER,        LENGTH(78), BYTE_PREFIX,
                   74},
        .low = {.head = {DWORD_MEMORY}},
        .high = {.head = {QWORD_MEMORY}},
        .end_and_bus = {END_TAG,       DEVICE,      LENGTH(69),  'V',
                        'M',           'B',         'S',         NAME,
                        '_',           'H',         'I',         'D',
                        STRING_PREFIX, 'M',         'S',         'F',
                        'T',           '1',         '0',         '0',
                        '0',           0,           NAME,        '_',
                        'C',           'I',         'D',         STRING_PREFIX,
                        'V',           'M',         'B',         'u',
                        's',           0,           NAME,        '_',
                        'D',           'D',         'N',         STRING_PREFIX,
                        'V',           'M',         'B',         'U',
                        'S',           0,           NAME,        '_',
                        'U',           'I',         'D',         ZERO,
                        NAME,          '_',         'S',         'T',
                        'A',           BYTE_PREFIX, 0x0F,        NAME,
                        '_',           'C',         'R',         'S',
                        BUFFER,        5,           BYTE_PREFIX, 2,
                        END_TAG},
    };
    struct vmbus_table copy = table;
    uint8_t sum = 0;

    copy.low.first = ranges->low;
    copy.low.last = ranges->low + ranges->low_length - 1;
    copy.low.length = ranges->low_length;
    copy.high.first = ranges->high;
    copy.high.last = ranges->high + ranges->high_length - 1;
    copy.high.length = ranges->high_length;
    for (uint32_t i = 0; i < sizeof(copy); i++)
        sum = (uint8_t)(sum + ((const uint8_t *)&copy)[i]);
    copy.header.checksum = (uint8_t)-sum;
    memcpy(to, &copy, sizeof(copy));
    return sizeof(copy);
}
