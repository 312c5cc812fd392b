/* SPDX-License-Identifier: MIT */
#include "host/defects/install.h"

void defects_install(void)
{
    defects_install_guest_state();
    defects_install_host_itself();
    defects_install_softiommu();
    defects_install_vtd();
    defects_install_buses();
    defects_install_connections();
    defects_install_host_messages();
    defects_install_virtual_functions();
    defects_install_device_messages();
    defects_install_moved_devices();
    defects_install_channels();
    defects_install_synic();
    defects_install_bus_requests();
    defects_install_bus_windows();
    defects_install_bus_refusals();
    defects_install_transport();
    defects_install_pci_functions();
    defects_install_long_requests();
    defects_install_parameter_lists();
    defects_install_answers();
    defects_install_settings();
    defects_install_flush_lists();
    defects_install_long_lists();
    defects_install_memberships();
    defects_install_deleted_domains();
    defects_install_shared_tables();
    defects_install_output_forms();
    defects_install_races();
    defects_install_second_processor();
    defects_install_bystanders();
    defects_install_later_objects();
    defects_install_refused_calls();
    defects_install_many_devices();
    defects_install_counts();
    defects_install_device_states();
    defects_install_outputs();
    defects_install_restart();
    defects_install_call_pairs();
    defects_install_faulty_backend();
    defects_install_after_refusal();
}
