/* SPDX-License-Identifier: MIT */
/*
 * A refused call judged by objects that come after it: a domain that is created next, a device that
 * is attached next, the next list. A value that a host has stored before it refused, in a structure
 * that the next call finds, shows there and nowhere else. The refused values belong to other live
 * objects: the top table of another domain, its id, another device.
 */
#define TEST_GROUP "hypercall"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/call_table.h"
#include "tests/harness/fixture.h"

#define LENGTH          8u
#define ELEMENTS        4u
#define OTHER_PARTITION UINT64_C(5)
#define NO_DEVICE       UINT64_C(0x00000000FFFFFFF7)
#define RESERVED_FLAG   (UINT64_C(1) << 40)

enum page { PAGE_LIVE, PAGE_OTHER, PAGE_LATER, PAGES = PAGE_LATER + ELEMENTS };

struct scene {
    struct dma_engine *busy, *fresh;
    struct domain *live,
        *other; /* the first has the busy device in it, the other none; both map IOVA */
    struct buffer page;
    uint32_t unknown; /* an id that refused calls name, and that no domain has */
    uint32_t later;   /* an id that no call has named */
};

static unsigned reached(struct test_run *t, struct scene *s, struct dma_engine *e, uint64_t iova)
{
    unsigned found = PAGES;

    fill_by_device(t, e, iova, LENGTH, "DMA");
    for (unsigned i = 0; i < PAGES; i++) {
        uint8_t *at = s->page.data + i * PAGE_SIZE;

        if (memory_find_other(at, LENGTH, POISON_FRESH)) {
            found = i;
            memset(at, POISON_FRESH, LENGTH);
        }
    }
    drain_faults(t, e);
    return found;
}

static void expect_page(struct test_run *t, struct scene *s, struct dma_engine *e, uint64_t iova,
                        unsigned page, const char *after, const char *what)
{
    unsigned found = reached(t, s, e, iova);

    CHECK(found == page, "after %s: %s reaches page %u, and should reach %u (%u: none)", after,
          what, found, page, (unsigned)PAGES);
}

/* A domain that comes now, under that id, with the fresh device. */
static void later_domain(struct test_run *t, struct scene *s, uint32_t id, const char *after)
{
    struct domain d;
    uint64_t element[ELEMENTS];
    unsigned done = 0;
    enum hv_status status;
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "CREATE and CONFIGURE of domain 0x%x, after %s", id, after);
    CHECK(domain_create(&d, DOMAIN_PAGING, id, 0, 0, &status), "%s: %s", what,
          hv_status_name(status));
    expect_page(t, s, s->fresh, IOVA, PAGES, after, "a device in no domain");
    map_gpa(t, &d, IOVA, gpa_of(s->page.data) + PAGE_LATER * PAGE_SIZE, ELEMENTS * PAGE_SIZE, RW);
    fmt_snprintf(what, sizeof(what), "ATTACH to a new domain, after %s", after);
    CHECK_SUCCESS(pviommu_attach(id, s->fresh->device_id), what);
    for (unsigned i = 0; i < ELEMENTS; i++) {
        expect_page(t, s, s->fresh, IOVA + i * PAGE_SIZE, PAGE_LATER + i, after,
                    "a device in a new domain");
        element[i] = hv_iommu_range((IOVA >> HV_PAGE_SHIFT) + i, 0);
        *leaf_entry(t, &d, IOVA + i * PAGE_SIZE) = 0;
    }
    fmt_snprintf(what, sizeof(what), "a list flush of a new domain, after %s", after);
    CHECK_SUCCESS(pviommu_flush_list(id, element, ELEMENTS, &done), what);
    CHECK_EQ(done, ELEMENTS, what);
    for (unsigned i = 0; i < ELEMENTS; i++) {
        expect_page(t, s, s->fresh, IOVA + i * PAGE_SIZE, PAGES, after,
                    "a device, by a page of the next list,");
    }
    map_gpa(t, &d, IOVA, gpa_of(s->page.data) + PAGE_LATER * PAGE_SIZE, PAGE_SIZE, RW);
    expect_page(t, s, s->fresh, IOVA, PAGE_LATER, after, "a device, by a page mapped again,");
    *leaf_entry(t, &d, IOVA) = 0;
    fmt_snprintf(what, sizeof(what), "FLUSH of a new domain, after %s", after);
    CHECK_SUCCESS(pviommu_flush(id), what);
    expect_page(t, s, s->fresh, IOVA, PAGES, after, "a device, by a page of the next FLUSH,");
    map_gpa(t, &d, IOVA, gpa_of(s->page.data) + PAGE_LATER * PAGE_SIZE, PAGE_SIZE, RW);
    expect_page(t, s, s->fresh, IOVA, PAGE_LATER, after, "a device, by a page mapped again,");
    fmt_snprintf(what, sizeof(what), "DETACH from a new domain, after %s", after);
    CHECK_SUCCESS(pviommu_detach(s->fresh->device_id), what);
    expect_page(t, s, s->fresh, IOVA, PAGES, after, "a device that has left a new domain");
    fmt_snprintf(what, sizeof(what), "DELETE of a new domain, after %s", after);
    CHECK_SUCCESS(domain_delete(&d), what);
}

static void expect_later(struct test_run *t, struct scene *s, enum hv_status status,
                         const char *after)
{
    char what[TEXT_MAX];

    STEP("%s: %s", after, hv_status_name(status));
    expect_page(t, s, s->busy, IOVA, PAGE_LIVE, after, "the device in use");
    later_domain(t, s, s->later, after);
    later_domain(t, s, s->unknown, after);
    expect_page(t, s, s->busy, IOVA, PAGE_LIVE, after,
                "the device in use, beside a domain that came and went,");
    fmt_snprintf(what, sizeof(what), "ATTACH to a domain that was not used yet, after %s", after);
    CHECK_SUCCESS(pviommu_attach(s->other->id, s->busy->device_id), what);
    expect_page(t, s, s->busy, IOVA, PAGE_OTHER, after,
                "a device that moves to a domain that was not used yet");
    fmt_snprintf(what, sizeof(what), "ATTACH to the domain that the device was in before, after %s",
                 after);
    CHECK_SUCCESS(pviommu_attach(s->live->id, s->busy->device_id), what);
    expect_page(t, s, s->busy, IOVA, PAGE_LIVE, after, "a device that came back");
}

static enum hv_status create(uint64_t partition, uint32_t id, uint32_t flags)
{
    struct hv_input_create_device_domain input = {.flags = flags};

    pviommu_fill_domain(&input.device_domain, id);
    input.device_domain.partition_id = partition;
    return hypercall_simple(HVCALL_CREATE_DEVICE_DOMAIN, &input, sizeof(input), NULL, 0);
}

static enum hv_status configure(uint64_t partition, uint32_t id, uint64_t flags, uint64_t root)
{
    struct hv_input_configure_device_domain input = {
        .settings = {.flags = flags, .page_table_root = root}};

    pviommu_fill_domain(&input.device_domain, id);
    input.device_domain.partition_id = partition;
    return hypercall_simple(HVCALL_CONFIGURE_DEVICE_DOMAIN, &input, sizeof(input), NULL, 0);
}

static enum hv_status attach_for(uint64_t partition, uint32_t id, uint64_t device_id)
{
    struct hv_input_attach_device_domain input = {.device_id = device_id};

    pviommu_fill_domain(&input.device_domain, id);
    input.device_domain.partition_id = partition;
    return hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &input, sizeof(input), NULL, 0);
}

/* The two devices are of one unit or, where the machine has more, of two. */
static void scene_open(struct test_run *t, struct scene *s, bool one_unit)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, e, 2);

    s->busy = e[one_unit ? count - 2 : 0];
    s->fresh = e[count - 1];
    s->page = buffer(t, PAGES);
    s->live = domain_paging(t);
    s->other = domain_paging(t);
    map_gpa(t, s->live, IOVA, gpa_of(s->page.data) + PAGE_LIVE * PAGE_SIZE, PAGE_SIZE, RW);
    map_gpa(t, s->other, IOVA, gpa_of(s->page.data) + PAGE_OTHER * PAGE_SIZE, PAGE_SIZE, RW);
    s->unknown = fresh_domain_id(t);
    s->later = fresh_domain_id(t);
    attach(t, s->live, s->busy);
}

TEST(later_domains,
     PROMISE("After a refused CREATE or CONFIGURE the next domains and devices are what their own "
             "calls say")
     COVERS("GEN-10 DOM-1 CFG-1 ATT-1") ABI() DEVICES(NONE) KINDS("dma fault bad-input device")
     STEPS("CREATE is refused: of an id that exists, for another partition, with reserved flags. "
           "CONFIGURE is refused: for another partition, of an unknown id, with a reserved flag "
           "and with a misaligned top table, each with the top table of another domain that is in "
           "use. After each, two domains are created, one of them under the refused id, a device "
           "is attached and writes, four pages are flushed by a list, and the device that was in "
           "use moves to another domain and back.")
     EXPECTS("Every DMA reaches the page that the domain of its device maps, and nothing else.")
     IF_IT_FAILS("The host has stored a part of the refused call where the next one finds it: id, "
                 "top table or flags."))
{
    struct scene s;
    uint64_t root;
    enum hv_status status;

    scene_open(t, &s, false);
    root = stage1_root_gpa(&s.live->table);
    expect_later(t, &s, pviommu_create(s.live->id), "CREATE of an id that exists");
    expect_later(t, &s, create(OTHER_PARTITION, s.unknown, 1), "CREATE for another partition");
    status = create(HV_PARTITION_ID_SELF, s.unknown, HV_CREATE_DEVICE_DOMAIN_RESERVED);
    if (status == HV_STATUS_SUCCESS)
        CHECK_SUCCESS(pviommu_delete(s.unknown), "DELETE of a domain just created");
    expect_later(t, &s, status, "CREATE with reserved flags");
    expect_later(
        t, &s,
        configure(OTHER_PARTITION, s.other->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root),
        "CONFIGURE for another partition");
    expect_later(
        t, &s,
        configure(HV_PARTITION_ID_SELF, s.unknown, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root),
        "CONFIGURE of an unknown domain");
    for (unsigned i = 0; i < 2; i++) {
        CHECK_SUCCESS(pviommu_create(s.unknown), "CREATE of a free id");
        status = i == 0
                     ? configure(HV_PARTITION_ID_SELF, s.unknown,
                                 HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL | RESERVED_FLAG, root)
                     : configure(HV_PARTITION_ID_SELF, s.unknown,
                                 HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root + sizeof(uint64_t));
        CHECK_SUCCESS(pviommu_delete(s.unknown), "DELETE of a domain without devices");
        expect_later(t, &s, status,
                     i == 0 ? "CONFIGURE with a reserved flag"
                            : "CONFIGURE with a misaligned top table");
    }
}

static void attach_unsupported(struct test_run *t, struct scene *s)
{
    struct domain *five;
    enum hv_status status;

    if (!(capabilities(t)->iommu_cap & HV_IOMMU_CAP_S1_5LVL))
        return;
    five = domain_paging_with(t, 5, PAGE_SIZE);
    status = pviommu_attach((uint32_t)five->id, s->busy->device_id);
    if (status == HV_STATUS_SUCCESS)
        attach(t, s->live, s->busy);
    expect_later(t, s, status, "ATTACH to a domain with five levels");
    delete_domain(t, five);
}

TEST(later_devices,
     PROMISE("After a refused ATTACH, DETACH or DELETE the next domains and devices are what their "
             "own calls say")
     COVERS("GEN-10 ATT-1 ATT-8 DEL-4 DOM-1") ABI() DEVICES(NONE)
     KINDS("dma fault bad-input device")
     STEPS("ATTACH is refused: to an unknown domain, of an unknown device, for another partition, "
           "and, where a unit walks four levels, to a domain with five. "
           "DETACH is refused: of an unknown device, and of one in no domain. DELETE is refused: "
           "of a domain with a device, and of an unknown one. After each, the same look at two new "
           "domains and at the device in use.")
     EXPECTS("Every DMA reaches the page that the domain of its device maps, and nothing else; no "
             "domain is gone.")
     IF_IT_FAILS("The host has kept device or domain of the refused call for the next one, or "
                 "carries the refused call out when it becomes possible."))
{
    struct scene s;
    enum hv_status status;

    scene_open(t, &s, false);
    expect_later(t, &s, pviommu_attach(s.unknown, s.fresh->device_id),
                 "ATTACH to an unknown domain");
    expect_later(t, &s, pviommu_attach(s.other->id, NO_DEVICE), "ATTACH of an unknown device");
    expect_later(t, &s, attach_for(OTHER_PARTITION, s.other->id, s.fresh->device_id),
                 "ATTACH for another partition");
    attach_unsupported(t, &s);
    expect_later(t, &s, pviommu_detach(NO_DEVICE), "DETACH of an unknown device");
    expect_later(t, &s, pviommu_detach(s.fresh->device_id), "DETACH of a device in no domain");
    status = pviommu_delete(s.live->id);
    if (status == HV_STATUS_SUCCESS) {
        CHECK_SUCCESS(pviommu_create(s.live->id), "CREATE of an id that was deleted with a device");
        CHECK_SUCCESS(pviommu_configure(s.live->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                        stage1_root_gpa(&s.live->table)),
                      "CONFIGURE of a domain that was deleted with a device and made again");
        attach(t, s.live, s.busy);
    }
    if (status != HV_STATUS_SUCCESS)
        CHECK_REFUSED(pviommu_delete(s.live->id), "DELETE of a domain with a device, once more");
    expect_later(t, &s, status, "DELETE of a domain with a device");
    expect_later(t, &s, pviommu_delete(s.unknown), "DELETE of an unknown domain");
}

TEST(later_flushes,
     PROMISE("After a refused flush the next list drops each of its pages")
     COVERS("LS-5 LS-4 GEN-10 FL-1") ABI() DEVICES(NONE) KINDS("dma fault flush bad-input device")
     STEPS("Flushes of an unknown domain, and lists whose first, third or last element is not "
           "aligned to its size, are made. After each, the same look at two new domains, each with "
           "a list flush of four pages, and at the device in use.")
     EXPECTS("Each page of the next list is out of reach, and everything else is as its own calls "
             "say.")
     IF_IT_FAILS("The host goes on where an earlier list ended: it keeps the number of an element "
                 "beyond the call."))
{
    static const char *const after[] = {
        "a list refused at element 0", "a list refused at element 1", "a list refused at element 2",
        "a list refused at element 3"};
    struct scene s;

    scene_open(t, &s, false);
    expect_later(t, &s, pviommu_flush(s.unknown), "FLUSH of an unknown domain");
    for (unsigned bad = 0; bad < ELEMENTS; bad++) {
        uint64_t element[ELEMENTS];

        for (unsigned i = 0; i < ELEMENTS; i++)
            element[i] = hv_iommu_range((IOVA >> HV_PAGE_SHIFT) + 1, i == bad ? 9 : 0);
        expect_later(t, &s, pviommu_flush_list(s.other->id, element, ELEMENTS, NULL), after[bad]);
    }
}

/* One thing is wrong with a call: bits of its control word, of the address of its list, or a field.
 */
static const struct flaw {
    const char *name;
    uint64_t control;
    uint32_t offset; /* of the list in its page; the calls are at 0 else */
    uint8_t field;   /* enum field_kind, whose bit 6 is flipped; FIELD_RESERVED: none */
} flaws[] = {
    {"with a reserved bit in its control word", HV_CONTROL_RESERVED_HIGH, 0, FIELD_RESERVED},
    {"with a variable header", UINT64_C(1) << HV_CONTROL_VAR_HEADER_SHIFT, 0, FIELD_RESERVED},
    {"with a rep start", UINT64_C(1) << HV_CONTROL_REP_START_SHIFT, 0, FIELD_RESERVED},
    {"with a misaligned list", 0, 4, FIELD_RESERVED},
    {"with a list that crosses its page", 0, PAGE_SIZE - 8, FIELD_RESERVED},
    {"for another partition", 0, 0, FIELD_PARTITION},
    {"with an unknown domain", 0, 0, FIELD_DOMAIN},
    {"with an unknown device", 0, 0, FIELD_DEVICE},
};

static void right_body(const struct scene *s, enum call_id call, uint32_t bare,
                       uint64_t body[CALL_WORDS_MAX])
{
    struct hv_input_device_domain *name = (void *)body;
    bool of_busy = call == CALL_DETACH || call == CALL_PROPERTY;

    memset(body, 0, CALL_WORDS_MAX * sizeof(*body));
    if (call_table[call].names_domain)
        pviommu_fill_domain(name, call == CALL_CREATE      ? s->unknown
                                  : call == CALL_CONFIGURE ? bare
                                  : call == CALL_ATTACH    ? s->live->id
                                                           : s->other->id);
    body[0] = HV_PARTITION_ID_SELF;
    if (of_busy)
        body[1] = s->busy->device_id;
    else if (call == CALL_ATTACH)
        body[3] = s->fresh->device_id;
    else if (call == CALL_CONFIGURE || call == CALL_FLUSH_LIST)
        body[3] = call == CALL_CONFIGURE ? HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL
                                         : HV_FLUSH_LIST_IOMMU_FORMAT;
    if (call == CALL_CONFIGURE || call == CALL_FLUSH_LIST)
        body[4] = call == CALL_CONFIGURE ? stage1_root_gpa(&s->live->table)
                                         : hv_iommu_range(IOVA >> HV_PAGE_SHIFT, 0);
}

/* False: the call has no such field. */
static bool spoil(struct test_run *t, enum call_id call, const struct flaw *flaw, uint64_t *body)
{
    const struct call_field *field;

    if (flaw->field == FIELD_RESERVED)
        return true;
    for (unsigned n = 0; (field = call_field(call, n)); n++) {
        if (field->kind != flaw->field)
            continue;
        if (field->kind == FIELD_DEVICE)
            body[field->word] = unknown_device_id(t, NO_DEVICE);
        else
            body[field->word] ^= UINT64_C(0x4000000040) & field->mask;
        return call != CALL_CREATE || field->kind == FIELD_PARTITION;
    }
    return false;
}

/* A domain without settings, which a refused CONFIGURE has named, gets those of another one. */
static void later_settings(struct test_run *t, struct scene *s, uint32_t bare, const char *after)
{
    CHECK_SUCCESS(pviommu_configure(bare, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                    stage1_root_gpa(&s->other->table)),
                  "CONFIGURE of a domain whose first CONFIGURE was refused");
    CHECK_SUCCESS(pviommu_attach(bare, s->fresh->device_id),
                  "ATTACH to a domain whose first CONFIGURE was refused");
    expect_page(t, s, s->fresh, IOVA, PAGE_OTHER, after,
                "a device in a domain whose first CONFIGURE was refused");
    CHECK_SUCCESS(pviommu_detach(s->fresh->device_id), "DETACH of an attached device");
    CHECK_SUCCESS(pviommu_delete(bare), "DELETE of a domain without devices");
}

static void one_flaw(struct test_run *t, struct scene *s, enum call_id call,
                     const struct flaw *flaw)
{
    uint8_t *list = page_alloc(3, PAGE_SIZE);
    uint64_t body[CALL_WORDS_MAX];
    uint32_t bare = fresh_domain_id(t);
    char after[TEXT_MAX];
    enum hv_status status;

    REQUIRE(list, "no memory for a list");
    right_body(s, call, bare, body);
    if (!spoil(t, call, flaw, body))
        return;
    CHECK_SUCCESS(pviommu_create(bare), "CREATE of a free id");
    memcpy(list + flaw->offset, body, sizeof(body));
    fmt_snprintf(after, sizeof(after), "%s %s", call_name(call), flaw->name);
    status =
        hv_result_status(hypercall_raw(call_control(call) ^ flaw->control,
                                       gpa_of(list) + flaw->offset, gpa_of(list) + 2 * PAGE_SIZE));
    expect_later(t, s, status, after);
    if (call == CALL_CONFIGURE)
        later_settings(t, s, bare, after);
    else
        CHECK_SUCCESS(pviommu_delete(bare), "DELETE of a domain that was never configured");
}

#define EACH_CALL(ROW, test)                                                                       \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("DOM-1"))                           \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("CFG-1"))                  \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("ATT-1"))                           \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") COVERS("DET-1"))                           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DEL-4"))                           \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("FL-1"))                               \
    ROW(test, list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("FL-1 LS-4"))                 \
    ROW(test, capabilities, CALL_CAPABILITIES, WORD(call, "GET_CAPABILITIES") COVERS("CAP-5"))     \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") COVERS("PROP-1"))

VARIANTS(const enum call_id, each_call, EACH_CALL);

TEST_EACH(later_after_flaws_of, EACH_CALL,
          PROMISE("After {call} with each flaw the translations in force and the next objects are "
                  "what their own calls say")
          COVERS("GEN-10 ATT-1 FL-1 ISO-1") ABI() DEVICES(NONE)
          KINDS("dma fault flush bad-input device")
          STEPS("{call} is made with one thing wrong: reserved bits, variable header or rep start "
                "in its control word; a list that is misaligned or crosses its page; another "
                "partition; an unknown domain or device. After each, the device in use writes, two "
                "domains are created, a fresh device is attached and writes, and pages are flushed "
                "in both ways; it leaves; the device in use moves away and back. Both devices are "
                "behind one unit.")
          EXPECTS("Every DMA reaches the page that the domain of its device maps, and nothing "
                  "else.")
          IF_IT_FAILS("The host has begun the call before it looked at all of it, or has kept a "
                      "part of it: a root, a list of devices, a tag, a domain."))
{
    struct scene s;

    scene_open(t, &s, true);
    for (unsigned i = 0; i < ARRAY_SIZE(flaws); i++)
        one_flaw(t, &s, VARIANT(each_call), &flaws[i]);
}
