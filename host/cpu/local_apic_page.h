/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_LOCAL_APIC_PAGE_H
#define PVT_HOST_CPU_LOCAL_APIC_PAGE_H

/* At launch: stores of the guest to the page of the local APIC are checked from then on, and those
 * to the messages above it are refused. */
void local_apic_page_init(void);

#endif
