/* SPDX-License-Identifier: MIT */
/* Which of the machine's engines tests can use. */
#include "tests/harness/suite.h"

static void name_device(const struct dma_engine *e, const char *what)
{
    unsigned bdf = e->function.bdf;

    report_comment("%s: class=%s bdf=%02x:%02x.%x id=0x%llx", what, e->ops->name, bdf >> 8, bdf >> 3 & 31, bdf & 7,
                   (unsigned long long)e->device_id);
}

/* Both the property and an attach must say so: a host that gets one of them wrong is to be found by the tests. */
static bool out_of_reach(const struct suite *s, const struct dma_engine *e)
{
    struct hv_output_get_logical_device_property property = {0};
    enum hv_status status;

    if (!s->rest.live) {
        return false;
    }
    status = pviommu_get_device_property(e->device_id, &property);
    if (status != HV_STATUS_SUCCESS || (property.device_iommu & HV_DEVICE_IOMMU_ENABLED) != 0) {
        return false;
    }
    status = pviommu_attach(s->rest.id, e->device_id);
    return status != HV_STATUS_SUCCESS && status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
}

void suite_find_devices(struct suite *s)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count;) {
        if (out_of_reach(s, &e[i])) {
            name_device(&e[i], "left out, not behind the pvIOMMU");
            dma_engine_leave_out(&e[i]);
            (void)dma_engines(&count);
        } else {
            name_device(&e[i++], "device");
        }
    }
}
