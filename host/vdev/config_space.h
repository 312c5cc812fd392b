/* SPDX-License-Identifier: MIT */
/* Configuration space of one emulated function: what it holds and which bits a guest can change
 * (PCI Express Base Specification 5.0, 7.5). No dependence on the rest of the host. */
#ifndef PVT_HOST_VDEV_CONFIG_SPACE_H
#define PVT_HOST_VDEV_CONFIG_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_SPACE_SIZE 4096u

struct config_space {
    uint8_t value[CONFIG_SPACE_SIZE];
    uint8_t writable[CONFIG_SPACE_SIZE]; /* a set bit takes what is written */
};

#define CONFIG_VENDOR           0x00u
#define CONFIG_DEVICE           0x02u
#define CONFIG_COMMAND          0x04u
#define CONFIG_STATUS           0x06u
#define CONFIG_CLASS_REVISION   0x08u
#define CONFIG_HEADER_TYPE      0x0Eu
#define CONFIG_BAR0             0x10u
#define CONFIG_SUBSYSTEM_VENDOR 0x2Cu
#define CONFIG_SUBSYSTEM        0x2Eu
#define CONFIG_ROM              0x30u
#define CONFIG_CAPABILITIES     0x34u
#define CONFIG_LINE             0x3Cu
#define CONFIG_MSI              0x50u /* where this host puts its capabilities */
#define CONFIG_EXPRESS          0x70u
#define CONFIG_ATS              0x100u

#define COMMAND_IO              (1u << 0)
#define COMMAND_MEMORY          (1u << 1)
#define COMMAND_MASTER          (1u << 2)
#define COMMAND_INTX_DISABLE    (1u << 10)
#define STATUS_CAPABILITIES     (1u << 4)
#define HEADER_MULTIFUNCTION    0x80u
#define HEADER_BRIDGE           0x01u
#define LINE_AND_PIN            0xFFFFu /* of CONFIG_LINE */
#define BAR_IO                  (1u << 0)
#define BAR_64_BIT              (2u << 1)
#define BAR_PREFETCHABLE        (1u << 3)
#define BAR_FLAGS               0xFull
#define MSI_CONTROL             (CONFIG_MSI + 2)
#define MSI_ADDRESS             (CONFIG_MSI + 4)
#define MSI_DATA                (CONFIG_MSI + 12)
#define MSI_CONTROL_ENABLE      (1u << 0)
#define MSI_CONTROL_MULTIPLE    (0x3Fu << 1) /* messages that the device can send, and may */
#define MSI_CONTROL_64_BIT      (1u << 7)
#define MSIX_CONTROL_ENTRIES(c) (((c)&0x7FFu) + 1)
#define MSIX_CONTROL_MASK       (1u << 14) /* of MSI-X, which stands where MSI stands */
#define MSIX_CONTROL_ENABLE     (1u << 15)
#define ATS_CONTROL             (CONFIG_ATS + 6)
#define ATS_CONTROL_ENABLE      (1u << 15)
/* In the capabilities of MSI and MSI-X. */
#define CAPABILITY_CONTROL    2u
#define CAPABILITY_MSIX_TABLE 4u
#define MSIX_TABLE_BAR(t)     ((t)&7u)
#define MSIX_TABLE_OFFSET(t)  ((t) & ~7u)
/* Extended capabilities (7.6.3 and 9.3.3). */
#define EXTENDED_FIRST    0x100u
#define EXTENDED_MAX      48u
#define EXTENDED_ID(word) ((word)&0xFFFFu)
#define EXTENDED_NEXT     0xFFF00000u
#define EXTENDED_ATS      0x000Fu
#define EXTENDED_SRIOV    0x0010u
#define SRIOV_BYTES       0x40u

#define EXPRESS_TYPE_ENDPOINT      0u
#define EXPRESS_TYPE_ROOT_PORT     4u
#define EXPRESS_TYPE_ROOT_ENDPOINT 9u

struct config_identity {
    uint16_t vendor, device;
    uint32_t class_code; /* class 23:16, subclass 15:8, interface 7:0 */
    bool multifunction;
    unsigned express_type;         /* EXPRESS_TYPE_* */
    unsigned msix_vectors;         /* 0: MSI */
    uint32_t msix_table, msix_pba; /* in BAR 0 */
};

/* Header of an endpoint with MSI or MSI-X, one 64-bit prefetchable BAR of `bar_size` bytes (a power
 * of two) that stands at `bar`, and the ATS capability on request. Memory decoding is on, bus
 * mastering off, as firmware leaves a device. */
void config_endpoint(struct config_space *space, const struct config_identity *identity,
                     uint64_t bar, uint64_t bar_size, bool ats);
/* Root port above `secondary`, whose prefetchable window is [window, window + length), in MiB
 * steps. Bus numbers and window are fixed: no bit of them can be written. */
void config_bridge(struct config_space *space, const struct config_identity *identity,
                   uint8_t secondary, uint64_t window, uint64_t length);

/* Makes bytes that a guest reads, and bits that it can change; before launch. `size` 1 to 8 bytes.
 */
void config_set(struct config_space *space, unsigned offset, unsigned size, uint64_t value);
void config_allow(struct config_space *space, unsigned offset, unsigned size, uint64_t bits);
/* All bits that a guest can change are 0. */
void config_clear(struct config_space *space);

/* `size` 1 to 8 bytes. Bytes past the end read as ones and ignore writes. */
uint64_t config_read(const struct config_space *space, unsigned offset, unsigned size);
void config_write(struct config_space *space, unsigned offset, unsigned size, uint64_t value);
bool config_is_bus_master(const struct config_space *space);
/* Base address of BAR 0. */
uint64_t config_bar(const struct config_space *space);
/* True when the last access wrote a byte of [from, from + length). */
bool config_touches(unsigned offset, unsigned size, unsigned from, unsigned length);

#endif
