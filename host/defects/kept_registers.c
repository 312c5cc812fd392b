/* SPDX-License-Identifier: MIT */
/* Virtual functions that keep something of their configuration space over a reset. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/vdev.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci_rules.h"
#include "lib/bits.h"

static struct vpci_rules right_rules;
static const struct vpci_function_ops *right_ops; /* of virtual functions */
static struct vpci_function_ops kept_ops;

static const struct kept {
    enum defect defect;
    uint16_t offset, size;
    uint32_t bits;
} kept[] = {
    {DEFECT_RESET_KEEPS_ATS, ATS_CONTROL, 2, ATS_CONTROL_ENABLE},
    {DEFECT_RESET_KEEPS_MESSAGES, MSI_CONTROL, 2,
     MSI_CONTROL_ENABLE | MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK},
    {DEFECT_RESET_KEEPS_COMMAND, CONFIG_COMMAND, 2, COMMAND_MASTER | COMMAND_INTX_DISABLE},
    {DEFECT_RESET_KEEPS_BAR, CONFIG_BAR0, 4, UINT32_MAX},
};

static void reset(struct vpci_function *function)
{
    uint32_t before[ARRAY_SIZE(kept)];

    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        before[i] = right_ops->read(function, kept[i].offset, kept[i].size) & kept[i].bits;
    right_ops->reset(function);
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        if (defect_active(kept[i].defect) &&
            (kept[i].offset != ATS_CONTROL || function->virtual_function->ats))
            right_ops->write(function, kept[i].offset, kept[i].size, before[i]);
}

static uint32_t read_of_window(struct vpci_function *function, unsigned offset, unsigned size)
{
    if (function->virtual_function && function->ops != &kept_ops) {
        right_ops = function->ops;
        kept_ops = *right_ops;
        kept_ops.reset = reset;
        function->ops = &kept_ops;
    }
    return right_rules.config_read(function, offset, size);
}

void defects_install_kept_registers(void)
{
    if (!ANY(DEFECT_RESET_KEEPS_ATS, DEFECT_RESET_KEEPS_MESSAGES, DEFECT_RESET_KEEPS_COMMAND,
             DEFECT_RESET_KEEPS_BAR))
        return;
    right_rules = vpci_rules;
    vpci_rules.config_read = read_of_window;
}
