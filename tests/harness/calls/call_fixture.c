/* SPDX-License-Identifier: MIT */
/* What the calls of these tests act on, and how to see whether they did. */
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/malformed.h"

#define RW (STAGE1_READ | STAGE1_WRITE)
/* Where in a page the probing DMAs land: not at its start, so that a lost page offset shows as well. */
#define PROBE_OFFSET 0x340u
#define PROBE_LENGTH 8u

/* The first engine that the canary leaves free; one on a unit with two stages rather than another. */
static struct dma_engine *spare_engine(const struct canary *by)
{
    static const enum dma_class classes[] = {DMA_CLASS_DMAPROBE, DMA_CLASS_DMAPROBE_ATS, DMA_CLASS_ROCKER};

    for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        struct dma_engine *e = dma_engine_get(classes[i], 0);

        if (e && e != by->engine) {
            return e;
        }
    }
    return NULL;
}

static void place_open(struct test_run *t, struct world *w, enum place_id id)
{
    struct place *p = &w->place[id];

    p->domain = domain_paging(t);
    p->decoy = w->pages.data + 2 * id * PAGE_SIZE;
    p->target = p->decoy + PAGE_SIZE;
    p->iova = gpa_of(p->decoy);
    map_gpa(t, p->domain, p->iova, gpa_of(p->target), PAGE_SIZE, RW);
    p->leaf = leaf_entry(t, p->domain, p->iova);
}

static bool attach_bare(struct world *w)
{
    return w->subject && pviommu_attach(w->bare, w->subject->device_id) == HV_STATUS_SUCCESS;
}

static void go_home(struct test_run *t, struct world *w)
{
    if (w->subject) {
        attach(t, w->place[PLACE_HOME].domain, w->subject);
    }
}

/* Where DMA by an IOVA that only ELSEWHERE maps goes while the subject is in `bare`. */
static enum landed bare_lands(struct test_run *t, struct world *w)
{
    enum landed landed = LANDED_NOWHERE;

    if (attach_bare(w)) {
        landed = world_landing(t, w, PLACE_ELSEWHERE);
        go_home(t, w);
    }
    return landed;
}

static void note_properties(struct world *w)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        w->property[i].status = pviommu_get_device_property(e[i].device_id, &w->property[i].value);
    }
}

static void note_answer(struct test_run *t, struct world *w, enum call_id call)
{
    uint64_t body[CALL_WORDS_MAX];

    world_body(w, call, body);
    CHECK_SUCCESS(
        hypercall_simple(call_table[call].code, body, call_input_size(call), w->answer[call], call_output_size(call)),
        call_table[call].name);
}

struct world world_open(struct test_run *t, enum call_id call)
{
    struct world w = {.by = canary(t)};

    w.subject = spare_engine(&w.by);
    if (call_table[call].needs_device && !w.subject) {
        SKIP("needs a second device");
    }
    w.pages = buffer(t, 2ul * PLACES);
    w.input = buffer(t, 2);
    w.output = buffer(t, 2);
    for (unsigned id = 0; id < PLACES; id++) {
        place_open(t, &w, (enum place_id)id);
    }
    w.absent = fresh_domain_id(t);
    w.bare = fresh_domain_id(t);
    CHECK_SUCCESS(pviommu_create(w.bare), "creating a domain");
    STEP2(t, "create domain 0x%llx, and leave it unconfigured; there is no domain 0x%llx", w.bare, w.absent);
    note_properties(&w);
    note_answer(t, &w, CALL_CAPABILITIES);
    go_home(t, &w);
    if (w.subject) {
        note_answer(t, &w, CALL_PROPERTY);
        w.bare_lands = bare_lands(t, &w);
    }
    return w;
}

void world_body(const struct world *w, enum call_id call, uint64_t *body)
{
    static const uint32_t no_domain;
    const uint32_t home = w->place[PLACE_HOME].domain->id, elsewhere = w->place[PLACE_ELSEWHERE].domain->id;
    const uint32_t victim = w->place[PLACE_VICTIM].domain->id;
    const uint32_t named[CALL_IDS] = {
        [CALL_CREATE] = w->absent, [CALL_ATTACH] = elsewhere, [CALL_DELETE] = victim,   [CALL_CONFIGURE] = w->bare,
        [CALL_FLUSH] = home,       [CALL_FLUSH_LIST] = home,  [CALL_DETACH] = no_domain};
    uint64_t device_id = w->subject ? w->subject->device_id : 0;

    memset(body, 0, call_input_size(call));
    body[0] = HV_PARTITION_ID_SELF;
    if (call_table[call].names_domain) {
        pviommu_fill_domain((struct hv_input_device_domain *)body, named[call]);
    }
    switch (call) {
    case CALL_CREATE:
        body[3] = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED;
        break;
    case CALL_ATTACH:
        body[3] = device_id;
        break;
    case CALL_CONFIGURE:
        body[3] = HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL;
        body[4] = stage1_root_gpa(&w->place[PLACE_ELSEWHERE].domain->table);
        break;
    case CALL_FLUSH_LIST:
        body[3] = HV_FLUSH_LIST_IOMMU_FORMAT;
        body[4] = hv_iommu_range(w->place[PLACE_HOME].iova >> HV_PAGE_SHIFT, 0);
        break;
    case CALL_PROPERTY:
        body[2] = HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU;
        body[1] = device_id;
        break;
    case CALL_DETACH:
    case CALL_DETACH_FAST:
        body[1] = device_id;
        break;
    default:
        break;
    }
}

static bool hit(uint8_t *page, uint8_t value)
{
    bool whole = !memory_find_other(page + PROBE_OFFSET, PROBE_LENGTH, value);

    memset(page + PROBE_OFFSET, POISON_FRESH, PROBE_LENGTH);
    return whole;
}

enum landed world_landing(struct test_run *t, struct world *w, enum place_id place)
{
    struct place *p = &w->place[place];
    struct dma_engine *e = w->subject;
    bool target, decoy;

    fill_by_device(t, e, p->iova + PROBE_OFFSET, PROBE_LENGTH, "probe");
    target = hit(p->target, e->ops->fill_value);
    decoy = hit(p->decoy, e->ops->fill_value);
    STEP4(t, "device 0x%llx writes at IOVA 0x%llx; reached its page: %llu, memory at that GPA: %llu", e->device_id,
          p->iova + PROBE_OFFSET, target, decoy);
    if (!target) {
        drain_faults(t, e);
    }
    return target ? LANDED_TARGET : decoy ? LANDED_DECOY : LANDED_NOWHERE;
}

/* No domain was left under the id of a refused CREATE: a good one works. */
static enum effect created(struct test_run *t, struct world *w)
{
    bool free = pviommu_create(w->absent) == HV_STATUS_SUCCESS;

    CHECK_SUCCESS(pviommu_delete(w->absent), "DELETE of the id that CREATE named");
    return free ? EFFECT_NONE : EFFECT_DONE;
}

static enum effect moved(struct test_run *t, struct world *w, enum call_id call)
{
    enum effect effect = EFFECT_OTHER;

    if (world_landing(t, w, PLACE_HOME) == LANDED_TARGET) {
        return EFFECT_NONE;
    }
    if (call == CALL_ATTACH) {
        effect = world_landing(t, w, PLACE_ELSEWHERE) == LANDED_TARGET ? EFFECT_DONE : EFFECT_OTHER;
    } else if (world_landing(t, w, PLACE_HOME) == LANDED_NOWHERE) {
        effect = EFFECT_DONE;
    }
    go_home(t, w);
    return effect;
}

static enum effect configured(struct test_run *t, struct world *w)
{
    enum landed landed = bare_lands(t, w);

    if (landed == w->bare_lands) {
        return EFFECT_NONE;
    }
    CHECK_SUCCESS(pviommu_delete(w->bare), "DELETE of the domain that CONFIGURE named");
    CHECK_SUCCESS(pviommu_create(w->bare), "CREATE of its id");
    return landed == LANDED_TARGET ? EFFECT_DONE : EFFECT_OTHER;
}

static enum effect deleted(struct test_run *t, struct world *w)
{
    struct domain *victim = w->place[PLACE_VICTIM].domain;

    if (pviommu_flush(victim->id) == HV_STATUS_SUCCESS) {
        return EFFECT_NONE;
    }
    CHECK_SUCCESS(pviommu_create(victim->id), "CREATE of a deleted id");
    CHECK_SUCCESS(
        pviommu_configure(victim->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, stage1_root_gpa(&victim->table)),
        "CONFIGURE of a domain that was deleted and made again");
    return EFFECT_DONE;
}

enum effect world_effect_refused(struct test_run *t, struct world *w, enum call_id call)
{
    switch (call) {
    case CALL_CREATE:
        return created(t, w);
    case CALL_ATTACH:
    case CALL_DETACH:
    case CALL_DETACH_FAST:
        return moved(t, w, call);
    case CALL_DELETE:
        return deleted(t, w);
    case CALL_CONFIGURE:
        return configured(t, w);
    default:
        return EFFECT_NONE; /* more flushed than was asked for is allowed, and cannot be told from it */
    }
}

/* The page that the damaged flush names was warm and is unmapped: see damage_send(). */
static enum effect flushed(struct test_run *t, struct world *w)
{
    return !w->subject || world_landing(t, w, PLACE_HOME) == LANDED_NOWHERE ? EFFECT_DONE : EFFECT_NONE;
}

static enum effect answered(struct world *w, enum call_id call)
{
    const uint8_t *answer = w->output.data + WORLD_OUTPUT_OFFSET;

    return memcmp(answer, w->answer[call], call_output_size(call)) == 0 ? EFFECT_DONE : EFFECT_OTHER;
}

enum effect world_effect_success(struct test_run *t, struct world *w, enum call_id call, const uint64_t *body)
{
    struct hv_input_delete_device_domain odd;

    switch (call) {
    case CALL_CREATE:
        /* The odd name may be what it is called now, or the plain one. */
        memcpy(&odd, body, sizeof(odd));
        if (hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &odd, sizeof(odd), NULL, 0) == HV_STATUS_SUCCESS ||
            pviommu_delete(w->absent) == HV_STATUS_SUCCESS) {
            return EFFECT_DONE;
        }
        return EFFECT_NONE;
    case CALL_FLUSH:
    case CALL_FLUSH_LIST:
        return flushed(t, w);
    case CALL_CAPABILITIES:
    case CALL_PROPERTY:
        return answered(w, call);
    case CALL_CONFIGURE:
        return w->subject ? configured(t, w) : EFFECT_DONE;
    default:
        return world_effect_refused(t, w, call);
    }
}
