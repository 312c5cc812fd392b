/* SPDX-License-Identifier: MIT */
/* GET_LOGICAL_DEVICE_PROPERTY: whether a device is behind the pvIOMMU. ATTACH is the proof of what
 * it says. */
#define TEST_GROUP "property"
#include "abi/device_id.h"
#include "abi/hypercall.h"
#include "drivers/pci.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/suite.h"
#include "tests/harness/tally.h"

static enum hv_status ask(uint64_t device_id, uint32_t code,
                          struct hv_output_get_logical_device_property *out)
{
    struct hv_input_get_logical_device_property input = {
        .partition_id = HV_PARTITION_ID_SELF, .logical_device_id = device_id, .code = code};

    *out = (struct hv_output_get_logical_device_property){0};
    return hypercall_simple(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, &input, sizeof(input), out,
                            sizeof(*out));
}

static bool is_managed(struct test_run *t, uint64_t device_id)
{
    struct hv_output_get_logical_device_property out;
    enum hv_status status = ask(device_id, HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU, &out);

    STEP("property of device 0x%llx: %s, device_iommu 0x%llx", device_id, hv_status_name(status),
         out.device_iommu);
    return status == HV_STATUS_SUCCESS && (out.device_iommu & HV_DEVICE_IOMMU_ENABLED);
}

/* Into the blocking domain in which the harness parks devices: the only one that outlives the test.
 */
static bool attach_works(struct test_run *t, uint64_t device_id)
{
    enum hv_status status = pviommu_attach(REST_DOMAIN_ID, device_id);

    STEP("attach device 0x%llx to a blocking domain: %s", device_id, hv_status_name(status));
    return status == HV_STATUS_SUCCESS || status == HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
}

static struct dma_engine *any_engine(struct test_run *t)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    capabilities(t);
    if (count == 0)
        SKIP("this machine has no DMA engine");
    return e;
}

TEST(engines_are_managed,
     PROMISE("Every device that can be attached has bit 0 of device_iommu set, before and while it "
             "is attached")
     COVERS("PROP-1") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Asks for the pvIOMMU property of each DMA engine, tries to attach it, and asks again "
           "while it is attached.")
     EXPECTS("Whether bit 0 is set and whether ATTACH works agree, and the bit stays set while "
             "attached.")
     IF_IT_FAILS("A guest would leave a managed device without a driver for its IOMMU, or would "
                 "try to manage one that it cannot."))
{
    struct dma_engine *e = any_engine(t);
    struct domain *d = domain_paging(t);
    size_t count;

    dma_engines(&count);
    for (size_t i = 0; i < count; i++) {
        bool before = is_managed(t, e[i].device_id);

        CHECK(attach_works(t, e[i].device_id) == before,
              "device 0x%llx: the property says %s, but ATTACH does the opposite",
              (unsigned long long)e[i].device_id, before ? "managed" : "not managed");
        if (!before)
            continue;
        attach(t, d, &e[i]);
        CHECK(is_managed(t, e[i].device_id),
              "device 0x%llx is not managed while attached to a paging domain",
              (unsigned long long)e[i].device_id);
    }
}

TEST(functions_agree_with_attach,
     PROMISE("For each PCI function the property tells whether ATTACH takes it")
     COVERS("PROP-1 PROP-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Asks for the property of each PCI function and tries to attach it to a blocking "
           "domain.")
     EXPECTS("ATTACH works exactly for those that are reported as managed.")
     IF_IT_FAILS("The two calls look the device up in different ways."))
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    capabilities(t);
    for (size_t i = 0; i < count; i++) {
        uint64_t id = f[i].device_id;
        bool managed = is_managed(t, id), attached = attach_works(t, id);

        CHECK(managed || !attached, "function 0x%llx is not managed, but ATTACH takes it",
              (unsigned long long)id);
        CHECK(!managed || attached, "function 0x%llx is reported as managed, but ATTACH refuses it",
              (unsigned long long)id);
    }
}

/* A device that no bus shows, or another name of the canary's: then ATTACH or DETACH of the id
 * moves the canary. */
static void expect_device_of_its_own(struct test_run *t, struct canary *by, uint64_t id)
{
    enum hv_status status;

    CHECK(attach_works(t, id), "device 0x%llx is reported as managed, but ATTACH does not know it",
          (unsigned long long)id);
    expect_undisturbed(t, by, "ATTACH of a device that no bus shows");
    status = pviommu_detach(id);
    STEP("detach device 0x%llx: %s", id, hv_status_name(status));
    CHECK_SUCCESS(status, "DETACH of an attached device");
    expect_undisturbed(t, by, "DETACH of a device that no bus shows");
}

TEST(unknown_ids_are_not_managed,
     PROMISE("A device id that no device has is never reported as managed, and cannot be attached")
     COVERS("PROP-2 PROP-3") ABI() DEVICES(NONE) KINDS("bad-input device")
     STEPS("Asks for the property of ids that differ from a device's in one bit and of random ids, "
           "and tries to attach each. One that can be attached is detached again.")
     EXPECTS("ATTACH takes just the ids that are reported as managed: they may be devices that no "
             "bus shows. None of them moves the device beside it. Of the random ids none is "
             "managed. The statuses are recorded.")
     IF_IT_FAILS("The host compares a part of the device id only."))
{
    enum { RANDOM_IDS = 64, FLIPPED_BITS = 62 };
    uint64_t first = any_engine(t)->device_id;
    struct canary by = canary(t);
    struct hv_output_get_logical_device_property out;
    struct tally tally = {0};

    first = by.engine ? by.engine->device_id : first;
    for (unsigned i = 0; i < RANDOM_IDS + FLIPPED_BITS; i++) {
        /* Beside a known device, by one bit: a host that compares only a part of the id takes it
         * for that device. */
        bool beside = i < FLIPPED_BITS;
        uint64_t id =
            beside ? first ^ 1ull << i : random_u64(&t->random) & HV_DEVICE_ID_LOGICAL_MASK;

        if (device_exists(id))
            continue;
        tally_add(&tally, ask(id, HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU, &out));
        if (beside && is_managed(t, id)) {
            expect_device_of_its_own(t, &by, id);
            continue;
        }
        CHECK(!is_managed(t, id), "device 0x%llx does not exist, but is reported as managed",
              (unsigned long long)id);
        CHECK(!attach_works(t, id), "device 0x%llx is not managed, but ATTACH takes it",
              (unsigned long long)id);
    }
    expect_undisturbed(t, &by, "calls with unknown device ids");
    observe_tally(t, "unknown device ids", &tally);
}

OBSERVATION(unknown_codes,
            PROMISE("Property codes other than 10: the statuses, and that the device stays managed")
            COVERS("PROP-4") ABI() DEVICES(NONE) KINDS("bad-input device")
            STEPS("Asks for sixteen property codes other than the pvIOMMU's.")
            EXPECTS("The statuses are open and recorded; the device is managed afterwards as "
                    "before.")
            IF_IT_FAILS("A question changes the device."))
{
    static const uint32_t codes[] = {0, 1, 2,  3,  4,     5,       6,          7,
                                     8, 9, 11, 12, 0x10A, 0x1000A, 0x8000000A, UINT32_MAX};
    struct dma_engine *e = any_engine(t);
    struct hv_output_get_logical_device_property out;
    struct tally tally = {0};
    bool before = is_managed(t, e->device_id);

    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
        tally_add(&tally, ask(e->device_id, codes[i], &out));
    observe_tally(t, "codes other than 10", &tally);
    CHECK(is_managed(t, e->device_id) == before,
          "the property changed after questions with other codes");
}

OBSERVATION(other_id_types,
            PROMISE("The id of a device with other type bits: the statuses, and that the device "
                    "stays managed")
            COVERS("PROP-5") ABI() DEVICES(NONE) KINDS("bad-input device")
            STEPS("Asks for the property of a device with its id under other type bits.")
            EXPECTS("The statuses are open and recorded; the device is managed afterwards as "
                    "before.")
            IF_IT_FAILS("A question changes the device."))
{
    struct dma_engine *e = any_engine(t);
    struct hv_output_get_logical_device_property out;
    bool before = is_managed(t, e->device_id);
    struct tally tally = {0};

    for (unsigned type = HV_DEVICE_ID_PCI; type <= HV_DEVICE_ID_ACPI; type++) {
        tally_add(&tally, ask(hv_device_id((enum hv_device_id_type)type, e->device_id),
                              HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU, &out));
    }
    observe_tally(t, "types that are not logical", &tally);
    CHECK(is_managed(t, e->device_id) == before,
          "the property changed after questions with other types");
}

TEST(reserved_output_zero,
     PROMISE("After SUCCESS the reserved word and all bits of device_iommu but bit 0 are zero, for "
             "each PCI function")
     COVERS("PROP-6 GEN-12") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Asks for the property of each PCI function.")
     EXPECTS("After SUCCESS the reserved word and all bits of device_iommu but bit 0 are zero.")
     IF_IT_FAILS("The host returns uninitialized memory, or bits that have no meaning yet."))
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    capabilities(t);
    for (size_t i = 0; i < count; i++) {
        struct hv_output_get_logical_device_property out;
        uint64_t id = f[i].device_id;

        STEP("property of device 0x%llx", id);
        if (ask(id, HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU, &out) == HV_STATUS_SUCCESS) {
            CHECK_EQ(out.device_iommu & HV_DEVICE_IOMMU_RESERVED, 0,
                     "undefined bits of device_iommu");
            CHECK_EQ(out.reserved, 0, "reserved output word of the device property");
        }
    }
}

TEST(property_is_stable,
     PROMISE("A device stays managed through attach, DMA, detach and the deletion of its domain")
     COVERS("PROP-1") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("Asks for the property of a device at the start, after DMA in a domain, after DETACH, "
           "and after its domain is deleted.")
     EXPECTS("The device is managed each time.")
     IF_IT_FAILS("The property follows the attachment instead of the place of the device."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    CHECK(is_managed(t, e->device_id), "the device is not managed");
    map(t, d, 0x3000000, &b, STAGE1_READ | STAGE1_WRITE);
    attach(t, d, e);
    warm(t, e, 0x3000000, &b, "DMA of a managed device");
    CHECK(is_managed(t, e->device_id), "the device is not managed after DMA");
    CHECK_SUCCESS(pviommu_detach(e->device_id), "DETACH");
    CHECK(is_managed(t, e->device_id), "the device is not managed while it is in no domain");
    delete_domain(t, d);
    CHECK(is_managed(t, e->device_id), "the device is not managed after its domain is gone");
}
