/* SPDX-License-Identifier: MIT */
/* Puts the variants that are on into the host. */
#ifndef PVT_HOST_VARIANTS_INSTALL_H
#define PVT_HOST_VARIANTS_INSTALL_H

/* Once, at launch: after the options are parsed, before anything is initialized by them. */
void variants_install(void);

/* One for each area, in the file of this name: a variant changes fields of the rules of a layer. */
void variants_install_guest_state(void);
void variants_install_calls(void);
void variants_install_domains(void);
void variants_install_iommu(void);
void variants_install_virtual_functions(void);
void variants_install_unseen(void);
void variants_install_buses(void);
void variants_install_packets(void);
void variants_install_bus_requests(void);
void variants_install_bus_time(void);
void variants_install_page_lists(void);
void variants_install_function_states(void);
void variants_install_ioat(void);
void variants_install_flush_flags(void);

#endif
