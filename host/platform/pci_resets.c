/* SPDX-License-Identifier: MIT */
#include "host/platform/pci_resets.h"

#include "host/platform/pci_config.h"
#include "lib/bits.h"

/* PCI Express Base Specification 5.0, 7.5.2 and 7.5.3. */
#define PM_CONTROL        4u
#define PM_STATE          3u
#define EXPRESS_DEVICE    4u
#define EXPRESS_CAN_RESET (1u << 28)
#define EXPRESS_CONTROL   8u
#define EXPRESS_RESET     (1u << 15)
#define EXPRESS_WRITABLE  (UINT16_MAX & ~EXPRESS_RESET)
/* Advanced Features, an ECN of PCI Local Bus 3.0. */
#define ADVANCED_CAN_RESET (1u << 25)
#define ADVANCED_CONTROL   4u

bool pci_next_reset(uint16_t bdf, struct pci_reset_word *word)
{
    static const struct {
        uint8_t capability, at;
        uint32_t shown, writable;
    } words[] = {{PCI_CAPABILITY_POWER, PM_CONTROL, ~PM_STATE, PM_STATE},
                 {PCI_CAPABILITY_EXPRESS, EXPRESS_DEVICE, ~EXPRESS_CAN_RESET, 0},
                 {PCI_CAPABILITY_EXPRESS, EXPRESS_CONTROL, EXPRESS_WRITABLE, EXPRESS_WRITABLE},
                 {PCI_CAPABILITY_ADVANCED, 0, ~ADVANCED_CAN_RESET, 0},
                 {PCI_CAPABILITY_ADVANCED, ADVANCED_CONTROL, 0, 0}};

    while (word->next < ARRAY_SIZE(words)) {
        const unsigned i = word->next++, first = pci_find_capability(bdf, words[i].capability);

        if (first == 0)
            continue;
        word->at = first + words[i].at;
        word->shown = words[i].shown;
        word->writable = words[i].writable;
        return true;
    }
    return false;
}
