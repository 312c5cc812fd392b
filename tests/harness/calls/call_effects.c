/* SPDX-License-Identifier: MIT */
/* The full look at everything that a call could have hit. */
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"

static void same_properties(struct test_run *t, const struct call_fixture *f, const char *after)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        struct hv_output_get_logical_device_property now = {0};
        enum hv_status status = pviommu_get_device_property(e[i].device_id, &now);

        CHECK(status == f->property[i].status &&
                  (status != HV_STATUS_SUCCESS ||
                   now.device_iommu == f->property[i].value.device_iommu),
              "after %s: the property of device 0x%llx is not what it was", after,
              (unsigned long long)e[i].device_id);
    }
}

/* Devices that no call named rest in the blocking domain of the harness; edu takes 100 ms for a
 * DMA. */
static void others_are_blocked(struct test_run *t, struct call_fixture *f, const char *after)
{
    const struct place *p = &f->place[PLACE_HOME];
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        if (&e[i] == f->engine || canary_has(&f->canary, &e[i]) || (e[i].ops->features & DMA_SLOW))
            continue;
        REQUIRE(dma_fill(&e[i], p->iova, 8), "device 0x%llx did not finish",
                (unsigned long long)e[i].device_id);
        drain_faults(t, &e[i]);
        CHECK(!memory_find_other(f->pages.data, f->pages.size, POISON_FRESH),
              "after %s: device 0x%llx, which no call named, is not blocked any more", after,
              (unsigned long long)e[i].device_id);
    }
}

static void device_goes(struct test_run *t, struct call_fixture *f, enum place_id place,
                        const char *after)
{
    static const char *const names[PLACES] = {"its domain", "the domain that ATTACH named",
                                              "the domain that DELETE named"};

    if (f->engine) {
        attach(t, f->place[place].domain, f->engine);
        CHECK(call_landing(t, f, place) == LANDED_TARGET,
              "after %s: a device in %s does not reach its page", after, names[place]);
    }
}

/* It can be made and deleted, each exactly once. */
static void absent_is_absent(struct test_run *t, const struct call_fixture *f, const char *after)
{
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "CREATE of the id without a domain, after %s", after);
    CHECK_SUCCESS(pviommu_create(f->absent), what);
    fmt_snprintf(what, sizeof(what), "DELETE of the domain just made, after %s", after);
    CHECK_SUCCESS(pviommu_delete(f->absent), what);
    CHECK(pviommu_delete(f->absent) != HV_STATUS_SUCCESS, "after %s: a domain can be deleted twice",
          after);
}

static void bare_is_bare(struct test_run *t, struct call_fixture *f, const char *after)
{
    uint64_t body[CALL_WORDS_MAX];
    char what[TEXT_MAX];

    if (f->engine) {
        CHECK(call_effect_refused(t, f, CALL_CONFIGURE) == EFFECT_NONE,
              "after %s: the domain without settings has some", after);
    }
    call_body(f, CALL_CONFIGURE, body);
    fmt_snprintf(what, sizeof(what), "CONFIGURE of the domain without settings, after %s", after);
    CHECK_SUCCESS(pviommu_configure(f->bare, body[3], body[4]), what);
    fmt_snprintf(what, sizeof(what), "DELETE of a domain without devices, after %s", after);
    CHECK_SUCCESS(pviommu_delete(f->bare), what);
    CHECK_SUCCESS(pviommu_create(f->bare), "CREATE of a deleted id");
}

static void victim_can_be_deleted(struct test_run *t, struct call_fixture *f, const char *after)
{
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "DELETE of the domain that DELETE named, after %s", after);
    CHECK_SUCCESS(pviommu_delete(f->place[PLACE_VICTIM].domain->id), what);
    call_fixture_restore_victim(t, f);
}

void call_fixture_expect_intact(struct test_run *t, struct call_fixture *f, const char *after)
{
    expect_untouched(t, &f->input, after);
    expect_untouched(t, &f->output, after);
    if (!f->pviommu)
        return;
    expect_undisturbed(t, &f->canary, after);
    same_properties(t, f, after);
    others_are_blocked(t, f, after);
    if (f->engine) {
        CHECK(call_landing(t, f, PLACE_HOME) == LANDED_TARGET,
              "after %s: the device does not reach the page of its domain", after);
    }
    absent_is_absent(t, f, after);
    bare_is_bare(t, f, after);
    device_goes(t, f, PLACE_ELSEWHERE, after);
    device_goes(t, f, PLACE_VICTIM, after);
    device_goes(t, f, PLACE_HOME, after);
    victim_can_be_deleted(t, f, after);
    expect_untouched(t, &f->pages, after);
}
