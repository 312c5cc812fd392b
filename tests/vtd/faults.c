/* SPDX-License-Identifier: MIT */
/* Fault records and their registers (VT-d 7.2.1, 11.4.7). */
#include "tests/vtd/vtd_test.h"

#define TEST_GROUP "vtd"

#define ELSEWHERE 0x00A0000000ull

static bool status(uint64_t bits)
{
    return (vtd_read32(VTD_FSTS) & (uint32_t)bits) != 0;
}

/* A domain with one page at IOVA, and the device in it. */
static struct domain *domain_of(struct test_run *t, struct dma_engine *e, struct buffer *b)
{
    struct domain *d;

    take_unit(t);
    *b = buffer(t, 1);
    d = domain_mapping(t, IOVA, b);
    attach(t, d, e);
    warm(t, e, IOVA, b, "mapped page");
    return d;
}

static struct record expect_record(struct test_run *t, const char *what)
{
    struct record r;

    CHECK(take_record(&r), "%s: no fault is recorded", what);
    return r;
}

static void clear_record(void)
{
    (void)vtd_clear_record(vtd_fault_record());
    vtd_write32(VTD_FSTS, (uint32_t)VTD_FSTS_OVERFLOW);
}

TEST(fault_record_fields,
     PROMISE("A fault record names the requester, the page, the direction and the reason")
     UNIT(vtd) COVERS("VTD-FLT-1 VTD-FLT-2") DEVICES(rocker) KINDS("dma fault")
     STEPS("A device writes to an unmapped IOVA, and reads from another one; each record is taken "
           "and cleared.")
     EXPECTS("F is set, reason 71h, the requester id of the device, the address of the page, T1 "
             "clear for the write and set for the read, T2 clear. FSTS.PPF is set while there is "
             "a record, with index 0.")
     IF_IT_FAILS("A driver blames the wrong device or page for a fault."))
{
    struct dma_engine *e = device(t);
    struct buffer b;
    uint8_t seen[4] = {0};

    domain_of(t, e, &b);
    for (unsigned read = 0; read < 2; read++) {
        const uint64_t iova = ELSEWHERE + read * 5 * PAGE_SIZE;
        struct record r;

        CHECK(!status(VTD_FSTS_PENDING), "FSTS.PPF is set without a fault");
        if (read)
            invert_by_device(t, e, iova + 0x10, sizeof(seen), seen, "read");
        else
            fill_by_device(t, e, iova + 0x10, sizeof(seen), "write");
        CHECK(status(VTD_FSTS_PENDING), "FSTS.PPF stays clear");
        CHECK_EQ(VTD_FSTS_INDEX(vtd_read32(VTD_FSTS)) < VTD_CAP_NFR(vtd_capabilities()), 1,
                 "FSTS.FRI is the index of a record");
        r = expect_record(t, "unmapped page");
        CHECK_EQ(VTD_FAULT_REASON(r.high), VTD_REASON_NOT_PRESENT, "field FR");
        CHECK_EQ(VTD_FAULT_SOURCE(r.high), e->function.bdf, "field SID");
        CHECK_EQ(r.low, iova, "field FI");
        CHECK_EQ((r.high & VTD_FAULT_READ) != 0, read, "field T1");
        CHECK_EQ(r.high & VTD_FAULT_ATOMIC, 0, "field T2");
        clear_record();
    }
}

TEST(fault_without_pasid,
     PROMISE("The record of a request without PASID does not say that it had one")
     UNIT(vtd) COVERS("VTD-FLT-3") DEVICES(rocker) KINDS("dma fault")
     STEPS("A device that knows no PASIDs writes to an unmapped IOVA.")
     EXPECTS("Field PP of the record is clear.")
     IF_IT_FAILS("A driver looks for the fault's owner among processes instead of devices."))
{
    struct dma_engine *e = device(t);
    struct buffer b;

    domain_of(t, e, &b);
    fill_by_device(t, e, ELSEWHERE, 4, "unmapped page");
    CHECK_EQ(expect_record(t, "unmapped page").high & VTD_FAULT_PASID, 0, "field PP");
}

TEST(fault_record_is_cleared,
     PROMISE("A fault record goes when 1 is written to its field F, and only then")
     UNIT(vtd) COVERS("VTD-FLT-4") DEVICES(rocker) KINDS("dma fault")
     STEPS("A device writes to an unmapped IOVA. 0 is written to the field F of the record, then "
           "1; the device faults again.")
     EXPECTS("The record stays after 0 and is gone after 1, and FSTS.PPF with it; the next fault "
             "is recorded.")
     IF_IT_FAILS("A driver loses faults, or takes the same one for ever."))
{
    struct dma_engine *e = device(t);
    struct buffer b;
    struct record r;

    domain_of(t, e, &b);
    fill_by_device(t, e, ELSEWHERE, 4, "unmapped page");
    expect_record(t, "unmapped page");
    vtd_write32(vtd_fault_record() + 12, 0);
    expect_record(t, "after 0 was written to F");
    clear_record();
    CHECK(!take_record(&r), "F stays set after 1 was written to it");
    CHECK(!status(VTD_FSTS_PENDING), "FSTS.PPF stays set without a record");
    fill_by_device(t, e, ELSEWHERE + PAGE_SIZE, 4, "another unmapped page");
    CHECK_EQ(expect_record(t, "second fault").low, ELSEWHERE + PAGE_SIZE, "field FI");
}

TEST(fault_overflow,
     PROMISE("A fault for which there is no record sets the overflow bit and changes no record")
     UNIT(vtd) COVERS("VTD-FLT-5") DEVICES(rocker) KINDS("dma fault")
     STEPS("On a unit with one fault record a device faults, and another one after it. The record "
           "is cleared, and a device faults; the overflow bit is cleared, and a device faults.")
     EXPECTS("The second fault sets FSTS.PFO; the record is still that of the first. While PFO is "
             "set nothing is recorded. Afterwards the next fault is.")
     IF_IT_FAILS("A driver cannot tell that it has missed faults, or reads a mixture of two."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b;
    struct domain *d = domain_of(t, first, &b);
    struct record r;

    if (VTD_CAP_NFR(vtd_capabilities()) != 1)
        SKIP("the unit has %u fault records", VTD_CAP_NFR(vtd_capabilities()));
    attach(t, d, second);
    fill_by_device(t, first, ELSEWHERE, 4, "first fault");
    CHECK(!status(VTD_FSTS_OVERFLOW), "FSTS.PFO is set after one fault");
    fill_by_device(t, second, ELSEWHERE + PAGE_SIZE, 4, "second fault");
    CHECK(status(VTD_FSTS_OVERFLOW), "FSTS.PFO stays clear");
    r = expect_record(t, "after the overflow");
    CHECK_EQ(VTD_FAULT_SOURCE(r.high), first->function.bdf, "field SID of the first fault");
    CHECK_EQ(r.low, ELSEWHERE, "field FI of the first fault");
    (void)vtd_clear_record(vtd_fault_record());
    fill_by_device(t, second, ELSEWHERE + PAGE_SIZE, 4, "fault while PFO is set");
    CHECK(!take_record(&r), "a fault is recorded although FSTS.PFO is set");
    clear_record();
    CHECK(!status(VTD_FSTS_OVERFLOW), "FSTS.PFO stays set after 1 was written to it");
    fill_by_device(t, second, ELSEWHERE + PAGE_SIZE, 4, "fault after the overflow");
    CHECK_EQ(VTD_FAULT_SOURCE(expect_record(t, "after the overflow").high), second->function.bdf,
             "field SID of the last fault");
}

TEST(fault_event_is_held,
     PROMISE("A masked fault event is pending until the fault is served")
     UNIT(vtd) COVERS("VTD-FLT-6") DEVICES(rocker) KINDS("dma fault")
     STEPS("With FECTL.IM set a device faults, and the record is cleared.")
     EXPECTS("FECTL.IP is set after the fault and clear after the record is gone.")
     IF_IT_FAILS("A driver that masks the interrupt while it works misses faults or gets one too "
                 "many."))
{
    struct dma_engine *e = device(t);
    struct buffer b;

    domain_of(t, e, &b);
    vtd_write32(VTD_FECTL, (uint32_t)VTD_EVENT_MASKED);
    fill_by_device(t, e, ELSEWHERE, 4, "unmapped page");
    CHECK(vtd_read32(VTD_FECTL) & (uint32_t)VTD_EVENT_PENDING, "FECTL.IP is clear after a fault");
    clear_record();
    CHECK(!(vtd_read32(VTD_FECTL) & (uint32_t)VTD_EVENT_PENDING),
          "FECTL.IP is set without a fault");
}

TEST(fault_of_a_cached_leaf,
     PROMISE("A write through a cached leaf without write permission is recorded")
     UNIT(vtd) COVERS("VTD-FLT-7") DEVICES(rocker) KINDS("dma fault")
     STEPS("A device reads a page that is mapped for reading, so that the leaf is cached, and "
           "writes to it.")
     EXPECTS("The write is refused, and recorded with reason 85h.")
     IF_IT_FAILS("The check of a cached entry forgets to report: a driver never learns of the "
                 "refused write."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_paging(t);

    take_unit(t);
    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    read_and_try_to_write(t, e, IOVA, 4);
    fill_by_device(t, e, IOVA, 4, "page for reading, cached");
    expect_untouched(t, &b, "page for reading");
    CHECK_EQ(VTD_FAULT_REASON(expect_record(t, "write through a cached leaf").high),
             VTD_REASON_WRITE, "field FR");
}

/* The structures a flaw is put in, by pointer of the entry that a device's requests go through. */
enum structure { ROOT, CONTEXT, DIRECTORY, PASID };
struct entry_flaw {
    enum structure structure;
    unsigned word;
    uint64_t bits;
    uint8_t reason;
};
#define FLAW(...) ((struct entry_flaw){__VA_ARGS__})

/* 9.2 and 9.4 to 9.6; the reasons are those of 7.1.3. */
#define ENTRY_FLAWS(ROW, test, LABEL)                                                              \
    ROW(test, absent_root, FLAW(ROOT, 0, VTD_PRESENT, 0x39),                                       \
        WORD(flaw, "root entry that is not present") LABEL("VTD-ENT-1"))                           \
    ROW(test, absent_context, FLAW(CONTEXT, 0, VTD_PRESENT, 0x41),                                 \
        WORD(flaw, "context entry that is not present") LABEL("VTD-ENT-1"))                        \
    ROW(test, absent_directory, FLAW(DIRECTORY, 0, VTD_PRESENT, 0x51),                             \
        WORD(flaw, "PASID directory entry that is not present") LABEL("VTD-ENT-1"))                \
    ROW(test, absent_pasid, FLAW(PASID, 0, VTD_PRESENT, 0x59),                                     \
        WORD(flaw, "PASID table entry that is not present") LABEL("VTD-ENT-1"))                    \
    ROW(test, reserved_root, FLAW(ROOT, 0, BIT(5), 0x3A),                                          \
        WORD(flaw, "root entry with a reserved bit set") LABEL("VTD-ENT-2"))                       \
    ROW(test, reserved_context, FLAW(CONTEXT, 0, BIT(7), 0x42),                                    \
        WORD(flaw, "context entry with a reserved bit set") LABEL("VTD-ENT-2"))                    \
    ROW(test, reserved_context_end, FLAW(CONTEXT, 3, BIT(63), 0x42),                               \
        WORD(flaw, "context entry with its last bit set") LABEL("VTD-ENT-2"))                      \
    ROW(test, reserved_directory, FLAW(DIRECTORY, 0, BIT(5), 0x52),                                \
        WORD(flaw, "PASID directory entry with a reserved bit set") LABEL("VTD-ENT-3"))            \
    ROW(test, reserved_pasid, FLAW(PASID, 7, BIT(63), 0x5A),                                       \
        WORD(flaw, "PASID table entry with its last bit set") LABEL("VTD-ENT-3"))                  \
    ROW(test, unknown_type, FLAW(PASID, 0, VTD_PASID_PASS_THROUGH, 0x5B),                          \
        WORD(flaw, "PASID table entry of a reserved translation type") LABEL("VTD-ENT-4"))         \
    ROW(test, unknown_levels, FLAW(PASID, 2, BITS(3, 2), 0x5B),                                    \
        WORD(flaw, "PASID table entry of a reserved paging mode") LABEL("VTD-ENT-4"))

#define ENTRY_BLOCKS(ROW, test)  ENTRY_FLAWS(ROW, test, COVERS)
#define ENTRY_REASONS(ROW, test) ENTRY_FLAWS(ROW, test, NO_LABEL)
#define NO_LABEL(ids)

VARIANTS(const struct entry_flaw, entry_flaws, ENTRY_REASONS);

static uint64_t *entry_of(const struct vtd_place *p, enum structure structure)
{
    switch (structure) {
    case ROOT:
        return p->root;
    case CONTEXT:
        return p->context;
    case DIRECTORY:
        return p->directory;
    default:
        return p->tables[p->now];
    }
}

/* The device of a flawed entry is blocked; returns whether there is a record. */
static bool blocked(struct test_run *t, const struct entry_flaw *flaw, struct record *r)
{
    struct dma_engine *e = device(t);
    struct vtd_place *p = place(t, e);
    struct buffer b;

    domain_of(t, e, &b);
    vtd_flaw(entry_of(p, flaw->structure) + flaw->word, flaw->bits);
    invalidate_all(t);
    fill_by_device(t, e, IOVA, 4, "flawed entry");
    expect_untouched(t, &b, "flawed entry");
    return take_record(r) && VTD_FAULT_SOURCE(r->high) == e->function.bdf;
}

TEST_EACH(blocks, ENTRY_BLOCKS,
          PROMISE("A {flaw} blocks its device")
          UNIT(vtd) DEVICES(rocker) KINDS("dma fault")
          STEPS("A device works in a domain. The entry that its requests go through gets the flaw, "
                "and all caches are invalidated. The device writes to the page.")
          EXPECTS("The write does not arrive, and a fault of the device is recorded.")
          IF_IT_FAILS("The unit translates by an entry that it must not use: a device works on "
                      "with half-written tables."))
{
    struct record r;

    CHECK(blocked(t, &VARIANT(entry_flaws), &r), "no fault of the device is recorded");
}

TEST_EACH(reason, ENTRY_REASONS,
          PROMISE("The fault record tells a {flaw} by its reason")
          UNIT(vtd) COVERS("VTD-ENT-5") DEVICES(rocker) KINDS("dma fault")
          STEPS("A device works in a domain. The entry that its requests go through gets the flaw, "
                "and all caches are invalidated. The device writes to the page.")
          EXPECTS("The record has the reason that scalable mode has for this entry.")
          IF_IT_FAILS("A driver reports another cause than the one that there is, as reasons of "
                      "legacy mode have other numbers than those of scalable mode."))
{
    struct record r;

    CHECK(blocked(t, &VARIANT(entry_flaws), &r), "no fault of the device is recorded");
    CHECK_EQ(VTD_FAULT_REASON(r.high), VARIANT(entry_flaws).reason, "field FR");
}

#define SILENT(ROW, test)                                                                          \
    ROW(test, context, CONTEXT, WORD(entry, "context entry"))                                      \
    ROW(test, directory, DIRECTORY, WORD(entry, "PASID directory entry"))                          \
    ROW(test, pasid, PASID, WORD(entry, "PASID table entry"))

VARIANTS(const enum structure, silent, SILENT);

TEST_EACH(silenced_by, SILENT,
          PROMISE("Faults are not recorded where the {entry} disables that, and are still faults")
          UNIT(vtd) COVERS("VTD-FLT-8") DEVICES(rocker) KINDS("dma fault")
          STEPS("Bit FPD of the entry is set, and all caches are invalidated. The device writes to "
                "an unmapped IOVA and to a mapped one.")
          EXPECTS("The first write leaves no record; the second one arrives.")
          IF_IT_FAILS("A driver cannot quiet a device that faults without end."))
{
    struct dma_engine *e = device(t);
    struct vtd_place *p = place(t, e);
    struct buffer b;
    struct record r;

    domain_of(t, e, &b);
    vtd_flaw(entry_of(p, VARIANT(silent)), VTD_FAULTS_OFF);
    invalidate_all(t);
    fill_by_device(t, e, ELSEWHERE, 4, "unmapped page, FPD set");
    CHECK(!take_record(&r), "a fault is recorded although FPD is set");
    expect_write(t, e, IOVA, &b, 0, 4, "mapped page, FPD set");
}
