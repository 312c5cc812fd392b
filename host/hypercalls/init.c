/* SPDX-License-Identifier: MIT */
#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/domains/domains.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/state.h"
#include "host/iommu/iommu_mux.h"
#include "host/iommu/soft_backend.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/sriov.h"
#include "host/vdev/vdev.h"

static const struct iommu_backend *backend;

const struct iommu_backend *hypercalls_backend(void)
{
    return backend;
}

void hypercalls_init(void)
{
    const struct pci_function *function;
    unsigned count, managed = 0;

    pci_enumerate(&count);
    if (!soft_options.no_functions)
        vdev_create();
    if (!vdev_off_bus)
        sriov_add_functions();
    config_trap_init();
    function = pci_functions(&count);
    backend = iommu_mux_find();
    if (!backend)
        host_panic("no usable translation unit: neither VT-d nor virtual functions");
    domains_init(backend);
    for (unsigned i = 0; i < count; i++) {
        if (!function[i].managed || !backend->owns(function[i].bdf))
            continue;
        domains_add_device(function[i].device_id, function[i].bdf);
        managed++;
    }
    host_log(LOG_INFO, "%u PCI functions, %u of them behind the pvIOMMU (%s)\n", count, managed,
             backend->name);
}
