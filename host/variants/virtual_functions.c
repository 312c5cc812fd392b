/* SPDX-License-Identifier: MIT */
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/vdev_rules.h"

void variants_install_virtual_functions(void)
{
    vdev_rules.root_ports = !variant_active(VARIANT_FEW_FUNCTIONS);
    vdev_rules.registers_at_top = variant_active(VARIANT_REGISTERS_AT_TOP);
}
