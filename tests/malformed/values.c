/* SPDX-License-Identifier: MIT */
/* Fields of a single call whose values have rules of their own: settings, property codes, lists. */
#define TEST_GROUP "malformed"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

#define LIST_HEADER sizeof(struct hv_input_flush_device_domain_list)

OBSERVATION(configure_settings,
            PROMISE("CONFIGURE with an unusual combination of flags is refused, and whatever is "
                    "blocked blocks")
            COVERS("CFG-2 CFG-9 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("CONFIGURE of a new domain gets each combination of its three flags that no "
                  "guest sends, with a top table that maps a page. If it is accepted, the device "
                  "is attached and writes.")
            EXPECTS("An error, and the domain can be configured afterwards. Or SUCCESS: with the "
                    "blocked flag nothing is reached, neither by IOVA nor by GPA, whatever the "
                    "other flags say.")
            IF_IT_FAILS("The host looks at another flag before it looks at blocked, so that a "
                        "domain meant to block translates or passes through."))
{
    static const uint64_t flags[] = {
        HV_DEVICE_DOMAIN_BLOCKED, HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL,
        HV_DEVICE_DOMAIN_BLOCKED | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL,
        HV_DEVICE_DOMAIN_SETTINGS_BLOCKING | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL,
        HV_DEVICE_DOMAIN_SETTINGS_BLOCKING};
    struct call_fixture f = mutated_call_fixture(t, CALL_CONFIGURE);
    uint64_t body[CALL_WORDS_MAX];

    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        enum hv_status status;
        enum effect effect;

        call_body(&f, CALL_CONFIGURE, body);
        status = pviommu_configure(f.bare, flags[i], body[4]);
        STEP("CONFIGURE with flags 0x%llx, root 0x%llx: %s", flags[i], body[4],
             hv_status_name(status));
        tally_add(&f.tally, status);
        effect = f.engine ? call_effect_refused(t, &f, CALL_CONFIGURE) : EFFECT_NONE;
        CHECK(status == HV_STATUS_SUCCESS || effect == EFFECT_NONE,
              "CONFIGURE with flags 0x%llx: refused, but not without effect",
              (unsigned long long)flags[i]);
        CHECK(!(flags[i] & HV_DEVICE_DOMAIN_BLOCKED) || effect == EFFECT_NONE,
              "CONFIGURE with flags 0x%llx: a domain with the blocked flag lets DMA through",
              (unsigned long long)flags[i]);
        if (status == HV_STATUS_SUCCESS && effect == EFFECT_NONE) {
            CHECK_SUCCESS(pviommu_delete(f.bare), "DELETE of a domain that was configured");
            CHECK_SUCCESS(pviommu_create(f.bare), "CREATE of its id");
        }
    }
    mutated_call_end(t, &f, CALL_CONFIGURE, "unusual settings");
}

TEST(configure_again_refused,
     PROMISE("A refused CONFIGURE leaves the settings that the domain has")
     COVERS("GEN-10 CFG-6") ABI() DEVICES(NONE) KINDS("dma bad-input device")
     STEPS("CONFIGURE of a paging domain without devices, which a right CONFIGURE prepared, is "
           "sent with settings and top tables that cannot be. Then a device is attached to that "
           "domain.")
     EXPECTS("After an error the device reaches the page that the first settings lead to.")
     IF_IT_FAILS("The host takes the old settings away before it has checked the new ones."))
{
    struct call_fixture f = mutated_call_fixture(t, CALL_ATTACH);
    struct domain *victim = f.place[PLACE_VICTIM].domain;
    const uint64_t root = stage1_root_gpa(&victim->table);
    const struct {
        uint64_t flags, root;
    } bad[] = {{HV_DEVICE_DOMAIN_BLOCKED, 0},
               {HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root + 8},
               {HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, UINT64_C(1) << 63},
               {HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL | UINT64_C(1) << 63, root},
               {HV_DEVICE_DOMAIN_SETTINGS_BLOCKING | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL, 0}};

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        enum hv_status status = pviommu_configure(victim->id, bad[i].flags, bad[i].root);

        STEP("CONFIGURE again, flags 0x%llx, root 0x%llx: %s", bad[i].flags, bad[i].root,
             hv_status_name(status));
        tally_add(&f.tally, status);
        if (status ==
            HV_STATUS_SUCCESS) { /* taken as another form of settings: back to the right ones */
            CHECK_SUCCESS(
                pviommu_configure(victim->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root),
                "CONFIGURE of a domain that could be configured again");
            continue;
        }
        attach(t, victim, f.engine);
        CHECK(
            call_landing(t, &f, PLACE_VICTIM) == LANDED_TARGET,
            "a refused CONFIGURE (flags 0x%llx, root 0x%llx) took the settings of its domain away",
            (unsigned long long)bad[i].flags, (unsigned long long)bad[i].root);
        attach(t, f.place[PLACE_HOME].domain, f.engine);
    }
    mutated_call_end(t, &f, CALL_CONFIGURE, "bad settings for a second time");
}

OBSERVATION(property_codes,
            PROMISE("GET_PROPERTY with another code writes at most its answer, and changes nothing")
            COVERS("PROP-4 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input device")
            STEPS("GET_PROPERTY is sent for a managed device with each code that differs from 10 "
                  "in one bit, and with all bits set.")
            EXPECTS("Any status, since other codes are not public. The host writes nothing but the "
                    "output structure, and the device stays managed.")
            IF_IT_FAILS("The host uses the code as an index without checking it."))
{
    struct call_fixture f = mutated_call_fixture(t, CALL_PROPERTY);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, CALL_PROPERTY, body);

    m.rule = RULE_OPEN;
    m.what = "code";
    m.how = "value";
    for (unsigned bit = 0; bit <= 32; bit++) {
        call_body(&f, CALL_PROPERTY, body);
        body[2] = bit < 32 ? HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU ^ UINT32_C(1) << bit : UINT32_MAX;
        m.number = body[2];
        mutated_call_send_body(t, &f, &m, body);
    }
    mutated_call_end(t, &f, CALL_PROPERTY, "other codes");
}

/* A page with a list flush of HOME in it: header, then elements that name pages that no domain
 * maps. */
static void fill_list(struct call_fixture *f, uint8_t *page)
{
    const size_t elements = (HV_PAGE_SIZE - LIST_HEADER) / sizeof(uint64_t);
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, CALL_FLUSH_LIST, body);
    memcpy(page, body, LIST_HEADER);
    for (size_t i = 0; i < elements; i++) {
        uint64_t element = hv_iommu_range(0x600000 + 2 * i, 0);

        memcpy(page + LIST_HEADER + i * sizeof(element), &element, sizeof(element));
    }
}

static uint64_t send_list(struct test_run *t, struct call_fixture *f, const uint8_t *list,
                          unsigned count, unsigned start)
{
    uint64_t result = hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, count, start, 0),
                                    gpa_of(list), 0);

    STEP("FLUSH_LIST, rep count %llu, rep start %llu: %s, %llu done", count, start,
         hv_status_name(hv_result_status(result)), hv_result_reps(result));
    tally_add(&f->tally, hv_result_status(result));
    return result;
}

/* `room`: elements that fit between the header and the end of the page. */
static void check_reps(struct test_run *t, uint64_t result, unsigned count, unsigned start,
                       unsigned room)
{
    enum hv_status status = hv_result_status(result);

    if (count == 0 || start >= count) {
        bool right = status == HV_STATUS_INVALID_HYPERCALL_INPUT ||
                     (count > room && status == HV_STATUS_INVALID_ALIGNMENT);

        CHECK(right, "rep count %u, rep start %u: %s", count, start, hv_status_name(status));
    } else if (count > room) {
        CHECK(status == HV_STATUS_INVALID_HYPERCALL_INPUT || status == HV_STATUS_INVALID_ALIGNMENT,
              "a list of %u elements that does not fit its page: %s", count,
              hv_status_name(status));
    } else {
        CHECK(status == HV_STATUS_SUCCESS, "rep count %u, rep start %u: %s", count, start,
              hv_status_name(status));
        CHECK(hv_result_reps(result) == count,
              "rep count %u, rep start %u: %u elements reported as done", count, start,
              hv_result_reps(result));
    }
}

TEST(flush_list_counts,
     PROMISE("A list flush does all its elements where rep count and start are right, and is "
             "refused where they are not")
     COVERS("LS-4 GEN-1") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("A list flush of harmless pages is sent with many pairs of rep count and rep start, "
           "around 0, around each other, around powers of two, and around the 508 elements that "
           "fit a page.")
     EXPECTS("SUCCESS and all elements done where the start is below the count and the list fits; "
             "INVALID_HYPERCALL_INPUT, or INVALID_ALIGNMENT for a list that crosses its page, "
             "everywhere else.")
     IF_IT_FAILS("A limit is off by one, or the host counts completed elements from the start of a "
                 "part of the list."))
{
    static const uint16_t counts[] = {0,   1,   2,   3,   63,  64,  65,   127,  128,  129,
                                      255, 507, 508, 509, 511, 512, 1024, 2047, 2048, HV_REP_MAX};
    struct call_fixture f = mutated_call_fixture(t, CALL_FLUSH_LIST);

    fill_list(&f, f.input.data);
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        const unsigned n = counts[i];
        const unsigned starts[] = {0, 1, n / 2, n - 1, n, n + 1, HV_REP_MAX};

        for (unsigned s = n ? 0 : 1; s < ARRAY_SIZE(starts); s++) {
            unsigned start = starts[s] & HV_REP_MAX;

            check_reps(t, send_list(t, &f, f.input.data, n, start), n, start, HV_FLUSH_LIST_MAX);
        }
    }
    check_reps(t, send_list(t, &f, f.input.data, 0, 0), 0, 0, HV_FLUSH_LIST_MAX);
    buffer_refresh(&f.input);
    mutated_call_end(t, &f, CALL_FLUSH_LIST, "many counts");
}

TEST(flush_list_page_ends,
     PROMISE("A list may end with its page, and not one element later")
     COVERS("GEN-1 LS-4") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("Lists of several lengths are placed so that they end with the last byte of their page, "
           "and 8 bytes further.")
     EXPECTS("SUCCESS and all elements done; and for the place 8 bytes further "
             "INVALID_HYPERCALL_INPUT or INVALID_ALIGNMENT.")
     IF_IT_FAILS("The host checks that the header lies inside of the page, but not the elements, "
                 "or is off by one element."))
{
    static const uint16_t counts[] = {1, 2, 3, 63, 64, 65, 128, 255, 500, 506, 507};
    struct call_fixture f = mutated_call_fixture(t, CALL_FLUSH_LIST);

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        for (size_t beyond = 0; beyond <= sizeof(uint64_t); beyond += sizeof(uint64_t)) {
            unsigned n = counts[i];
            uint8_t *list =
                f.input.data + HV_PAGE_SIZE + beyond - LIST_HEADER - n * sizeof(uint64_t);

            fill_list(&f, list);
            check_reps(t, send_list(t, &f, list, n, 0), n, 0, beyond ? n - 1 : n);
            buffer_refresh(&f.input);
        }
    }
    mutated_call_end(t, &f, CALL_FLUSH_LIST, "lists at the end of a page");
}

TEST(flush_list_bad_elements,
     PROMISE("When an element is refused, the number of elements done is its place in the list")
     COVERS("LS-5 LS-6 LS-3") ABI() DEVICES(NONE) KINDS("flush bad-input")
     STEPS("One element of a list of 130 is bad: a reserved bit, a shift above 52, or a page that "
           "is not aligned to the size. It stands at many places, also around multiples of 64.")
     EXPECTS("After an error the number of elements done is the place of the bad one; after "
             "SUCCESS it is 130.")
     IF_IT_FAILS("The host counts from the start of the part of the list that it is in, or counts "
                 "the bad element as done."))
{
    enum { LENGTH = 130 };
    static const uint16_t places[] = {0, 1, 63, 64, 65, 128, 129};
    static const uint16_t bad[] = {1u << 6,  1u << 7, 1u << 8, 1u << 9, 1u << 10,
                                   1u << 11, 53,      54,      63,      20};
    struct call_fixture f = mutated_call_fixture(t, CALL_FLUSH_LIST);

    for (unsigned p = 0; p < ARRAY_SIZE(places); p++) {
        fill_list(&f, f.input.data);
        for (unsigned b = 0; b < ARRAY_SIZE(bad); b++) {
            unsigned place = places[p];
            uint64_t element = hv_iommu_range(1, 0) | bad[b], result;

            memcpy(f.input.data + LIST_HEADER + place * sizeof(element), &element, sizeof(element));
            result = send_list(t, &f, f.input.data, LENGTH, 0);
            CHECK(hv_result_reps(result) ==
                      (hv_result_status(result) == HV_STATUS_SUCCESS ? LENGTH : place),
                  "element 0x%llx at place %u of %u: %s, %u elements reported as done",
                  (unsigned long long)element, place, (unsigned)LENGTH,
                  hv_status_name(hv_result_status(result)), hv_result_reps(result));
        }
    }
    buffer_refresh(&f.input);
    mutated_call_end(t, &f, CALL_FLUSH_LIST, "bad elements");
}
