/* SPDX-License-Identifier: MIT */
#include "host/domains/private.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/vdev.h"
#include "host/vdev/vdev_rules.h"

static bool (*usual_send)(const struct vdev_function *function, uint64_t address, uint32_t data);

static bool send_unless_blocked(const struct vdev_function *function, uint64_t address,
                                uint32_t data)
{
    for (unsigned i = 0; i < domain_table.devices; i++)
        if (domain_table.device[i].bdf == function->bdf &&
            domain_table.device[i].translation.kind == TRANSLATION_BLOCKED)
            return false;
    return usual_send(function, address, data);
}

void variants_install_virtual_functions(void)
{
    vdev_rules.root_ports = !variant_active(VARIANT_FEW_FUNCTIONS);
    vdev_rules.single = variant_active(VARIANT_ONE_FUNCTION);
    vdev_rules.registers_at_top = variant_active(VARIANT_REGISTERS_AT_TOP);
    if (variant_active(VARIANT_MESSAGES_BLOCKED)) {
        usual_send = vdev_rules.send_message;
        vdev_rules.send_message = send_unless_blocked;
    }
}
