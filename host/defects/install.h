/* SPDX-License-Identifier: MIT */
/* Puts the defects that are on into a host that is right without them. */
#ifndef PVT_HOST_DEFECTS_INSTALL_H
#define PVT_HOST_DEFECTS_INSTALL_H

/* Once, at launch: after the options are parsed, before anything is initialized by them. */
void defects_install(void);

/* One for each area, in the file of this name. A defect changes a field of the rules of a layer, or
 * puts a function of its own in front of one at a seam: only where it is on, so that a right host
 * runs none of this code. */
void defects_install_guest_state(void);
void defects_install_host_itself(void);
void defects_install_softiommu(void);
void defects_install_parameter_lists(void);
void defects_install_padding(void);
void defects_install_after_refusal(void);
void defects_install_free_devices(void);
void defects_install_idle_domains(void);
void defects_install_answers(void);
void defects_install_settings(void);
void defects_install_memberships(void);
void defects_install_moments(void);
void defects_install_left_domains(void);
void defects_install_deleted_domains(void);
void defects_install_shared_tables(void);
void defects_install_output_forms(void);
void defects_install_flush_lists(void);
void defects_install_races(void);
void defects_install_second_processor(void);
void defects_install_bystanders(void);
void defects_install_later_objects(void);
void defects_install_refused_calls(void);
void defects_install_many_devices(void);
void defects_install_counts(void);
void defects_install_used_up(void);
void defects_install_deleted_tags(void);
void defects_install_device_states(void);
void defects_install_outputs(void);
void defects_install_restart(void);
void defects_install_call_pairs(void);
void defects_install_faulty_backend(void);
void defects_install_vtd(void);
void defects_install_buses(void);
void defects_install_connections(void);
void defects_install_host_messages(void);
void defects_install_virtual_functions(void);
void defects_install_device_messages(void);
void defects_install_moved_devices(void);
void defects_install_channels(void);
void defects_install_long_lists(void);
void defects_install_synic(void);
void defects_install_bus_requests(void);
void defects_install_held_messages(void);
void defects_install_bus_windows(void);
void defects_install_bus_refusals(void);
void defects_install_openings(void);
void defects_install_bus_calls(void);
void defects_install_contacts(void);
void defects_install_reference_counter(void);
void defects_install_signal_forms(void);
void defects_install_bus_edges(void);
void defects_install_bar_places(void);
void defects_install_synic_registers(void);
void defects_install_interrupt_forms(void);
void defects_install_transport(void);
void defects_install_packets(void);
void defects_install_event_flags(void);
void defects_install_full_queue(void);
void defects_install_ring_indexes(void);
void defects_install_pci_functions(void);
void defects_install_long_requests(void);
void defects_install_device_stops(void);
void defects_install_kept_registers(void);
void defects_install_bus_shortcuts(void);
void defects_install_calls_of_32_bits(void);
void defects_install_atomics(void);
void defects_install_call_codes(void);
void defects_install_unsupported_domains(void);
void defects_install_ended_connections(void);
void defects_install_machine(void);
void defects_install_message_forms(void);
void defects_install_functions_off(void);

#endif
