/* SPDX-License-Identifier: MIT */
/* Which of the machine's engines tests can use. */
#include "abi/device_id.h"
#include "drivers/pci.h"
#include "lib/bits.h"
#include "tests/harness/fixture.h"
#include "tests/harness/suite.h"

bool device_exists(uint64_t device_id)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if (f[i].device_id == device_id)
            return true;
    return false;
}

bool device_is_reported(uint64_t device_id)
{
    struct hv_output_get_logical_device_property property = {0};

    return iommu_get_device_property(device_id, &property) == HV_STATUS_SUCCESS &&
           (property.device_iommu & HV_DEVICE_IOMMU_ENABLED) != 0;
}

/* No machine has so many devices that a random id of 62 bits is one of theirs, whatever the host
 * says about it. */
uint64_t unknown_device_id(struct test_run *t, uint64_t wanted)
{
    uint64_t id = wanted;

    if (device_exists(wanted) || device_is_reported(wanted)) {
        id = random_u64(&t->random) & HV_DEVICE_ID_LOGICAL_MASK;
        STEP("device 0x%llx may exist on a bus that this machine does not show: 0x%llx is taken",
             wanted, id);
    }
    return id;
}

static void name_device(const struct dma_engine *e, const char *what)
{
    unsigned bdf = e->function.bdf;

    report_comment("%s: class=%s bdf=%02x:%02x.%x id=0x%llx", what, e->ops->name, bdf >> 8,
                   bdf >> 3 & 31, bdf & 7, (unsigned long long)e->device_id);
}

/* Both the property and an attach must say so: a host that gets one of them wrong is to be found by
 * the tests. */
static bool out_of_reach(const struct suite *s, const struct dma_engine *e)
{
    struct hv_output_get_logical_device_property property = {0};
    enum hv_status status;

    if (!s->rest.live)
        return false;
    status = iommu_get_device_property(e->device_id, &property);
    if (status != HV_STATUS_SUCCESS || (property.device_iommu & HV_DEVICE_IOMMU_ENABLED) != 0)
        return false;
    status = iommu_attach(s->rest.id, e->device_id);
    return status != HV_STATUS_SUCCESS && status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
}

/* Tests use IOVAs up to the width that the host reports, so no test needs a wider one. A host may
 * report too much. */
static void widen(struct domain *d, struct dma_engine *e)
{
    const unsigned widths[] = {pviommu_capabilities()->max_iova_width, 47, 39, 32};
    uint64_t limit = stage1_iova_limit(&d->table);
    bool done = false;

    for (size_t i = 0; i < ARRAY_SIZE(widths) && !done; i++) {
        uint64_t end = widths[i] < 64 && BIT(widths[i]) < limit ? BIT(widths[i]) : limit;
        uint64_t iova = end - e->scratch_size;

        done = domain_map(d, iova, gpa_of(e->scratch), e->scratch_size,
                          STAGE1_READ | STAGE1_WRITE) == STAGE1_OK &&
               dma_widen(e, iova);
    }
}

/* After a failure it is tried again before the next test, and the tests of the class fail. */
static void prepare(struct suite *s, struct dma_engine *e)
{
    struct oracle_fault fault;
    struct domain d;
    uint64_t where;

    memory_test_begin(); /* tables are a test's memory */
    if (domain_create(&d, DOMAIN_PAGING, suite_first_id(s), 0, 0, NULL)) {
        if (!(e->ops->features & DMA_QUEUED)) {
            (void)domain_map(&d, STAGING_IOVA, gpa_of(e->scratch), e->scratch_size,
                             STAGE1_READ | STAGE1_WRITE);
            e->staging_iova = STAGING_IOVA;
        }
        (void)domain_attach(&d, e->device_id);
        if (dma_prepare(e))
            widen(&d, e);
        (void)domain_attach(&s->rest, e->device_id);
        (void)dma_reset(e);
        (void)domain_delete(&d);
    }
    (void)memory_test_end(&where);
    while (oracle_take_fault(e->device_id, &fault) && (fault.valid & ORACLE_FAULT_VALID)) {
    }
}

static void describe(const struct dma_engine *e)
{
    char text[400];

    if (e->ops->describe && (e->prepared || e->unusable)) {
        e->ops->describe(e, text, sizeof(text));
        report_comment("engine: id=0x%llx class=%s %s", (unsigned long long)e->device_id,
                       e->ops->name, text);
    }
}

void suite_prepare_class(struct suite *s, enum dma_class class)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; s->rest.live && i < count; i++) {
        if (e[i].class == class && (e[i].ops->features & DMA_STAGED) && !e[i].prepared &&
            !e[i].unusable) {
            prepare(s, &e[i]);
            describe(&e[i]);
        }
    }
}

static void name_unreachable(void)
{
    size_t count;
    const struct dma_engine *e = dma_unreachable(&count);

    for (size_t i = 0; i < count; i++) {
        unsigned bdf = e[i].function.bdf;

        report_comment("unreachable: class=%s bdf=%02x:%02x.%x id=0x%llx registers=0x%llx "
                       "reason=\"above 2^47\"",
                       e[i].ops->name, bdf >> 8, bdf >> 3 & 31, bdf & 7,
                       (unsigned long long)e[i].device_id,
                       (unsigned long long)pci_bar(&e[i].function, 0));
    }
}

void suite_find_devices(struct suite *s)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    name_unreachable();

    for (size_t i = 0; i < count;) {
        if (out_of_reach(s, &e[i])) {
            name_device(&e[i], "outside"); /* of the pvIOMMU */
            dma_engine_leave_out(&e[i]);
            (void)dma_engines(&count);
        } else {
            name_device(&e[i++], "device");
        }
    }
}
