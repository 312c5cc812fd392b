/* SPDX-License-Identifier: MIT */
/* A second kernel on VMBus: the connection of the first one ends, by UNLOAD or only when the second
 * one makes contact, and all buses are offered again (CON-4). */
#include "abi/msr.h"
#include "drivers/vmbus/vmbus.h"
#include "drivers/vpci/restart.h"
#include "drivers/vpci/vpci.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "restart"

#define WIDE 40u /* address lines of a device that reaches all memory */

#define ENDS(ROW, test)                                                                            \
    ROW(test, unload, VPCI_BY_UNLOAD, WORD(way, "by UNLOAD"))                                      \
    ROW(test, contact, VPCI_BY_CONTACT, WORD(way, "by INITIATE_CONTACT of the second kernel"))

VARIANTS(const enum vpci_end, ends, ENDS);

static void need_buses(struct test_run *t)
{
    if (vmbus_init()->stage != VMBUS_CONNECTED || !vpci_has_buses())
        SKIP("there is no bus on VMBus");
}

static bool on_bus(const struct dma_engine *e)
{
    return e->function.vpci;
}

/* The first kernel goes. From here on no device of a bus is in reach. */
static void leave(struct test_run *t, enum vpci_end how)
{
    REQUIRE(vpci_disconnect(how), "UNLOAD was not answered");
    STEP(how == VPCI_BY_UNLOAD ? "UNLOAD" : "no UNLOAD: the channels stay open");
    REQUIRE(msr_write_safe(HV_MSR_GUEST_OS_ID, 0) == TRAP_NONE, "GUEST_OS_ID cannot be cleared");
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
    STEP("GUEST_OS_ID is cleared and set up again: the second kernel starts");
}

static void connect(struct test_run *t)
{
    uint64_t device_id = 0;

    CHECK(vpci_contact_again(), "VMBus cannot be connected again: %s",
          vmbus_stage_text(vmbus_init()->stage));
    STEP("INITIATE_CONTACT and REQUEST_OFFERS are answered");
    dma_bus_was_reset(NULL);
    CHECK(vpci_connect_again(&device_id), "the bus of device 0x%llx does not come back",
          (unsigned long long)device_id);
    STEP("all buses are back");
}

static void hand_over(struct test_run *t, enum vpci_end how)
{
    leave(t, how);
    connect(t);
}

/* One IOVA: the GPA of `open`, which the paging domain leads to `paged`. */
struct estate {
    struct dma_engine *in_paging, *in_blocked, *in_none;
    struct domain *paging;
    struct buffer open, paged;
    uint64_t iova;
};

static unsigned devices_on_buses(struct test_run *t, struct dma_engine **list)
{
    unsigned count = fast_devices(t, list, 1), kept = 0;

    for (unsigned i = 0; i < count; i++)
        if (on_bus(list[i]))
            list[kept++] = list[i];
    if (kept < 3)
        SKIP("needs three devices on buses of VMBus");
    return kept;
}

static void estate_open(struct test_run *t, struct estate *s)
{
    struct dma_engine *list[DMA_ENGINES_MAX];
    unsigned count = devices_on_buses(t, list);

    s->in_paging = list[0];
    s->in_blocked = list[1];
    s->in_none = list[count - 1];
    s->open = buffer(t, 1);
    s->paged = buffer(t, 1);
    s->iova = gpa_of(s->open.data);
    s->paging = domain_mapping(t, s->iova, &s->paged);
    attach(t, s->paging, s->in_paging);
    attach(t, domain_blocked(t), s->in_blocked);
    attach(t, s->paging, s->in_none);
    CHECK_SUCCESS(pviommu_detach(s->in_none->device_id), "DETACH of an attached device");
    warm(t, s->in_paging, s->iova, &s->paged, "before the first kernel goes");
}

/* Reaches memory by its GPA. */
static bool is_open(struct test_run *t, struct estate *s, struct dma_engine *e, const char *what)
{
    bool open = may_write(t, e, s->iova, &s->open, 0, 16, what);

    expect_untouched(t, &s->paged, "a page of a domain in which the device is not");
    return open;
}

enum outcome { OLD_TABLES, UNTRANSLATED, BLOCKED };

static enum outcome of_paging(struct test_run *t, struct estate *s)
{
    enum outcome outcome = BLOCKED;

    fill_by_device(t, s->in_paging, s->iova, 16, "the device of the paging domain");
    drain_faults(t, s->in_paging);
    if (*(volatile uint8_t *)s->paged.data != POISON_FRESH)
        outcome = OLD_TABLES;
    else if (*(volatile uint8_t *)s->open.data != POISON_FRESH)
        outcome = UNTRANSLATED;
    buffer_refresh(&s->paged);
    buffer_refresh(&s->open);
    return outcome;
}

static const char *outcome_text(enum outcome outcome)
{
    return outcome == OLD_TABLES ? "uses its tables"
           : outcome == BLOCKED  ? "is blocked"
                                 : "passes through";
}

TEST_EACH(domains_after, ENDS,
          LEVEL(observe)
          PROMISE("After a hand-over {way} a device is still in its domain, or in none as in its "
                  "first offer; it is never half in a domain")
          COVERS("CON-4 DEL-4") ABI() DEVICES(NONE) KINDS("dma fault device")
          STEPS("Three devices are in a paging domain, in a blocking one and in none. The first "
                "kernel's connection to VMBus ends {way}, GUEST_OS_ID is cleared and set up again, "
                "and the second kernel connects and brings all buses up. All three write. The "
                "old domain is deleted, and the device that was in it writes again.")
          EXPECTS("The test records what each device reaches. Only the device of the old domain "
                  "may use its tables, and only while the domain cannot be deleted because of it.")
          IF_IT_FAILS("The host takes a device out of its domain when VMBus goes and leaves the "
                      "translation in the IOMMU, or gives it to another device: the second kernel "
                      "reuses the pages of tables that are in force."))
{
    struct estate s;
    enum outcome paging;
    bool blocked, none;
    enum hv_status status;

    need_buses(t);
    estate_open(t, &s);
    hand_over(t, VARIANT(ends));
    paging = of_paging(t, &s);
    blocked = is_open(t, &s, s.in_blocked, "the device of the blocking domain");
    none = is_open(t, &s, s.in_none, "the device in no domain");
    status = pviommu_delete(s.paging->id);
    STEP("delete the old domain 0x%llx: %s", s.paging->id, hv_status_name(status));
    OBSERVE("a device of a paging domain %s, of a blocking one %s, of none %s; DELETE of the old "
            "domain: %s",
            outcome_text(paging), blocked ? "passes through" : "is blocked",
            none ? "passes through" : "is blocked", hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        CHECK(of_paging(t, &s) != OLD_TABLES,
              "the tables of a domain that is deleted are still in force");
        CHECK(paging != OLD_TABLES,
              "a domain was deleted whose tables a device used until then, and the device was not "
              "in it");
    }
}

TEST_EACH(takes_over_after, ENDS,
          PROMISE("After a hand-over {way} the second kernel finds every bus, and blocks and uses "
                  "its devices in domains of its own")
          COVERS("CON-4 BUS-6 ATT-2 ATT-4 ATT-7") ABI() DEVICES(ALL) KINDS("dma fault")
          STEPS("The device uses a domain of the first kernel, which leads the GPA of one page to "
                "another page. The connection to VMBus ends {way}, "
                "GUEST_OS_ID is cleared and set up again, and the second kernel connects and "
                "brings all buses up. It moves the device to a blocking domain, then to a paging "
                "domain of its own, deletes the old domain, and creates its id again.")
          EXPECTS("Each bus is offered again, with its GUID. Blocked, the device reaches nothing; "
                  "in the new domain it reaches the new page; the first kernel's page stays "
                  "unchanged. The old domain is deleted, or has ended; CREATE succeeds, and the "
                  "device works in the domain of the old id.")
          IF_IT_FAILS("The host forgets a bus, or mixes up what it knows of a device before and "
                      "after a connection: the second kernel has no device, or one that is not in "
                      "its domain."))
{
    struct dma_engine *e = device(t);
    struct buffer open = buffer(t, 1), a = buffer(t, 1), b = buffer(t, 1);
    uint64_t iova = gpa_of(open.data);
    struct domain *old, *mine;
    enum hv_status status;

    need_buses(t);
    if (!on_bus(e))
        SKIP("the device is on no bus of VMBus");
    if (e->iova_bits < WIDE)
        iova = IOVA;
    old = domain_mapping(t, iova, &a);
    attach(t, old, e);
    warm(t, e, iova, &a, "the first kernel's page");
    hand_over(t, VARIANT(ends));
    attach(t, domain_blocked(t), e);
    fill_by_device(t, e, iova, 16, "blocked by the second kernel");
    drain_faults(t, e);
    expect_untouched(t, &open, "blocked by the second kernel: memory at the GPA");
    expect_untouched(t, &a, "blocked by the second kernel: the first kernel's page");
    mine = domain_mapping(t, iova, &b);
    attach(t, mine, e);
    expect_write(t, e, iova, &b, 0, 16, "the second kernel's page");
    expect_untouched(t, &a, "the first kernel's page");
    status = domain_delete(old);
    STEP("delete the old domain: %s", hv_status_name(status)); /* or it ended with the kernel */
    old = domain_with_id(t, DOMAIN_PAGING, (uint32_t)old->id);
    map(t, old, iova, &b, RW);
    attach(t, old, e);
    expect_write(t, e, iova, &b, 0, 16, "the second kernel's page, in a domain of the old id");
}

TEST_EACH(rings_after, ENDS,
          PROMISE("After a hand-over {way} the host does not touch the rings of the first kernel")
          COVERS("BUS-5") DEVICES(NONE) KINDS("device")
          STEPS("The connection to VMBus ends {way}, GUEST_OS_ID is cleared and set up again, and "
                "the second kernel connects. It opens no channel yet. A request is written into "
                "the ring of each bus of before, and the channel is signaled.")
          EXPECTS("No byte of the rings changes within five milliseconds.")
          IF_IT_FAILS("The host keeps channels open when their connection ends. The second kernel "
                      "uses this memory for other things: the host overwrites them, or takes them "
                      "for requests."))
{
    uint64_t device_id = 0;
    bool dead;

    need_buses(t);
    leave(t, VARIANT(ends));
    CHECK(vpci_contact_again(), "VMBus cannot be connected again: %s",
          vmbus_stage_text(vmbus_init()->stage));
    dead = vpci_rings_are_dead(&device_id);
    CHECK(dead, "the host writes to the ring of device 0x%llx of the earlier connection",
          (unsigned long long)device_id);
    connect(t);
}
