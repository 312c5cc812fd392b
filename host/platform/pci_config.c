/* SPDX-License-Identifier: MIT */
#include "host/platform/pci_config.h"

#include "lib/cpu_instructions.h"

#define CONFIG_ADDRESS        0xCF8u
#define CONFIG_DATA           0xCFCu
#define CONFIG_ADDRESS_ENABLE (1u << 31)

uint32_t pci_config_read32(uint16_t bdf, unsigned offset)
{
    cpu_out32(CONFIG_ADDRESS, CONFIG_ADDRESS_ENABLE | (uint32_t)bdf << 8 | (offset & 0xFCu));
    return cpu_in32(CONFIG_DATA);
}

uint8_t pci_config_read8(uint16_t bdf, unsigned offset)
{
    return (uint8_t)(pci_config_read32(bdf, offset) >> (offset % 4 * 8));
}

uint16_t pci_config_read16(uint16_t bdf, unsigned offset)
{
    return (uint16_t)(pci_config_read32(bdf, offset) >> (offset % 4 * 8));
}
