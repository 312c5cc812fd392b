/* SPDX-License-Identifier: MIT */
/*
 * All devices of the machine at once, across buses, units and classes. A host that finds a device
 * by a part of its address, counts devices in too few bits, or walks a list of them up to a limit
 * is right with two devices.
 */
#define TEST_GROUP "isolation"
#include "drivers/dmaprobe.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define LEAST  2u
#define LENGTH 16u
#define SLOT   3u
#define HELD   64u /* offset in a page of what is held in flight */

struct crowd {
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count;
    struct buffer page; /* one for each device */
};

static void crowd_open(struct test_run *t, struct crowd *c)
{
    c->count = fast_devices(t, c->e, LEAST);
    c->page = buffer(t, c->count);
}

static uint64_t iova_of(unsigned i)
{
    return IOVA + i * PAGE_SIZE;
}

/* The page that the device's write to `iova` reaches; the number of devices when it reaches none.
 */
static unsigned reached(struct test_run *t, struct crowd *c, unsigned i, uint64_t iova)
{
    unsigned found = c->count, places = 0;

    fill_by_device(t, c->e[i], iova, LENGTH, "DMA");
    for (unsigned k = 0; k < c->count; k++) {
        uint8_t *at = c->page.data + k * PAGE_SIZE;

        if (memory_find_other(at, LENGTH, POISON_FRESH)) {
            found = memory_find_other(at, LENGTH, c->e[i]->ops->fill_value) ? c->count + 1 : k;
            memset(at, POISON_FRESH, LENGTH);
            places++;
        }
    }
    drain_faults(t, c->e[i]);
    return places > 1 ? c->count + 1 : found;
}

static void expect_reach(struct test_run *t, struct crowd *c, unsigned i, uint64_t iova,
                         unsigned page, const char *when)
{
    unsigned found = reached(t, c, i, iova);

    STEP("device 0x%llx writes at IOVA 0x%llx; page reached: %llu of %llu", c->e[i]->device_id,
         iova, found, c->count);
    CHECK(found == page, "%s: device 0x%llx reaches page %u, and should reach %u (%u: none)", when,
          (unsigned long long)c->e[i]->device_id, found, page, c->count);
}

TEST(each_device_its_domain,
     PROMISE("All devices of the machine, each in a domain of its own, reach the page of that "
             "domain at one IOVA, before and after the flush of each")
     COVERS("ISO-1 ATT-1 FL-1 FL-4") DEVICES(NONE) KINDS("dma fault flush device")
     STEPS("Each device that is not slow gets a domain in which one IOVA leads to a page of its "
           "own. All write. Then one domain after the other is unmapped and flushed; after each "
           "flush all devices write again.")
     EXPECTS("Each device reaches its own page alone until its domain is flushed, and none "
             "afterwards.")
     IF_IT_FAILS("The host finds domains or devices by a part of their name, or flushes another "
                 "domain."))
{
    struct crowd c;
    struct domain *d[DMA_ENGINES_MAX];

    crowd_open(t, &c);
    for (unsigned i = 0; i < c.count; i++) {
        d[i] = domain_paging(t);
        map_gpa(t, d[i], IOVA, gpa_of(c.page.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        attach(t, d[i], c.e[i]);
    }
    for (unsigned flushed = 0; flushed <= c.count; flushed++) {
        for (unsigned i = 0; i < c.count; i++)
            expect_reach(t, &c, i, IOVA, i < flushed ? c.count : i, "each in its own domain");
        if (flushed < c.count) {
            *leaf_entry(t, d[flushed], IOVA) = 0;
            flush(t, d[flushed]);
        }
    }
}

static void hold_all(struct test_run *t, struct crowd *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (dmaprobe_is(c->e[i])) {
            continuous_dma_hold(t, c->e[i], SLOT,
                                (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                          .iova = iova_of(i) + HELD,
                                                          .length = LENGTH,
                                                          .operand = c->e[i]->ops->fill_value});
        }
    }
}

static void release_all(struct test_run *t, struct crowd *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (dmaprobe_is(c->e[i]))
            (void)continuous_dma_release(t, c->e[i], SLOT);
}

TEST(all_in_one_domain,
     PROMISE("One flush of a domain with all devices of the machine reaches the caches and the DMA "
             "in flight of each")
     COVERS("FL-1 FL-6 ATT-9 LS-1") DEVICES(NONE) KINDS("dma fault flush device")
     STEPS("All devices that are not slow are in one domain, each uses a page of its own, and each "
           "that can holds a DMA to it. All pages are unmapped and flushed by domain. The DMAs are "
           "released, and all devices write again. The same with one list element.")
     EXPECTS("Each device reaches its page before. After the flush nothing lands any more, be it "
             "new or in flight.")
     IF_IT_FAILS("The host flushes the first devices of a domain, or those behind one of its "
                 "units."))
{
    struct crowd c;
    struct domain *d;

    crowd_open(t, &c);
    d = domain_paging(t);
    for (unsigned i = 0; i < c.count; i++)
        attach(t, d, c.e[i]);
    for (unsigned way = 0; way < 2; way++) {
        map(t, d, iova_of(0), &c.page, RW);
        for (unsigned i = 0; i < c.count; i++)
            expect_reach(t, &c, i, iova_of(i), i, "all in one domain");
        hold_all(t, &c);
        for (unsigned i = 0; i < c.count; i++)
            *leaf_entry(t, d, iova_of(i)) = 0;
        if (way == 0)
            flush(t, d);
        else
            flush_list(t, d, iova_of(0), c.page.size);
        buffer_refresh(&c.page);
        release_all(t, &c);
        expect_untouched(t, &c.page, "DMA in flight after the flush of a domain with all devices");
        for (unsigned i = 0; i < c.count; i++)
            expect_reach(t, &c, i, iova_of(i), c.count, "flushed for all");
        unmap(t, d, iova_of(0), c.page.size); /* clears what is left of the tables */
        flush(t, d);
    }
}

TEST(each_moves_alone,
     PROMISE("Moving or detaching one of all devices of the machine leaves all others where they "
             "are")
     COVERS("ISO-2 ATT-1 ATT-9 DET-1") ABI() DEVICES(NONE) KINDS("dma fault device")
     STEPS("All devices that are not slow are in one domain. One after the other is detached, "
           "attached to a second domain, and comes back; after each call all devices write.")
     EXPECTS("The one that moved reaches what its state allows, and every other one its page of "
             "the first domain.")
     IF_IT_FAILS("The host finds a device by a part of its requester id, such as device and "
                 "function without the bus."))
{
    struct crowd c;
    struct domain *all, *other;
    struct buffer elsewhere;

    crowd_open(t, &c);
    all = domain_paging(t);
    elsewhere = buffer(t, 1);
    other = domain_mapping(t, IOVA, &elsewhere);
    map(t, all, iova_of(0), &c.page, RW);
    for (unsigned i = 0; i < c.count; i++)
        attach(t, all, c.e[i]);
    for (unsigned mover = 0; mover < c.count; mover++) {
        for (unsigned state = 0; state < 3; state++) {
            if (state == 0)
                CHECK_SUCCESS(iommu_detach(c.e[mover]->device_id), "DETACH of one of all devices");
            else
                attach(t, state == 1 ? other : all, c.e[mover]);
            for (unsigned i = 0; i < c.count; i++) {
                bool away = i == mover && state < 2;

                expect_reach(t, &c, i, iova_of(i), away ? c.count : i,
                             "while one of all devices moves");
            }
            if (state == 1)
                expect_write(t, c.e[mover], IOVA, &elsewhere, 0, LENGTH, "the device that moved");
        }
    }
}

TEST(delete_with_devices,
     PROMISE("DELETE of a domain with one to all devices of the machine is refused without effect, "
             "or blocks them all")
     COVERS("DEL-2 DEL-4") ABI() DEVICES(NONE) KINDS("dma fault device")
     STEPS("The devices that are not slow join a domain one after the other, and leave it one "
           "after the other. Whenever their number has changed, the domain is deleted, and each "
           "device in it writes.")
     EXPECTS("After a refusal each device in the domain reaches its page; after SUCCESS none does, "
             "and the domain can be created again.")
     IF_IT_FAILS("The host counts the devices of a domain in too few bits, or forgets all of them "
                 "when one leaves: tables that the guest gives to a new owner stay in use."))
{
    struct crowd c;
    struct domain *rest, *d;

    crowd_open(t, &c);
    rest = domain_blocked(t);
    d = domain_mapping(t, iova_of(0), &c.page);
    for (unsigned step = 1; step < 2 * c.count; step++) {
        unsigned inside = step <= c.count ? step : 2 * c.count - step;
        unsigned mover = step <= c.count ? step - 1 : 2 * c.count - step;
        enum hv_status status;

        attach(t, step <= c.count ? d : rest, c.e[mover]);
        status = iommu_delete(d->id);
        STEP("delete domain 0x%llx with %llu devices: %s", d->id, inside, hv_status_name(status));
        for (unsigned i = 0; i < c.count; i++) {
            bool live = i < inside && status != HV_STATUS_SUCCESS;

            expect_reach(t, &c, i, iova_of(i), live ? i : c.count,
                         "DELETE of a domain with devices");
        }
        if (status == HV_STATUS_SUCCESS) {
            CHECK_SUCCESS(iommu_create(d->id), "CREATE of an id that was deleted with devices");
            CHECK_SUCCESS(iommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                          stage1_root_gpa(&d->table)),
                          "CONFIGURE of a domain that was deleted with devices and made again");
            for (unsigned i = 0; i < inside; i++)
                attach(t, d, c.e[i]);
        }
    }
}
