/* SPDX-License-Identifier: MIT */
#include "host/vdev/config_space.h"

#define CAPABILITY_MSI     0x05u
#define CAPABILITY_EXPRESS 0x10u
#define CAPABILITY_MSIX    0x11u
#define EXTENDED_VERSION_1 (1u << 16)

#define EXPRESS_VERSION_2  2u
#define EXPRESS_TYPE_SHIFT 4
#define EXPRESS_ROLE_BASED                                                                         \
    (1u << 15)                       /* device capabilities: required of every device since 1.1    \
                                      */
#define EXPRESS_LINK_X1_GEN1   0x11u /* link capabilities and status: width 1, 2.5 GT/s */
#define ATS_PAGE_ALIGNED       (1u << 5) /* invalidate queue depth 0: 32 */
#define ATS_SMALLEST_UNIT_MASK 0x1Fu

/* Type 1 header */
#define BRIDGE_PRIMARY          0x18u
#define BRIDGE_SECONDARY        0x19u
#define BRIDGE_SUBORDINATE      0x1Au
#define BRIDGE_MEMORY_BASE      0x20u
#define BRIDGE_PREFETCH_BASE    0x24u
#define BRIDGE_PREFETCH_LIMIT   0x26u
#define BRIDGE_PREFETCH_BASE_H  0x28u
#define BRIDGE_PREFETCH_LIMIT_H 0x2Cu
#define BRIDGE_PREFETCH_64_BIT  1u
#define BRIDGE_WINDOW_CLOSED    0x0000FFF0u /* base above limit */

void config_set(struct config_space *space, unsigned offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        space->value[offset + i] = (uint8_t)(value >> (8 * i));
}

void config_allow(struct config_space *space, unsigned offset, unsigned size, uint64_t bits)
{
    for (unsigned i = 0; i < size; i++)
        space->writable[offset + i] = (uint8_t)(bits >> (8 * i));
}

void config_clear(struct config_space *space)
{
    for (unsigned i = 0; i < CONFIG_SPACE_SIZE; i++)
        space->value[i] &= (uint8_t)~space->writable[i];
}

static void header(struct config_space *space, const struct config_identity *identity, uint8_t type)
{
    config_set(space, CONFIG_VENDOR, 2, identity->vendor);
    config_set(space, CONFIG_DEVICE, 2, identity->device);
    config_set(space, CONFIG_CLASS_REVISION, 4, (uint64_t)identity->class_code << 8 | 1);
    config_set(space, CONFIG_HEADER_TYPE, 1,
               type | (identity->multifunction ? HEADER_MULTIFUNCTION : 0));
    config_set(space, CONFIG_STATUS, 2, STATUS_CAPABILITIES);
    config_set(space, CONFIG_COMMAND, 2, COMMAND_MEMORY);
    config_allow(space, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE);
}

static void express(struct config_space *space, const struct config_identity *identity)
{
    bool link = identity->express_type != EXPRESS_TYPE_ROOT_ENDPOINT;

    config_set(space, CONFIG_EXPRESS, 1, CAPABILITY_EXPRESS);
    config_set(space, CONFIG_EXPRESS + 2, 2,
               EXPRESS_VERSION_2 | identity->express_type << EXPRESS_TYPE_SHIFT);
    config_set(space, CONFIG_EXPRESS + 4, 4, EXPRESS_ROLE_BASED);
    if (link) {
        config_set(space, CONFIG_EXPRESS + 12, 4, EXPRESS_LINK_X1_GEN1);
        config_set(space, CONFIG_EXPRESS + 18, 2, EXPRESS_LINK_X1_GEN1);
    }
}

static void message(struct config_space *space)
{
    config_set(space, CONFIG_MSI, 1, CAPABILITY_MSI);
    config_set(space, CONFIG_MSI + 1, 1, CONFIG_EXPRESS); /* next */
    config_set(space, MSI_CONTROL, 2, MSI_CONTROL_64_BIT);
    config_allow(space, MSI_CONTROL, 2, MSI_CONTROL_ENABLE);
    config_allow(space, MSI_ADDRESS, 8, ~UINT64_C(3));
    config_allow(space, MSI_DATA, 2, 0xFFFF);
}

static void message_table(struct config_space *space, const struct config_identity *identity)
{
    config_set(space, CONFIG_MSI, 1, CAPABILITY_MSIX);
    config_set(space, CONFIG_MSI + 1, 1, CONFIG_EXPRESS);
    config_set(space, MSI_CONTROL, 2, identity->msix_vectors - 1);
    config_allow(space, MSI_CONTROL, 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK);
    config_set(space, CONFIG_MSI + 4, 4, identity->msix_table); /* BAR 0 */
    config_set(space, CONFIG_MSI + 8, 4, identity->msix_pba);
}

void config_endpoint(struct config_space *space, const struct config_identity *identity,
                     uint64_t bar, uint64_t bar_size, bool ats)
{
    header(space, identity, 0);
    config_set(space, CONFIG_BAR0, 8, bar | BAR_64_BIT | BAR_PREFETCHABLE);
    config_allow(space, CONFIG_BAR0, 8, ~(bar_size - 1));
    config_set(space, CONFIG_SUBSYSTEM_VENDOR, 2, identity->vendor);
    config_set(space, CONFIG_SUBSYSTEM, 2, identity->device);
    config_set(space, CONFIG_CAPABILITIES, 1, CONFIG_MSI);
    if (identity->msix_vectors != 0)
        message_table(space, identity);
    else
        message(space);
    express(space, identity);
    if (ats) {
        config_set(space, CONFIG_ATS, 4, EXTENDED_ATS | EXTENDED_VERSION_1);
        config_set(space, CONFIG_ATS + 4, 2, ATS_PAGE_ALIGNED);
        config_allow(space, ATS_CONTROL, 2, ATS_CONTROL_ENABLE | ATS_SMALLEST_UNIT_MASK);
    }
}

void config_bridge(struct config_space *space, const struct config_identity *identity,
                   uint8_t secondary, uint64_t window, uint64_t length)
{
    uint64_t last = window + length - 1;

    header(space, identity, HEADER_BRIDGE);
    config_set(space, BRIDGE_PRIMARY, 1, 0);
    config_set(space, BRIDGE_SECONDARY, 1, secondary);
    config_set(space, BRIDGE_SUBORDINATE, 1, secondary);
    config_set(space, BRIDGE_MEMORY_BASE, 4, BRIDGE_WINDOW_CLOSED);
    config_set(space, BRIDGE_PREFETCH_BASE, 2, (window >> 16 & 0xFFF0) | BRIDGE_PREFETCH_64_BIT);
    config_set(space, BRIDGE_PREFETCH_LIMIT, 2, (last >> 16 & 0xFFF0) | BRIDGE_PREFETCH_64_BIT);
    config_set(space, BRIDGE_PREFETCH_BASE_H, 4, window >> 32);
    config_set(space, BRIDGE_PREFETCH_LIMIT_H, 4, last >> 32);
    config_set(space, CONFIG_CAPABILITIES, 1, CONFIG_EXPRESS);
    express(space, identity);
}

uint64_t config_read(const struct config_space *space, unsigned offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = offset + i < CONFIG_SPACE_SIZE ? space->value[offset + i] : 0xFF;

        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

void config_write(struct config_space *space, unsigned offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size && offset + i < CONFIG_SPACE_SIZE; i++) {
        uint8_t mask = space->writable[offset + i], byte = (uint8_t)(value >> (8 * i));

        space->value[offset + i] = (uint8_t)((space->value[offset + i] & ~mask) | (byte & mask));
    }
}

bool config_is_bus_master(const struct config_space *space)
{
    return (config_read(space, CONFIG_COMMAND, 2) & COMMAND_MASTER) != 0;
}

uint64_t config_bar(const struct config_space *space)
{
    return config_read(space, CONFIG_BAR0, 8) & ~BAR_FLAGS;
}

bool config_touches(unsigned offset, unsigned size, unsigned from, unsigned length)
{
    return offset < from + length && offset + size > from;
}
