/* SPDX-License-Identifier: MIT */
/* Virtual functions of SR-IOV, for the files of the PCI driver only. */
#ifndef PVT_DRIVERS_PCI_SRIOV_H
#define PVT_DRIVERS_PCI_SRIOV_H

#include "drivers/pci.h"

#define PCI_VIRTUAL_MAX 2u /* of one function */

/* Makes virtual functions of `physical`, at most PCI_VIRTUAL_MAX and up to the first whose device
 * id is not known, and describes them. Returns their number; 0: it has none, or firmware gave them
 * no address. */
unsigned pci_make_virtual(const struct pci_function *physical, bool (*is_known)(uint64_t device_id),
                          struct pci_function *made);

#endif
