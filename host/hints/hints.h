/* SPDX-License-Identifier: MIT */
/*
 * The log of what a guest did to the pvIOMMU, and hints at what its driver probably did not mean
 * to do. They are for authors of drivers: a hint is no violation of the ABI, and nothing that the
 * host does depends on one.
 */
#ifndef PVT_HOST_HINTS_HINTS_H
#define PVT_HOST_HINTS_HINTS_H

/* Installs both where the log takes traces. Before hypercalls_init(). */
void hints_install(void);

#endif
