/* SPDX-License-Identifier: MIT */
#include "host/variants/install.h"

void variants_install(void)
{
    variants_install_guest_state();
    variants_install_iommu();
    variants_install_virtual_functions();
    variants_install_calls();
    variants_install_domains();
    variants_install_unseen();
    variants_install_buses();
    variants_install_packets();
    variants_install_bus_requests();
    variants_install_bus_time();
    variants_install_page_lists();
    variants_install_function_states();
    variants_install_ioat();
    variants_install_flush_flags();
}
