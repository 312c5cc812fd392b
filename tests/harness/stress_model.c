/* SPDX-License-Identifier: MIT */
#include "tests/harness/stress_model.h"

#include "lib/bits.h"
#include "lib/string.h"

/* Far apart, at the ends, alike in their low bits; 1 is the first that the fixtures hand out. */
static const uint32_t ids[STRESS_HOMES] = {0x7FFFFFFF, 0x80000001, 0xFFFFFFFE, 0x00010001,
                                           0x01000001};

static unsigned below(struct stress *s, unsigned bound)
{
    return (unsigned)random_below(&s->t->random, bound);
}

uint64_t stress_iova(const struct stress *s, unsigned device, unsigned page)
{
    return gpa_of(s->untranslated.data) + page * PAGE_SIZE + device * STRESS_LENGTH;
}

uint8_t stress_value(unsigned device)
{
    return (uint8_t)(0x11 * (device + 1));
}

static uint32_t current(const struct stress_page *p)
{
    if (!p->mapped)
        return STRESS_NOWHERE;
    return p->writable ? (uint32_t)BIT(p->target) : (uint32_t)STRESS_DENIED;
}

static void forget_stale(struct stress *s, unsigned home, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        s->page[home][i].allowed = current(&s->page[home][i]);
}

static uint32_t residents(const struct stress *s, unsigned home)
{
    uint32_t set = 0;

    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        if (s->home[i] == home)
            set |= (uint32_t)BIT(i);
    return set;
}

static void forget_all_stale(struct stress *s, unsigned home)
{
    forget_stale(s, home, 0, STRESS_PAGES - 1);
    s->lived[home] = residents(s, home);
}

static void create(struct stress *s, unsigned home)
{
    static const enum domain_kind kinds[] = {DOMAIN_BLOCKED, DOMAIN_IDENTITY};
    struct test_run *t = s->t;
    enum hv_status status;

    CHECK(domain_create(&s->domain[home], home < STRESS_PAGING ? kinds[home] : DOMAIN_PAGING,
                        ids[home], 0, 0, &status),
          "creating domain 0x%x: %s", ids[home], hv_status_name(status));
    STEP("create and configure domain 0x%llx", ids[home]);
    memset(s->page[home], 0, sizeof(s->page[home]));
    forget_all_stale(s, home);
}

void stress_begin(struct stress *s, struct test_run *t)
{
    *s = (struct stress){.t = t};
    s->untranslated = buffer(t, STRESS_PAGES);
    s->target = buffer(t, STRESS_TARGETS);
    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        s->engine[i] = device_n(t, i);
    for (unsigned home = 0; home < STRESS_HOMES; home++) {
        track_domain_id(t, ids[home]);
        create(s, home);
    }
    for (unsigned i = 0; i < STRESS_DEVICES; i++)
        attach(t, &s->domain[STRESS_BLOCKED], s->engine[i]);
}

static struct operation chance_of_leaf(struct stress *s, unsigned home)
{
    uint8_t target = (uint8_t)below(s, STRESS_TARGETS);
    uint8_t number = (uint8_t)(below(s, 2) ? below(s, STRESS_DEVICES) : below(s, STRESS_PAGES));
    const struct stress_page *p = &s->page[home][number];
    struct operation o = {OPERATION_UNMAP, {(uint8_t)home, number}};

    if (!p->mapped) {
        o.kind = OPERATION_MAP;
        o.argument[2] = target;
        o.argument[3] = below(s, 4) != 0;
    } else if (below(s, 3) == 0) {
        o.kind = OPERATION_RETARGET;
        o.argument[2] = target;
    } else if (below(s, 2) == 0) {
        o.kind = OPERATION_PROTECT;
        o.argument[2] = !p->writable;
    }
    return o;
}

/* A leaf comes, goes, or changes; its old form stays allowed. */
static void change_leaf(struct stress *s, const struct operation *o)
{
    unsigned number = o->argument[1];
    struct stress_page *p = &s->page[o->argument[0]][number];
    struct domain *d = &s->domain[o->argument[0]];
    uint64_t iova = stress_iova(s, 0, number);
    uint64_t gpa = gpa_of(s->target.data) + o->argument[2] * PAGE_SIZE;
    struct test_run *t = s->t;

    if (p->mapped == (o->kind == OPERATION_MAP))
        return;
    s->changed = number;
    switch (o->kind) {
    case OPERATION_MAP:
        p->mapped = true;
        p->target = o->argument[2];
        p->writable = o->argument[3] != 0;
        p->allowed &= ~(uint32_t)STRESS_NOWHERE; /* FL-3: in force at once */
        map_gpa(t, d, iova, gpa, PAGE_SIZE, p->writable ? RW : STAGE1_READ);
        break;
    case OPERATION_RETARGET:
        p->target = o->argument[2];
        retarget(t, d, iova, gpa);
        break;
    case OPERATION_PROTECT:
        p->writable = o->argument[2] != 0;
        STEP("make IOVA 0x%llx writable: %llu", iova, p->writable);
        REQUIRE(stage1_protect(&d->table, iova, PAGE_SIZE, p->writable ? RW : STAGE1_READ) ==
                    STAGE1_OK,
                "protecting our own page");
        break;
    default:
        p->mapped = false;
        STEP("unmap IOVA 0x%llx", iova);
        REQUIRE(domain_unmap_keep(d, iova, PAGE_SIZE, NULL) == STAGE1_OK, "unmapping our own page");
        break;
    }
    p->allowed |= current(p);
}

static struct operation chance_of_flush(struct stress *s, unsigned home)
{
    static const uint8_t kinds[] = {OPERATION_FLUSH, OPERATION_FLUSH_ALL, OPERATION_FLUSH_LIST,
                                    OPERATION_FLUSH_BLOCK};
    unsigned first = below(s, STRESS_PAGES), last = first + below(s, STRESS_PAGES - first);
    struct operation o = {kinds[below(s, ARRAY_SIZE(kinds))], {(uint8_t)home}};

    if (o.kind == OPERATION_FLUSH_LIST || o.kind == OPERATION_FLUSH_BLOCK) {
        o.argument[1] = (uint8_t)first;
        o.argument[2] = (uint8_t)last;
    }
    return o;
}

static void flush_some(struct stress *s, const struct operation *o)
{
    unsigned home = o->argument[0], first = o->argument[1], last = o->argument[2];
    uint64_t iova = stress_iova(s, 0, first), length = (last - first + 1) * PAGE_SIZE;
    struct domain *d = &s->domain[home];
    struct flush_block block = flush_range_cover(iova, length);

    switch (o->kind) {
    case OPERATION_FLUSH:
        flush(s->t, d);
        forget_all_stale(s, home);
        break;
    case OPERATION_FLUSH_ALL:
        flush_block(s->t, d, 0, HV_IOMMU_RANGE_SHIFT_ALL);
        forget_all_stale(s, home);
        break;
    case OPERATION_FLUSH_LIST:
        flush_list(s->t, d, iova, length);
        forget_stale(s, home, first, last);
        break;
    default:
        flush_block(s->t, d, block.page, block.shift);
        forget_stale(s, home, first, last);
        break;
    }
}

static struct operation chance_of_move(struct stress *s, unsigned to)
{
    uint8_t device = (uint8_t)below(s, STRESS_DEVICES);

    if (to == STRESS_DETACHED)
        return (struct operation){OPERATION_DETACH, {device}};
    return (struct operation){OPERATION_ATTACH, {device, (uint8_t)to}};
}

static void move(struct stress *s, unsigned device, unsigned to)
{
    unsigned left = s->home[device];
    struct test_run *t = s->t;

    if (to == left)
        return;
    s->home[device] = to;
    if (to == STRESS_DETACHED) {
        STEP("detach device 0x%llx", s->engine[device]->device_id);
        CHECK_SUCCESS(iommu_detach(s->engine[device]->device_id), "detaching an attached device");
        if (left < STRESS_HOMES && s->lived[left] == BIT(device))
            forget_all_stale(s, left);
    } else {
        attach(t, &s->domain[to], s->engine[device]);
        s->lived[to] |= (uint32_t)BIT(device);
    }
}

static void replace(struct stress *s, unsigned home)
{
    if (residents(s, home) == 0) {
        delete_domain(s->t, &s->domain[home]);
        create(s, home);
    }
}

struct operation stress_chance(struct stress *s)
{
    uint8_t paging = (uint8_t)(STRESS_PAGING + below(s, STRESS_HOMES - STRESS_PAGING));

    switch (below(s, 32)) {
    case 0:
    case 1:
    case 2:
        return chance_of_move(s, paging);
    case 3:
        return chance_of_move(s, below(s, STRESS_PAGING));
    case 4:
        return chance_of_move(s, below(s, 2) ? (unsigned)STRESS_DETACHED : paging);
    case 5:
    case 6:
        return (struct operation){OPERATION_REPLACE, {paging}};
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
        return chance_of_flush(s, paging);
    default:
        return chance_of_leaf(s, paging);
    }
}

void stress_do(struct stress *s, const struct operation *o)
{
    switch (o->kind) {
    case OPERATION_MAP:
    case OPERATION_RETARGET:
    case OPERATION_PROTECT:
    case OPERATION_UNMAP:
        change_leaf(s, o);
        break;
    case OPERATION_FLUSH:
    case OPERATION_FLUSH_ALL:
    case OPERATION_FLUSH_LIST:
    case OPERATION_FLUSH_BLOCK:
        flush_some(s, o);
        break;
    case OPERATION_ATTACH:
        move(s, o->argument[0], o->argument[1]);
        break;
    case OPERATION_DETACH:
        move(s, o->argument[0], STRESS_DETACHED);
        break;
    case OPERATION_REPLACE:
        replace(s, o->argument[0]);
        break;
    default:
        break;
    }
}

void stress_end(struct stress *s)
{
    for (unsigned i = 0; i < STRESS_DEVICES; i++) {
        attach(s->t, &s->domain[STRESS_BLOCKED], s->engine[i]);
        drain_faults(s->t, s->engine[i]);
    }
    for (unsigned home = STRESS_PAGING; home < STRESS_HOMES; home++)
        delete_domain(s->t, &s->domain[home]);
    expect_untouched(s->t, &s->target, "targets, at the end");
    expect_untouched(s->t, &s->untranslated, "pages at untranslated addresses, at the end");
}

uint32_t stress_allowed(const struct stress *s, unsigned device, unsigned page)
{
    switch (s->home[device]) {
    case STRESS_BLOCKED:
        return STRESS_NOWHERE;
    case STRESS_IDENTITY:
        return STRESS_UNTRANSLATED;
    case STRESS_DETACHED: /* DET-1: blocked, or whatever state the host documents */
        return STRESS_NOWHERE | STRESS_UNTRANSLATED;
    default:
        return s->page[s->home[device]][page].allowed;
    }
}

uint32_t stress_landed(struct stress *s, unsigned device, unsigned page)
{
    size_t offset = device * STRESS_LENGTH;
    uint32_t landed = 0;

    for (unsigned i = 0; i <= STRESS_TARGETS; i++) {
        uint8_t *at = i < STRESS_TARGETS ? s->target.data + i * PAGE_SIZE
                                         : s->untranslated.data + page * PAGE_SIZE;

        if (memory_find_other(at + offset, STRESS_LENGTH, POISON_FRESH)) {
            landed |= i < STRESS_TARGETS ? (uint32_t)BIT(i) : (uint32_t)STRESS_UNTRANSLATED;
            memset(at + offset, POISON_FRESH, STRESS_LENGTH);
        }
    }
    return landed;
}
