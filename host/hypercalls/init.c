/* SPDX-License-Identifier: MIT */
#include "host/domains/domains.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/state.h"
#include "host/log.h"
#include "host/pci/functions.h"

const struct iommu_backend *hypercalls_backend(void)
{
    return &backend_vtd;
}

void hypercalls_init(void)
{
    const struct iommu_backend *backend = hypercalls_backend();
    const struct pci_function *function;
    unsigned count, managed = 0;

    function = pci_enumerate(&count);
    if (!backend->init())
        host_die("no usable translation backend: %s is the only one", backend->name);
    domains_init(backend);
    for (unsigned i = 0; i < count; i++) {
        if (!function[i].managed || !backend->owns(function[i].bdf))
            continue;
        domains_add_device(function[i].device_id, function[i].bdf);
        managed++;
    }
    host_log(LOG_INFO, "%u PCI functions, %u of them behind the pvIOMMU (%s)\n", count, managed, backend->name);
}
