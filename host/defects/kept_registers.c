/* SPDX-License-Identifier: MIT */
/* Functions that keep something of their configuration space over a reset. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/vdev.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci_rules.h"
#include "lib/bits.h"

static struct vpci_rules right_rules;

/* Operations of virtual functions, and of functions of the machine. */
static struct kind {
    const struct vpci_function_ops *right;
    struct vpci_function_ops kept;
} kinds[2];

static const struct kept {
    enum defect defect;
    uint16_t offset, size;
    uint32_t bits;
    bool of_machine;
} kept[] = {
    {DEFECT_RESET_KEEPS_ATS, ATS_CONTROL, 2, ATS_CONTROL_ENABLE, false},
    {DEFECT_RESET_KEEPS_MESSAGES, MSI_CONTROL, 2,
     MSI_CONTROL_ENABLE | MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK, false},
    {DEFECT_RESET_KEEPS_COMMAND, CONFIG_COMMAND, 2, COMMAND_MASTER | COMMAND_INTX_DISABLE, false},
    {DEFECT_RESET_KEEPS_BAR, CONFIG_BAR0, 4, UINT32_MAX, false},
    {DEFECT_RESET_KEEPS_BAR_UPPER, CONFIG_BAR0 + 4, 4, UINT32_MAX, false},
    {DEFECT_RESET_KEEPS_NEXT_BAR, CONFIG_BAR0 + 4, 4, UINT32_MAX, true},
};

static bool is_kept(const struct kept *k, const struct vpci_function *function)
{
    return defect_active(k->defect) && k->of_machine == !function->virtual_function &&
           (k->offset != ATS_CONTROL ||
            (function->virtual_function && function->virtual_function->ats));
}

static void reset(struct vpci_function *function)
{
    const struct vpci_function_ops *right = kinds[!function->virtual_function].right;
    uint32_t before[ARRAY_SIZE(kept)];

    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        before[i] = right->read(function, kept[i].offset, kept[i].size) & kept[i].bits;
    right->reset(function);
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        if (is_kept(&kept[i], function))
            right->write(function, kept[i].offset, kept[i].size, before[i]);
}

static uint32_t read_of_window(struct vpci_function *function, unsigned offset, unsigned size)
{
    struct kind *kind = &kinds[!function->virtual_function];

    if (function->ops != &kind->kept) {
        kind->right = function->ops;
        kind->kept = *function->ops;
        kind->kept.reset = reset;
        function->ops = &kind->kept;
    }
    return right_rules.config_read(function, offset, size);
}

void defects_install_kept_registers(void)
{
    if (!ANY(DEFECT_RESET_KEEPS_ATS, DEFECT_RESET_KEEPS_MESSAGES, DEFECT_RESET_KEEPS_COMMAND,
             DEFECT_RESET_KEEPS_BAR, DEFECT_RESET_KEEPS_BAR_UPPER, DEFECT_RESET_KEEPS_NEXT_BAR))
        return;
    right_rules = vpci_rules;
    vpci_rules.config_read = read_of_window;
}
