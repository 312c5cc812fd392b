/* SPDX-License-Identifier: MIT */
/* The full look at everything a malformed call could have hit: it costs some thirty calls, and is taken once a test. */
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/malformed.h"

static void same_properties(struct test_run *t, const struct world *w, const char *after)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        struct hv_output_get_logical_device_property now = {0};
        enum hv_status status = pviommu_get_device_property(e[i].device_id, &now);

        CHECK(status == w->property[i].status &&
                  (status != HV_STATUS_SUCCESS || now.device_iommu == w->property[i].value.device_iommu),
              "after %s: the property of device 0x%llx is not what it was", after, (unsigned long long)e[i].device_id);
    }
}

/* Devices that no call named rest in the blocking domain of the harness; edu takes 100 ms for a DMA. */
static void others_are_blocked(struct test_run *t, struct world *w, const char *after)
{
    const struct place *p = &w->place[PLACE_HOME];
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        if (&e[i] == w->subject || &e[i] == w->by.engine || (e[i].ops->features & DMA_SLOW)) {
            continue;
        }
        REQUIRE(dma_fill(&e[i], p->iova, 8), "device 0x%llx did not finish", (unsigned long long)e[i].device_id);
        drain_faults(t, &e[i]);
        CHECK(!memory_find_other(w->pages.data, w->pages.size, POISON_FRESH),
              "after %s: device 0x%llx, which no call named, is not blocked any more", after,
              (unsigned long long)e[i].device_id);
    }
}

static void subject_goes(struct test_run *t, struct world *w, enum place_id place, const char *after)
{
    static const char *const names[PLACES] = {"its domain", "the domain that ATTACH named",
                                              "the domain that DELETE named"};

    if (w->subject) {
        attach(t, w->place[place].domain, w->subject);
        CHECK(world_landing(t, w, place) == LANDED_TARGET, "after %s: a device in %s does not reach its page", after,
              names[place]);
    }
}

/* It can be made and deleted, each exactly once. */
static void absent_is_absent(struct test_run *t, const struct world *w, const char *after)
{
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "CREATE of the id without a domain, after %s", after);
    CHECK_SUCCESS(pviommu_create(w->absent), what);
    fmt_snprintf(what, sizeof(what), "DELETE of the domain just made, after %s", after);
    CHECK_SUCCESS(pviommu_delete(w->absent), what);
    CHECK(pviommu_delete(w->absent) != HV_STATUS_SUCCESS, "after %s: a domain can be deleted twice", after);
}

static void bare_is_bare(struct test_run *t, struct world *w, const char *after)
{
    uint64_t body[CALL_WORDS_MAX];
    char what[TEXT_MAX];

    if (w->subject) {
        CHECK(world_effect_refused(t, w, CALL_CONFIGURE) == EFFECT_NONE,
              "after %s: the domain without settings has some", after);
    }
    world_body(w, CALL_CONFIGURE, body);
    fmt_snprintf(what, sizeof(what), "CONFIGURE of the domain without settings, after %s", after);
    CHECK_SUCCESS(pviommu_configure(w->bare, body[3], body[4]), what);
    fmt_snprintf(what, sizeof(what), "DELETE of a domain without devices, after %s", after);
    CHECK_SUCCESS(pviommu_delete(w->bare), what);
    CHECK_SUCCESS(pviommu_create(w->bare), "CREATE of a deleted id");
}

void world_expect_intact(struct test_run *t, struct world *w, const char *after)
{
    expect_untouched(t, &w->input, after);
    expect_untouched(t, &w->output, after);
    expect_undisturbed(t, &w->by, after);
    same_properties(t, w, after);
    others_are_blocked(t, w, after);
    if (w->subject) {
        CHECK(world_landing(t, w, PLACE_HOME) == LANDED_TARGET,
              "after %s: the device does not reach the page of its domain", after);
    }
    absent_is_absent(t, w, after);
    bare_is_bare(t, w, after);
    subject_goes(t, w, PLACE_ELSEWHERE, after);
    subject_goes(t, w, PLACE_VICTIM, after);
    subject_goes(t, w, PLACE_HOME, after);
    delete_domain(t, w->place[PLACE_VICTIM].domain);
    expect_untouched(t, &w->pages, after);
}
