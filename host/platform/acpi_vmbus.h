/* SPDX-License-Identifier: MIT */
/* The ACPI device by which a guest finds VMBus: VMOD with its address space, and VMBS in it, as in
 * a generation 2 VM.
 */
#ifndef PVT_HOST_PLATFORM_ACPI_VMBUS_H
#define PVT_HOST_PLATFORM_ACPI_VMBUS_H

#include <stdint.h>

struct acpi_vmbus_ranges {
    uint32_t low, low_length;
    uint64_t high, high_length;
};

/* The description as a definition block of its own (SSDT), at `to`. Returns its length,
 * ACPI_VMBUS_BYTES. */
#define ACPI_VMBUS_BYTES 228u
uint32_t acpi_vmbus_table(void *to, const struct acpi_vmbus_ranges *ranges);

#endif
