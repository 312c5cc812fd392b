/* SPDX-License-Identifier: MIT */
/* Virtual functions that a guest may make by SR-IOV (PCI Express Base 5.0, 9.3.3). */
#ifndef PVT_HOST_VDEV_SRIOV_H
#define PVT_HOST_VDEV_SRIOV_H

#define SRIOV_FUNCTIONS_MAX 64u /* of the machine; the others have no device id */

/* Adds to the list of PCI functions each virtual function that a managed function of the machine
 * can make, by the requester id that its capability tells: it has a device id and a translation of
 * its own, whether the guest has made it or not. DMA of all other requesters is blocked. Before
 * launch, after pci_enumerate() and vdev_create(). Not for a machine whose functions are off the
 * PCI bus: the guest finds no such capability there. */
void sriov_add_functions(void);

#endif
