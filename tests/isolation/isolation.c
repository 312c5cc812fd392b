/* SPDX-License-Identifier: MIT */
/* Devices and domains are kept apart (ISO-1 to ISO-3, ATT-9). */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "isolation"

TEST(same_iova_two_targets,
     PROMISE("Two devices in two domains use the same IOVA, each reaches its own page")
     COVERS("ISO-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two devices in two domains that map the same IOVA to different pages write in turn.")
     EXPECTS("Each finds its own page, every time.")
     IF_IT_FAILS("Translations are cached without the DID of their domain."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *x = domain_mapping(t, IOVA, &a), *y = domain_mapping(t, IOVA, &b);

    attach(t, x, first);
    attach(t, y, second);
    for (unsigned i = 0; i < 4; i++) {
        expect_write(t, first, IOVA + 16 * i, &a, 16 * i, 16, "first device");
        expect_write(t, second, IOVA + 16 * i, &b, 16 * i, 16, "second device");
        expect_untouched(t, &a, "first page");
    }
}

TEST(three_devices_three_domains,
     PROMISE("Three devices in three domains: each sees its own mapping and no other")
     COVERS("ISO-1 ATT-9") DEVICES(ALL) KINDS("dma fault")
     STEPS("Three devices in three domains. Each writes to an IOVA that all map, to one that only "
           "its own domain maps, and to those of the others.")
     EXPECTS("The first two land in its own page, the others fault as not present.")
     IF_IT_FAILS("Devices share tables or cache entries that they must not share."))
{
    struct buffer b = buffer(t, 3);
    struct dma_engine *e[3];
    struct domain *d[3];

    for (unsigned i = 0; i < 3; i++) {
        e[i] = device_n(t, i);
        d[i] = domain_paging(t);
        map_gpa(t, d[i], IOVA, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        map_gpa(t, d[i], IOVA + (1 + i) * SIZE_2M, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        attach(t, d[i], e[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        expect_write(t, e[i], IOVA, &b, i * PAGE_SIZE, 16, "the IOVA that all three map");
        for (unsigned j = 0; j < 3; j++) {
            uint64_t iova = IOVA + (1 + j) * SIZE_2M;

            if (i == j) {
                expect_write(t, e[i], iova, &b, i * PAGE_SIZE, 16, "the IOVA of its own");
            } else {
                expect_write_fault(t, e[i], iova, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                   "an IOVA of another domain");
            }
        }
    }
}

TEST(two_devices_one_domain,
     PROMISE("Two devices in one domain share its mappings")
     COVERS("ATT-9") DEVICES(ALL) KINDS("dma")
     STEPS("Two devices in one domain write to two pages in turn.")
     EXPECTS("All four writes land.")
     IF_IT_FAILS("A domain serves one device only."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, first);
    attach(t, d, second);
    expect_write(t, first, IOVA, &b, 0, 16, "first device");
    expect_write(t, second, IOVA + 16, &b, 16, 16, "second device");
    expect_write(t, second, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "second device, other page");
    expect_write(t, first, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "first device, other page");
}

TEST(moving_one_of_two,
     PROMISE("Moving one of two devices out of a domain leaves the other one in it")
     COVERS("ISO-2") DEVICES(ALL) KINDS("dma")
     STEPS("Two devices share a domain. The first is moved to another domain that maps the same "
           "IOVA elsewhere; both write. Then the second is moved as well.")
     EXPECTS("The moved device finds the new page at once, the other one the old page until it "
             "moves.")
     IF_IT_FAILS("A move takes all devices of the domain along, or leaves the moved one with old "
                 "translations."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *x = domain_mapping(t, IOVA, &a), *y = domain_mapping(t, IOVA, &b);

    attach(t, x, first);
    attach(t, x, second);
    warm(t, first, IOVA, &a, "first device");
    warm(t, second, IOVA, &a, "second device");
    attach(t, y, first);
    expect_write(t, first, IOVA, &b, 0, 16, "the device that moved");
    expect_write(t, second, IOVA, &a, 0, 16, "the device that stayed");
    attach(t, y, second);
    expect_write(t, second, IOVA, &b, 0, 16, "the second device, moved too");
}

TEST(moving_next_to_a_bystander,
     PROMISE("Moving a device through blocking, identity and paging domains does not change a "
             "device in a domain of its own")
     COVERS("ISO-2") DEVICES(ALL) KINDS("dma")
     STEPS("One device is moved nine times through blocking, identity and paging domains; after "
           "each move a second device in a domain of its own writes.")
     EXPECTS("All writes of the second device land.")
     IF_IT_FAILS("A move changes the entry of another device, or flushes so that it cannot "
                 "translate any more."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct domain *mine = domain_mapping(t, IOVA, &b);
    struct domain *kinds[3] = {domain_blocked(t), domain_identity(t), domain_paging(t)};

    attach(t, mine, second);
    for (unsigned i = 0; i < 9; i++) {
        attach(t, kinds[i % 3], first);
        expect_write(t, second, IOVA + i, &b, i, 16, "the canary");
    }
}

TEST(blocking_one_of_two,
     PROMISE("Blocking one of two devices in a domain does not block the other")
     COVERS("ISO-2 ATT-7") DEVICES(ALL) KINDS("dma fault")
     STEPS("Two devices share a domain; one is moved to a blocking domain. Both try to write.")
     EXPECTS("The blocked one faults, the other one's write lands.")
     IF_IT_FAILS("Blocking works on the domain instead of on the device."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);

    attach(t, d, first);
    attach(t, d, second);
    attach(t, blocked, first);
    expect_write_fault(t, first, IOVA, 16, &b, ORACLE_FAULT_CLASS_BLOCKED, "the blocked device");
    expect_write(t, second, IOVA, &b, 0, 16, "the other device");
}

TEST(deleting_another_domain,
     PROMISE("Deleting one domain leaves the mappings of another in force")
     COVERS("ISO-2 DOM-8") DEVICES(ALL) KINDS("dma")
     STEPS("The device uses a page of its domain. Another domain is deleted; the device writes to "
           "the cached page and to one that it never used.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("Deleting a domain frees or clears something that another one uses."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *mine = domain_mapping(t, IOVA, &b), *other = domain_paging(t);

    attach(t, mine, e);
    warm(t, e, IOVA, &b, "before");
    delete_domain(t, other);
    expect_write(t, e, IOVA, &b, 0, 16, "cached page");
    expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "page used for the first time");
}

TEST(foreign_partition_is_refused,
     PROMISE("Calls that name another partition are refused and do nothing to this one's domains "
             "and devices")
     COVERS("ISO-3") ABI() DEVICES(ALL) KINDS("dma fault bad-input")
     STEPS("ATTACH, DETACH, DELETE and FLUSH are sent in the name of five other partitions. After "
           "each round the device writes; at the end it is moved to the domain that a DELETE "
           "named.")
     EXPECTS("All are refused, the device's writes land, and the other domain is still there.")
     IF_IT_FAILS("The host does not check the partition id in the parameters."))
{
    static const uint64_t partitions[] = {0, 1, 2, 0xDEAD, 0x8000000000000000};
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *other = domain_blocked(t);

    attach(t, d, e);
    for (unsigned i = 0; i < ARRAY_SIZE(partitions); i++) {
        struct hv_input_attach_device_domain in = {.device_id = e->device_id};
        struct hv_input_detach_device_domain out = {.partition_id = partitions[i],
                                                    .device_id = e->device_id};
        struct hv_input_flush_device_domain fl = {0};

        if (partitions[i] == own_partition_id())
            continue;
        STEP("calls with partition id 0x%llx", partitions[i]);
        pviommu_fill_domain(&in.device_domain, other->id);
        in.device_domain.partition_id = partitions[i];
        CHECK_REFUSED(hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0),
                      "ATTACH in the name of another partition");
        CHECK_REFUSED(hypercall_simple(HVCALL_DETACH_DEVICE_DOMAIN, &out, sizeof(out), NULL, 0),
                      "DETACH in the name of another partition");
        CHECK_REFUSED(hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &in.device_domain,
                                       sizeof(in.device_domain), NULL, 0),
                      "DELETE in the name of another partition");
        pviommu_fill_domain(&fl.device_domain, d->id);
        fl.device_domain.partition_id = partitions[i];
        CHECK_REFUSED(hypercall_simple(HVCALL_FLUSH_DEVICE_DOMAIN, &fl, sizeof(fl), NULL, 0),
                      "FLUSH in the name of another partition");
        expect_write(t, e, IOVA, &b, 0, 16, "the device, where it was");
    }
    attach(t, other, e);
    expect_write_fault(t, e, IOVA, 16, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "the other domain, which still exists");
}
