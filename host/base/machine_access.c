/* SPDX-License-Identifier: MIT */
#include "host/base/machine_access.h"

uint64_t machine_in(uint64_t address, unsigned size)
{
    switch (size) {
    case 1:
        return *(volatile uint8_t *)(uintptr_t)address;
    case 2:
        return *(volatile uint16_t *)(uintptr_t)address;
    case 4:
        return *(volatile uint32_t *)(uintptr_t)address;
    default:
        return *(volatile uint64_t *)(uintptr_t)address;
    }
}

void machine_out(uint64_t address, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        *(volatile uint8_t *)(uintptr_t)address = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)(uintptr_t)address = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)(uintptr_t)address = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)(uintptr_t)address = value;
        break;
    }
}
