/* SPDX-License-Identifier: MIT */
/* The objects that the calls act on, and how to see whether they did. */
#include "tests/harness/calls/call_fixture.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* Offset in a page at which the probing DMAs land: not its start, so that a lost page offset shows
 * as well. */
#define PROBE_OFFSET 0x340u
#define PROBE_LENGTH 8u
/* On a machine without a device: no call that names it is expected to get as far as looking it up.
 * If the host reports it, another id is taken. */
#define NO_SUCH_DEVICE UINT64_C(0xFFFF)

/* The first engine that the canary leaves free; one on a unit with two stages rather than another.
 */
static struct dma_engine *spare_engine(const struct canary *canary)
{
    static const enum dma_class classes[] = {DMA_CLASS_DMAPROBE, DMA_CLASS_DMAPROBE_ATS,
                                             DMA_CLASS_ROCKER};

    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
        struct dma_engine *e = dma_engine_get(classes[i], 0);

        if (e && !canary_has(canary, e))
            return e;
    }
    return NULL;
}

static void place_open(struct test_run *t, struct call_fixture *f, enum place_id id)
{
    struct place *p = &f->place[id];

    p->domain = domain_paging(t);
    p->decoy = f->pages.data + 2 * id * PAGE_SIZE;
    p->target = p->decoy + PAGE_SIZE;
    p->iova = gpa_of(p->decoy);
    map_gpa(t, p->domain, p->iova, gpa_of(p->target), PAGE_SIZE, RW);
    p->leaf = leaf_entry(t, p->domain, p->iova);
}

static bool attach_bare(struct call_fixture *f)
{
    return f->engine && pviommu_attach(f->bare, f->engine->device_id) == HV_STATUS_SUCCESS;
}

static void go_home(struct test_run *t, struct call_fixture *f)
{
    if (f->engine)
        attach(t, f->place[PLACE_HOME].domain, f->engine);
}

/* Target of a DMA by an IOVA that only ELSEWHERE maps, while the device is in `bare`. */
static enum landed bare_lands(struct test_run *t, struct call_fixture *f)
{
    enum landed landed = LANDED_NOWHERE;

    if (attach_bare(f)) {
        landed = call_landing(t, f, PLACE_ELSEWHERE);
        go_home(t, f);
    }
    return landed;
}

static void note_properties(struct test_run *t, struct call_fixture *f)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);

    f->property =
        page_alloc((count * sizeof(*f->property) + PAGE_SIZE - 1) / PAGE_SIZE + 1, PAGE_SIZE);
    REQUIRE(f->property, "no memory for the answers of the devices");

    for (size_t i = 0; i < count; i++)
        f->property[i].status = pviommu_get_device_property(e[i].device_id, &f->property[i].value);
}

static void note_answer(struct test_run *t, struct call_fixture *f, enum call_id call)
{
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, call, body);
    CHECK_SUCCESS(hypercall_simple(call_table[call].code, body, call_input_size(call),
                                   f->answer[call], call_output_size(call)),
                  call_table[call].name);
}

/* The canary has the last device of a class, and the calls the first one of any. On a machine with
 * one device the calls get it: the canary then compares answers alone. */
static void choose_engine(struct call_fixture *f)
{
    f->engine = spare_engine(&f->canary);
    if (!f->engine) {
        f->engine = f->canary.engine;
        f->canary.engine = NULL;
    }
}

struct call_fixture call_fixture_open(struct test_run *t)
{
    struct call_fixture f = {.pviommu = true};

    need_promise(t, IOMMU_HYPERCALLS, "there are hypercalls");
    f.canary = canary(t);
    test_setup(t, "DOM-1 CFG-1");
    choose_engine(&f);
    f.stranger = f.engine ? NO_SUCH_DEVICE : unknown_device_id(t, NO_SUCH_DEVICE);
    f.pages = buffer(t, 2ul * PLACES);
    f.input = buffer(t, CALL_INPUT_PAGES);
    f.output = buffer(t, 2);
    for (unsigned id = 0; id < PLACES; id++)
        place_open(t, &f, (enum place_id)id);
    f.absent = fresh_domain_id(t);
    f.bare = fresh_domain_id(t);
    CHECK_SUCCESS(pviommu_create(f.bare), "creating a domain");
    STEP("create domain 0x%llx, and leave it unconfigured; there is no domain 0x%llx", f.bare,
         f.absent);
    note_properties(t, &f);
    test_setup(t, call_table[CALL_CAPABILITIES].requirements);
    note_answer(t, &f, CALL_CAPABILITIES);
    test_setup(t, call_table[CALL_ATTACH].requirements);
    go_home(t, &f);
    if (f.engine) {
        test_setup(t, call_table[CALL_PROPERTY].requirements);
        note_answer(t, &f, CALL_PROPERTY);
        test_setup(t, call_table[CALL_ATTACH].requirements);
        f.bare_lands = bare_lands(t, &f);
    }
    test_setup(t, NULL);
    return f;
}

struct call_fixture call_fixture_for(struct test_run *t, enum call_id call)
{
    struct call_fixture f = call_fixture_open(t);

    if (!call_can_succeed(&f, call))
        SKIP("needs a device");
    return f;
}

struct call_fixture call_fixture_anywhere(struct test_run *t)
{
    static struct domain blank; /* no call that names it reaches a domain */
    struct call_fixture f = {.stranger = NO_SUCH_DEVICE};

    if (pviommu_capabilities())
        return call_fixture_open(t);
    STEP("this host has no pvIOMMU: there is nothing that a refused call could change");
    for (unsigned id = 0; id < PLACES; id++)
        f.place[id].domain = &blank;
    f.input = buffer(t, CALL_INPUT_PAGES);
    f.output = buffer(t, 2);
    return f;
}

bool call_can_succeed(const struct call_fixture *f, enum call_id call)
{
    return f->engine || !call_table[call].needs_device;
}

void call_fill_list(struct call_fixture *f)
{
    uint64_t element = hv_iommu_range(f->place[PLACE_HOME].iova >> HV_PAGE_SHIFT, 0);

    for (size_t at = sizeof(struct hv_input_flush_device_domain_list);
         at + sizeof(element) <= f->input.size; at += sizeof(element))
        memcpy(f->input.data + at, &element, sizeof(element));
}

void call_body(const struct call_fixture *f, enum call_id call, uint64_t *body)
{
    static const uint32_t no_domain;
    const uint32_t home = f->place[PLACE_HOME].domain->id,
                   elsewhere = f->place[PLACE_ELSEWHERE].domain->id;
    const uint32_t victim = f->place[PLACE_VICTIM].domain->id;
    const uint32_t named[CALL_IDS] = {
        [CALL_CREATE] = f->absent,  [CALL_ATTACH] = elsewhere, [CALL_DELETE] = victim,
        [CALL_CONFIGURE] = f->bare, [CALL_FLUSH] = home,       [CALL_FLUSH_LIST] = home,
        [CALL_DETACH] = no_domain};
    uint64_t device_id = f->engine ? f->engine->device_id : f->stranger;

    memset(body, 0, call_input_size(call));
    body[0] = HV_PARTITION_ID_SELF;
    if (call_table[call].names_domain)
        pviommu_fill_domain((struct hv_input_device_domain *)body, named[call]);
    switch (call) {
    case CALL_CREATE:
        body[3] = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED;
        break;
    case CALL_ATTACH:
        body[3] = device_id;
        break;
    case CALL_CONFIGURE:
        body[3] = HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL;
        body[4] = f->pviommu ? stage1_root_gpa(&f->place[PLACE_ELSEWHERE].domain->table) : 0;
        break;
    case CALL_FLUSH_LIST:
        body[3] = HV_FLUSH_LIST_IOMMU_FORMAT;
        body[4] = hv_iommu_range(f->place[PLACE_HOME].iova >> HV_PAGE_SHIFT, 0);
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

void call_put(const struct call_fixture *f, enum call_id call, uint8_t *at)
{
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, call, body);
    memcpy(at, body, call_input_size(call));
}

static bool hit(uint8_t *page, uint8_t value)
{
    bool whole = !memory_find_other(page + PROBE_OFFSET, PROBE_LENGTH, value);

    memset(page + PROBE_OFFSET, POISON_FRESH, PROBE_LENGTH);
    return whole;
}

enum landed call_landing(struct test_run *t, struct call_fixture *f, enum place_id place)
{
    struct place *p = &f->place[place];
    struct dma_engine *e = f->engine;
    bool target, decoy;

    fill_by_device(t, e, p->iova + PROBE_OFFSET, PROBE_LENGTH, "probe");
    target = hit(p->target, e->ops->fill_value);
    decoy = hit(p->decoy, e->ops->fill_value);
    STEP("device 0x%llx writes at IOVA 0x%llx; reached its page: %llu, memory at that GPA: %llu",
         e->device_id, p->iova + PROBE_OFFSET, target, decoy);
    if (!target)
        drain_faults(t, e);
    return target ? LANDED_TARGET : decoy ? LANDED_DECOY : LANDED_NOWHERE;
}

/* No domain was left under the id of a refused CREATE: a good one works. */
static enum effect created(struct test_run *t, struct call_fixture *f)
{
    bool free = pviommu_create(f->absent) == HV_STATUS_SUCCESS;

    CHECK_SUCCESS(pviommu_delete(f->absent), "DELETE of the id that CREATE named");
    return free ? EFFECT_NONE : EFFECT_DONE;
}

static enum effect moved(struct test_run *t, struct call_fixture *f, enum call_id call)
{
    enum effect effect = EFFECT_OTHER;

    if (!f->engine)
        return EFFECT_NONE;
    if (call_landing(t, f, PLACE_HOME) == LANDED_TARGET)
        return EFFECT_NONE;
    if (call == CALL_ATTACH)
        effect = call_landing(t, f, PLACE_ELSEWHERE) == LANDED_TARGET ? EFFECT_DONE : EFFECT_OTHER;
    else if (call_landing(t, f, PLACE_HOME) == LANDED_NOWHERE)
        effect = EFFECT_DONE;
    go_home(t, f);
    return effect;
}

static enum effect configured(struct test_run *t, struct call_fixture *f)
{
    enum landed landed = bare_lands(t, f);

    if (landed == f->bare_lands)
        return EFFECT_NONE;
    CHECK_SUCCESS(pviommu_delete(f->bare), "DELETE of the domain that CONFIGURE named");
    CHECK_SUCCESS(pviommu_create(f->bare), "CREATE of its id");
    return landed == LANDED_TARGET ? EFFECT_DONE : EFFECT_OTHER;
}

void call_fixture_restore_victim(struct test_run *t, struct call_fixture *f)
{
    struct domain *victim = f->place[PLACE_VICTIM].domain;

    CHECK_SUCCESS(pviommu_create(victim->id), "CREATE of a deleted id");
    CHECK_SUCCESS(pviommu_configure(victim->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                    stage1_root_gpa(&victim->table)),
                  "CONFIGURE of a domain that was deleted and made again");
}

static enum effect deleted(struct test_run *t, struct call_fixture *f)
{
    if (pviommu_flush(f->place[PLACE_VICTIM].domain->id) == HV_STATUS_SUCCESS)
        return EFFECT_NONE;
    call_fixture_restore_victim(t, f);
    return EFFECT_DONE;
}

enum effect call_effect_refused(struct test_run *t, struct call_fixture *f, enum call_id call)
{
    switch (call) {
    case CALL_CREATE:
        return created(t, f);
    case CALL_ATTACH:
    case CALL_DETACH:
    case CALL_DETACH_FAST:
        return moved(t, f, call);
    case CALL_DELETE:
        return deleted(t, f);
    case CALL_CONFIGURE:
        return configured(t, f);
    default:
        return EFFECT_NONE; /* more flushed than was asked for is allowed, and cannot be told from
                               it */
    }
}

/* The page that the flush names was warm and is unmapped: see mutated_call_send(). */
static enum effect flushed(struct test_run *t, struct call_fixture *f)
{
    return !f->engine || call_landing(t, f, PLACE_HOME) == LANDED_NOWHERE ? EFFECT_DONE
                                                                          : EFFECT_NONE;
}

static enum effect answered(const struct call_fixture *f, enum call_id call, const uint8_t *answer)
{
    return memcmp(answer, f->answer[call], call_output_size(call)) == 0 ? EFFECT_DONE
                                                                        : EFFECT_OTHER;
}

enum effect call_effect_success(struct test_run *t, struct call_fixture *f, enum call_id call,
                                const uint64_t *body, const uint8_t *answer)
{
    struct hv_input_delete_device_domain odd;

    switch (call) {
    case CALL_CREATE:
        /* The odd name may be what it is called now, or the plain one. */
        memcpy(&odd, body, sizeof(odd));
        if (hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &odd, sizeof(odd), NULL, 0) ==
                HV_STATUS_SUCCESS ||
            pviommu_delete(f->absent) == HV_STATUS_SUCCESS)
            return EFFECT_DONE;
        return EFFECT_NONE;
    case CALL_FLUSH:
    case CALL_FLUSH_LIST:
        return flushed(t, f);
    case CALL_CAPABILITIES:
    case CALL_PROPERTY:
        return answered(f, call, answer);
    case CALL_CONFIGURE:
        return f->engine ? configured(t, f) : EFFECT_DONE;
    default:
        return call_effect_refused(t, f, call);
    }
}
