/* SPDX-License-Identifier: MIT */
#include "host/pci/config.h"

#define CONFIG_ADDRESS        0xCF8u
#define CONFIG_DATA           0xCFCu
#define CONFIG_ADDRESS_ENABLE (1u << 31)

static void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

uint32_t pci_config_read32(uint16_t bdf, unsigned offset)
{
    outl(CONFIG_ADDRESS, CONFIG_ADDRESS_ENABLE | (uint32_t)bdf << 8 | (offset & 0xFCu));
    return inl(CONFIG_DATA);
}

uint8_t pci_config_read8(uint16_t bdf, unsigned offset)
{
    return (uint8_t)(pci_config_read32(bdf, offset) >> (offset % 4 * 8));
}

uint16_t pci_config_read16(uint16_t bdf, unsigned offset)
{
    return (uint16_t)(pci_config_read32(bdf, offset) >> (offset % 4 * 8));
}
