/* SPDX-License-Identifier: MIT */
/* The emulated engine of abi/ioat.h (docs/ioat.md). All calls: with the lock of the software IOMMU
 * held. */
#ifndef PVT_HOST_VDEV_IOAT_H
#define PVT_HOST_VDEV_IOAT_H

#include "host/vdev/vdev.h"

#define IOAT_MSIX_VECTORS 1u

/* Makes the function one; from the host's pool. */
void ioat_new(struct vdev_function *function);

#endif
