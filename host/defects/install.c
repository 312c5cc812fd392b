/* SPDX-License-Identifier: MIT */
#include "host/defects/install.h"

void defects_install(void)
{
    defects_install_guest_state();
    defects_install_softiommu();
    defects_install_vtd();
    defects_install_virtual_functions();
}
