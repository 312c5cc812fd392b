/* SPDX-License-Identifier: MIT */
/* Two calls at the same moment, on one domain and device or on two, from each state: the result
 * fits one of the two orders, unless the host lets go of its lock in between. */
#define TEST_GROUP "concurrency"
#include "abi/hypercall.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define LENGTH 8u
#define TURNS  100000u
#define LEVELS HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL

enum op { OP_CREATE, OP_CONFIG, OP_ATTACH, OP_HOME, OP_DETACH, OP_DELETE, OP_FLUSH, OP_LIST, OPS };
static const char *const op_names[OPS] = {"CREATE", "CONFIGURE", "ATTACH", "ATTACH to its home",
                                          "DETACH", "DELETE",    "FLUSH",  "FLUSH_LIST"};

enum place { PLACE_NONE, PLACE_DOMAIN, PLACE_HOME };
struct state {
    bool exists, configured;
    enum place place;
};

/* A domain that comes and goes, a device, and a domain that is always there. */
struct world {
    uint32_t id;
    uint64_t root;
    struct domain *tables, *home; /* the first one's tables are those of domain `id`, too */
    struct dma_engine *e;
    struct buffer page; /* of the domain, of the home */
};

struct half {
    struct caller caller;
    const struct world *world;
    enum op op;
    enum hv_status status;
};

struct meeting {
    uint32_t arrivals, awake;
    uint32_t rounds;
    bool over;
    struct half half[2]; /* of the first and of the other processor */
};

/* After a rendezvous, where one of them may have slept: both are awake, and the calls that follow
 * begin within one turn of each other. */
static void together(uint32_t *awake, uint32_t wanted)
{
    __atomic_add_fetch(awake, 1, __ATOMIC_ACQ_REL);
    for (unsigned i = 0; i < TURNS && __atomic_load_n(awake, __ATOMIC_ACQUIRE) < wanted; i++)
        give_way();
}

static enum hv_status make(struct half *h)
{
    const struct world *w = h->world;
    struct hv_input_configure_device_domain configure = {
        .settings = {.flags = LEVELS, .page_table_root = w->root}};
    struct hv_input_create_device_domain create = {
        .flags = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED};
    struct hv_input_detach_device_domain detach = {.partition_id = HV_PARTITION_ID_SELF,
                                                   .device_id = w->e->device_id};
    struct hv_input_delete_device_domain gone = {0};
    unsigned done;

    switch (h->op) {
    case OP_CREATE:
        pviommu_fill_domain(&create.device_domain, w->id);
        return caller_call(&h->caller, HVCALL_CREATE_DEVICE_DOMAIN, &create, sizeof(create));
    case OP_CONFIG:
        pviommu_fill_domain(&configure.device_domain, w->id);
        return caller_call(&h->caller, HVCALL_CONFIGURE_DEVICE_DOMAIN, &configure,
                           sizeof(configure));
    case OP_ATTACH:
        return caller_attach(&h->caller, w->id, w->e->device_id);
    case OP_HOME:
        return caller_attach(&h->caller, w->home->id, w->e->device_id);
    case OP_DETACH:
        return caller_call(&h->caller, HVCALL_DETACH_DEVICE_DOMAIN, &detach, sizeof(detach));
    case OP_DELETE:
        pviommu_fill_domain(&gone.device_domain, w->id);
        return caller_call(&h->caller, HVCALL_DELETE_DEVICE_DOMAIN, &gone, sizeof(gone));
    case OP_FLUSH:
        return caller_flush(&h->caller, w->id);
    default:
        return caller_flush_page(&h->caller, w->id, IOVA, 1, &done);
    }
}

/* Whether the ABI allows that answer in that state; then *s is the state after it. */
static bool fits(enum op op, bool success, struct state *s)
{
    bool inside = s->place == PLACE_DOMAIN;

    switch (op) {
    case OP_CREATE:
        if (success == s->exists)
            return false;
        *s = success ? (struct state){.exists = true, .place = s->place} : *s;
        return true;
    case OP_CONFIG: /* a second one may be refused, and says the same */
        if (!s->exists || (!s->configured && !inside && !success))
            return !s->exists && !success;
        s->configured |= success;
        return true;
    case OP_ATTACH: /* to a domain without settings: refused, or the device is blocked */
        if (!s->exists || (s->configured && !inside && !success))
            return !s->exists && !success;
        s->place = success ? PLACE_DOMAIN : s->place;
        return true;
    case OP_HOME:
        if (s->place != PLACE_HOME && !success)
            return false;
        s->place = PLACE_HOME;
        return true;
    case OP_DETACH:
        if (s->place != PLACE_NONE && !success)
            return false;
        s->place = PLACE_NONE;
        return true;
    case OP_DELETE: /* with a device: refused, or the device is blocked */
        if (success != s->exists && !(s->exists && inside))
            return false;
        *s = success ? (struct state){.place = inside ? PLACE_NONE : s->place} : *s;
        return true;
    default: /* of a domain without settings: refused, or of nothing */
        return success || !s->configured;
    }
}

static void prepare(struct test_run *t, const struct world *w, const struct state *s)
{
    (void)pviommu_attach(w->home->id, w->e->device_id);
    (void)pviommu_delete(w->id);
    if (s->exists) {
        CHECK_SUCCESS(pviommu_create(w->id), "CREATE before two calls");
        if (s->configured)
            CHECK_SUCCESS(pviommu_configure(w->id, LEVELS, w->root), "CONFIGURE before two calls");
    }
    if (s->place == PLACE_DOMAIN)
        CHECK_SUCCESS(pviommu_attach(w->id, w->e->device_id), "ATTACH before two calls");
    else if (s->place == PLACE_NONE)
        CHECK_SUCCESS(pviommu_detach(w->e->device_id), "DETACH before two calls");
}

/* The place at which the device's DMA lands. */
static enum place landing(struct test_run *t, struct world *w)
{
    bool landed[2];

    fill_by_device(t, w->e, IOVA, LENGTH, "DMA after two calls");
    drain_faults(t, w->e);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *at = w->page.data + i * PAGE_SIZE;

        landed[i] = memory_find_other(at, LENGTH, POISON_FRESH);
        memset(at, POISON_FRESH, LENGTH);
    }
    return landed[0] ? PLACE_DOMAIN : landed[1] ? PLACE_HOME : PLACE_NONE;
}

struct found {
    enum place before, after; /* where DMA lands: at first, and after DELETE */
    bool deleted;             /* DELETE succeeds while the device is where it is */
    bool deleted_later;       /* when it is at home */
};

static void bring_home(struct test_run *t, const struct world *w)
{
    enum hv_status status = pviommu_attach(w->home->id, w->e->device_id);

    if (status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
        CHECK_SUCCESS(status, "ATTACH after two calls");
}

static struct found look(struct test_run *t, struct world *w)
{
    struct found f = {.before = landing(t, w)};

    f.deleted = pviommu_delete(w->id) == HV_STATUS_SUCCESS;
    f.after = landing(t, w);
    bring_home(t, w);
    f.deleted_later = pviommu_delete(w->id) == HV_STATUS_SUCCESS;
    return f;
}

static bool found_fits(const struct found *f, const struct state *s)
{
    bool inside = s->place == PLACE_DOMAIN;
    enum place reach = inside && !s->configured ? PLACE_NONE : s->place;

    if (f->before != reach)
        return false;
    if (!s->exists)
        return !f->deleted && !f->deleted_later && f->after == reach;
    if (!inside)
        return f->deleted && !f->deleted_later && f->after == reach;
    return f->deleted ? f->after == PLACE_NONE && !f->deleted_later
                      : f->after == reach && f->deleted_later;
}

static const struct state states[] = {
    {.place = PLACE_HOME},
    {.exists = true, .configured = true, .place = PLACE_HOME},
    {.exists = true, .configured = true, .place = PLACE_DOMAIN},
    {.exists = true, .configured = true, .place = PLACE_NONE},
    {.exists = true, .place = PLACE_HOME},
};

static void second_half(void *argument)
{
    struct meeting *m = argument;

    for (uint32_t round = 0; rendezvous(&m->arrivals, round) && !m->over; round += 2) {
        together(&m->awake, round + 2);
        m->half[1].status = make(&m->half[1]);
        if (!rendezvous(&m->arrivals, round + 1))
            return;
    }
}

static void meet(struct test_run *t, struct meeting *m)
{
    REQUIRE(rendezvous(&m->arrivals, m->rounds),
            "the other processor does not come to the meeting");
    together(&m->awake, m->rounds + 2);
    m->half[0].status = make(&m->half[0]);
    REQUIRE(rendezvous(&m->arrivals, m->rounds + 1),
            "the other processor does not come back from its call");
    m->rounds += 2;
    STEP("%s: %s, and on the other processor %s: %s", op_names[m->half[0].op],
         hv_status_name(m->half[0].status), op_names[m->half[1].op],
         hv_status_name(m->half[1].status));
}

static bool half_fits(const struct half *h, struct state *s)
{
    return fits(h->op, h->status == HV_STATUS_SUCCESS, s);
}

static bool in_order(const struct half *one, const struct half *other, struct state s,
                     const struct found *f)
{
    return half_fits(one, &s) && half_fits(other, &s) && found_fits(f, &s);
}

static void fail(struct test_run *t, const struct meeting *m, const struct found *f,
                 const char *where)
{
    static const char *const reach[] = {"nothing", "the domain's page", "the page of its home"};

    fmt_snprintf(t->actual, sizeof(t->actual),
                 "%s and %s; DMA reaches %s, DELETE %s, DMA then reaches %s, a later DELETE %s",
                 hv_status_name(m->half[0].status), hv_status_name(m->half[1].status),
                 reach[f->before], f->deleted ? "succeeds" : "is refused", reach[f->after],
                 f->deleted_later ? "succeeds" : "is refused");
    test_fail(t, PVT_WHERE,
              "%s, and %s on another processor at the same moment, %s: the result fits no order "
              "of the two",
              op_names[m->half[0].op], op_names[m->half[1].op], where);
}

static void pair_on_one(struct test_run *t, struct meeting *m, struct world *w,
                        const struct state *from)
{
    struct found f;

    m->half[0].world = m->half[1].world = w;
    prepare(t, w, from);
    meet(t, m);
    f = look(t, w);
    if (!in_order(&m->half[0], &m->half[1], *from, &f) &&
        !in_order(&m->half[1], &m->half[0], *from, &f))
        fail(t, m, &f, "on one domain and device");
}

/* The device reaches what the state says, also when it comes to the domain now; then the domain
 * goes. */
static void visit(struct test_run *t, struct world *w, const struct state *s, const char *op)
{
    enum place reach = s->place == PLACE_DOMAIN && !s->configured ? PLACE_NONE : s->place;
    enum hv_status status;

    CHECK_EQ(landing(t, w), reach,
             "where DMA lands (0: nowhere, 1: the domain's page, 2: the page of its home)");
    status = pviommu_attach(w->id, w->e->device_id);
    if (s->exists && s->configured) {
        CHECK(status == HV_STATUS_SUCCESS || status == HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
              "ATTACH to the domain after %s beside a call of another processor: %s", op,
              hv_status_name(status));
        CHECK_EQ(landing(t, w), PLACE_DOMAIN,
                 "where DMA lands in the domain (0: nowhere, 1: its page)");
    }
    bring_home(t, w);
    CHECK_EQ(pviommu_delete(w->id) == HV_STATUS_SUCCESS, s->exists, "DELETE succeeds");
}

static void pair_on_two(struct test_run *t, struct meeting *m, struct world w[2],
                        const struct state *from)
{
    for (unsigned i = 0; i < 2; i++) {
        m->half[i].world = &w[i];
        prepare(t, &w[i], from);
    }
    meet(t, m);
    for (unsigned i = 0; i < 2; i++) {
        struct state s = *from;

        CHECK(half_fits(&m->half[i], &s), "%s on processor %u, beside %s on another domain: %s",
              op_names[m->half[i].op], i, op_names[m->half[1 - i].op],
              hv_status_name(m->half[i].status));
        visit(t, &w[i], &s, op_names[m->half[i].op]);
    }
}

static void world_open(struct test_run *t, struct world *w, struct dma_engine *e)
{
    w->e = e;
    w->page = buffer(t, 2);
    w->tables = domain_paging(t);
    w->home = domain_paging(t);
    map_gpa(t, w->tables, IOVA, gpa_of(w->page.data), PAGE_SIZE, RW);
    map_gpa(t, w->home, IOVA, gpa_of(w->page.data) + PAGE_SIZE, PAGE_SIZE, RW);
    w->root = stage1_root_gpa(&w->tables->table);
    w->id = fresh_domain_id(t);
}

static void all_pairs(struct test_run *t, const struct state *from, unsigned processor)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, e, 2);
    struct world *w = second_memory(t, 2 * sizeof(*w));
    struct meeting *m = second_memory(t, sizeof(*m));

    need_processor(t, processor);
    world_open(t, &w[0], e[0]);
    world_open(t, &w[1], e[count - 1]);
    for (unsigned i = 0; i < 2; i++)
        m->half[i].caller = caller(t);
    processor_begin(t, processor, second_half, m);
    for (unsigned one = 0; one < OPS; one++) {
        for (unsigned other = 0; other < OPS; other++) {
            m->half[0].op = (enum op)one;
            m->half[1].op = (enum op)other;
            pair_on_one(t, m, &w[0], from);
            if (one == other || (other == (one + 3) % OPS && from->place == PLACE_HOME))
                pair_on_two(t, m, w, from);
        }
    }
    m->over = true;
    REQUIRE(rendezvous(&m->arrivals, m->rounds), "the other processor does not end");
    processor_end(t, processor);
    for (unsigned i = 0; i < 2; i++) {
        bring_home(t, &w[i]);
        (void)pviommu_delete(w[i].id);
    }
}

#define STATE_ROWS(ROW, test)                                                                      \
    ROW(test, no_domain, 0, WORD(state, "the domain does not exist"))                              \
    ROW(test, empty_domain, 1, WORD(state, "the device is in another domain"))                     \
    ROW(test, device_inside, 2, WORD(state, "the device is in the domain"))                        \
    ROW(test, device_detached, 3, WORD(state, "the device is in no domain"))                       \
    ROW(test, bare_domain, 4, WORD(state, "the domain has no settings yet"))

VARIANTS(const unsigned, state_rows, STATE_ROWS);

TEST_EACH(pairs_of_calls, STATE_ROWS,
          PROMISE("Two calls at the same moment end as one after the other would, when {state}")
          COVERS("GEN-16 CON-1 DOM-3 DEL-2 ATT-1 ATT-9 DET-1 CFG-1") ABI() DEVICES(NONE)
          KINDS("dma bad-input device")
          STEPS("Each of CREATE, CONFIGURE, ATTACH, ATTACH to another domain, DETACH, DELETE, "
                "FLUSH and FLUSH_LIST is made by the first processor together with each by "
                "another one, when {state}: on one domain and device, and some on two. The devices "
                "write after each pair, and the domains are deleted.")
          EXPECTS("The statuses, the page that DMA reaches, and whether DELETE succeeds fit one of "
                  "the two orders.")
          IF_IT_FAILS("The host lets go of its lock between its look at an object and its change "
                      "of it, or has one variable for calls of two processors."))
{
    unsigned row = VARIANT(state_rows), count = processor_count();

    all_pairs(t, &states[row], count > 2 ? 1 + (row + 1) % (count - 1) : 1);
}

#define LIST_PAGES 508u
#define FEW_PAGES  16u
#define STRIDE     (PAGE_SIZE + LENGTH) /* all pages lead to one, in which each has a place */

struct flusher {
    struct caller caller;
    uint32_t *arrivals, *awake, id;
    bool by_list;
    unsigned pages, done;
    enum hv_status status;
};

static enum hv_status flush_all_elements(struct flusher *f)
{
    struct hv_input_flush_device_domain_list *list = (void *)f->caller.input;
    enum hv_status status = HV_STATUS_SUCCESS;

    memset(list, 0, sizeof(*list));
    pviommu_fill_domain(&list->device_domain, f->id);
    list->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    for (unsigned i = 0; i < f->pages; i++)
        list->range[i] = hv_iommu_range((IOVA >> HV_PAGE_SHIFT) + i, 0);
    for (unsigned calls = 0;
         f->done < f->pages && status == HV_STATUS_SUCCESS && calls < LIST_PAGES; calls++) {
        uint64_t result =
            hypercall_raw(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, f->pages, f->done, 0),
                          gpa_of(f->caller.input), 0);

        status = hv_result_status(result);
        f->done = hv_result_reps(result);
    }
    return status;
}

static void flush_together(void *argument)
{
    struct flusher *f = argument;

    if (rendezvous(f->arrivals, 0)) {
        together(f->awake, 2);
        f->status = f->by_list ? flush_all_elements(f) : caller_flush(&f->caller, f->id);
        f->done = f->by_list ? f->done : f->pages;
    }
}

/* `ways`: bit n says that processor n flushes by list. */
static void flush_pair(struct test_run *t, unsigned ways)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, e, 2);
    struct dma_engine *engine[] = {e[0], e[count - 1]};
    struct flusher *f = second_memory(t, 2 * sizeof(*f));
    uint32_t *arrivals = second_memory(t, 2 * sizeof(*arrivals));
    const uint8_t *reached;
    struct domain *d[2];
    struct buffer b[2];

    need_second(t);
    for (unsigned i = 0; i < 2; i++) {
        bool by_list = ways >> i & 1;

        f[i] = (struct flusher){.caller = caller(t),
                                .arrivals = arrivals,
                                .awake = arrivals + 1,
                                .by_list = by_list,
                                .pages = by_list ? LIST_PAGES : FEW_PAGES,
                                .status = HV_STATUS_TIME_OUT};
        b[i] = buffer(t, 1);
        d[i] = domain_paging(t);
        f[i].id = d[i]->id;
        attach(t, d[i], engine[i]);
        for (unsigned k = 0; k < f[i].pages; k++)
            map_gpa(t, d[i], IOVA + k * PAGE_SIZE, gpa_of(b[i].data), PAGE_SIZE, RW);
        fill_each_by_device(t, engine[i], IOVA, PAGE_SIZE, f[i].pages, LENGTH, "mapped");
        for (unsigned k = 0; k < f[i].pages; k++)
            *leaf_entry(t, d[i], IOVA + k * PAGE_SIZE) = 0;
        buffer_refresh(&b[i]);
    }
    second_begin(t, flush_together, &f[1]);
    flush_together(&f[0]);
    second_end(t);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_SUCCESS(f[i].status, "a flush that another processor made as well");
        CHECK_EQ(f[i].done, f[i].pages, "elements completed");
        try_each_by_device(t, engine[i], IOVA, STRIDE, f[i].pages, LENGTH, "flushed");
        reached = memory_find_other(b[i].data, b[i].size, POISON_FRESH);
        CHECK(!reached, "page %u of %u that processor %u has flushed %s is still reached",
              (unsigned)(reached - b[i].data) / LENGTH, f[i].pages, i,
              f[i].by_list ? "by list" : "by domain");
        expect_untouched(t, &b[i], "the page of the flushed domain");
        drain_faults(t, engine[i]);
    }
}

#define FLUSH_PAIRS(ROW, test)                                                                     \
    ROW(test, two_domains, 0, WORD(pair, "two flushes of domains"))                                \
    ROW(test, list_and_domain, 1, WORD(pair, "a list of 508 pages and a flush of a domain"))       \
    ROW(test, two_lists, 3, WORD(pair, "two lists of 508 pages"))

VARIANTS(const unsigned, flush_pairs, FLUSH_PAIRS);

TEST_EACH(flushes_together, FLUSH_PAIRS,
          PROMISE("Of {pair} of two domains at the same moment each drops every page of its own")
          COVERS("GEN-16 CON-1 FL-1 LS-4") ABI() DEVICES(NONE) KINDS("dma flush device")
          STEPS("Two devices use each page of a domain of their own. All pages are unmapped. Two "
                "processors make {pair} at the same moment, each for one of the domains. Each "
                "device tries each page.")
          EXPECTS("Both are done as a whole, and no page is reached.")
          IF_IT_FAILS("Domain, element or number of an element are in a variable that calls of two "
                      "processors share, or one flush is taken for the other."))
{
    flush_pair(t, VARIANT(flush_pairs));
}
