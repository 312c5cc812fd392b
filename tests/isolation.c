/* SPDX-License-Identifier: MIT */
/* Devices and domains are kept apart (ISO-1 to ISO-3, ATT-9). */
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "isolation"
#define IOVA       0x04000000ull
#define RW         (STAGE1_READ | STAGE1_WRITE)

TEST(isolation_two_domains, "same_iova_two_targets", "ISO-1", ON_FAST, "dma",
     "Two devices in two domains use the same IOVA, each reaches its own page")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *x = domain_paging(t), *y = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    map(t, x, IOVA, &a, RW);
    map(t, y, IOVA, &b, RW);
    attach(t, x, first);
    attach(t, y, second);
    for (unsigned i = 0; i < 4; i++) {
        expect_write(t, first, IOVA + 16 * i, &a, 16 * i, 16, "first device");
        expect_write(t, second, IOVA + 16 * i, &b, 16 * i, 16, "second device");
        expect_untouched(t, &a, "first page");
    }
}

TEST(isolation_three_devices, "three_devices_three_domains", "ISO-1 ATT-9", ON_FAST, "dma,fault",
     "Three devices in three domains: each sees its own mapping and nobody else's")
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
                expect_write_fault(t, e[i], iova, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "an IOVA of another domain");
            }
        }
    }
}

TEST(isolation_shared_domain, "two_devices_one_domain", "ATT-9", ON_FAST, "dma",
     "Two devices in one domain share its mappings")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 2);

    map(t, d, IOVA, &b, RW);
    attach(t, d, first);
    attach(t, d, second);
    expect_write(t, first, IOVA, &b, 0, 16, "first device");
    expect_write(t, second, IOVA + 16, &b, 16, 16, "second device");
    expect_write(t, second, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "second device, other page");
    expect_write(t, first, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "first device, other page");
}

TEST(isolation_move_one, "moving_one_of_two", "ISO-2", ON_FAST, "dma",
     "Moving one of two devices out of a domain leaves the other one in it")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *x = domain_paging(t), *y = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    map(t, x, IOVA, &a, RW);
    map(t, y, IOVA, &b, RW);
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

TEST(isolation_move_other_domain, "moving_next_to_a_bystander", "ISO-2", ON_FAST, "dma",
     "Moving a device through blocking, identity and paging domains does not disturb a device in a domain of its own")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *mine = domain_paging(t), *kinds[3] = {domain_blocked(t), domain_identity(t), domain_paging(t)};
    struct buffer b = buffer(t, 1);

    map(t, mine, IOVA, &b, RW);
    attach(t, mine, second);
    for (unsigned i = 0; i < 9; i++) {
        attach(t, kinds[i % 3], first);
        expect_write(t, second, IOVA + i, &b, i, 16, "the bystander");
    }
}

TEST(isolation_block_one, "blocking_one_of_two", "ISO-2 ATT-7", ON_FAST, "dma,fault",
     "Blocking one of two devices in a domain does not block the other")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *d = domain_paging(t), *blocked = domain_blocked(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, RW);
    attach(t, d, first);
    attach(t, d, second);
    attach(t, blocked, first);
    expect_write_fault(t, first, IOVA, 16, &b, ORACLE_FAULT_CLASS_BLOCKED, "the blocked device");
    expect_write(t, second, IOVA, &b, 0, 16, "the other device");
}

TEST(isolation_delete_other, "deleting_another_domain", "ISO-2 DOM-8", ON_FAST, "dma",
     "Deleting one domain leaves the mappings of another in force")
{
    struct dma_engine *e = device(t);
    struct domain *mine = domain_paging(t), *other = domain_paging(t);
    struct buffer b = buffer(t, 2);

    map(t, mine, IOVA, &b, RW);
    attach(t, mine, e);
    warm(t, e, IOVA, &b, "before");
    delete_domain(t, other);
    expect_write(t, e, IOVA, &b, 0, 16, "cached page");
    expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 16, "page used for the first time");
}

TEST(isolation_foreign_partition, "foreign_partition_is_refused", "ISO-3", ON_FAST, "dma,fault,bad-input",
     "Calls that name another partition are refused and do nothing to this one's domains and devices")
{
    static const uint64_t partitions[] = {0, 1, 2, 0xDEAD, 0x8000000000000000};
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t), *other = domain_blocked(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    for (unsigned i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        struct hv_input_attach_device_domain in = {.device_id = e->device_id};
        struct hv_input_detach_device_domain out = {.partition_id = partitions[i], .device_id = e->device_id};
        struct hv_input_flush_device_domain fl = {0};

        if (partitions[i] == own_partition_id()) {
            continue;
        }
        STEP1(t, "calls with partition id 0x%llx", partitions[i]);
        pviommu_fill_domain(&in.device_domain, other->id);
        in.device_domain.partition_id = partitions[i];
        CHECK_REFUSED(hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0),
                      "ATTACH in the name of another partition");
        CHECK_REFUSED(hypercall_simple(HVCALL_DETACH_DEVICE_DOMAIN, &out, sizeof(out), NULL, 0),
                      "DETACH in the name of another partition");
        CHECK_REFUSED(
            hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &in.device_domain, sizeof(in.device_domain), NULL, 0),
            "DELETE in the name of another partition");
        pviommu_fill_domain(&fl.device_domain, d->id);
        fl.device_domain.partition_id = partitions[i];
        CHECK_REFUSED(hypercall_simple(HVCALL_FLUSH_DEVICE_DOMAIN, &fl, sizeof(fl), NULL, 0),
                      "FLUSH in the name of another partition");
        expect_write(t, e, IOVA, &b, 0, 16, "the device, where it was");
    }
    attach(t, other, e);
    expect_write_fault(t, e, IOVA, 16, &b, ORACLE_FAULT_CLASS_BLOCKED, "the other domain, which still exists");
}
