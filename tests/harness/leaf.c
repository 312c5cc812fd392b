/* SPDX-License-Identifier: MIT */
#include "tests/harness/leaf.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define BESIDE_MAX 64u

struct leaf leaf_for(struct test_run *t, uint64_t iova, uint64_t size)
{
    struct leaf l = {.iova = iova, .size = size};

    if (size < SIZE_1G) {
        l.buffer = buffer_for_leaf(t, size);
        l.gpa = gpa_of(l.buffer.data);
        return l;
    }
    need_page_size(t, size);
    if (!memory_gigapage(&l.gpa))
        SKIP("this machine has no free, aligned GiB of RAM");
    return l;
}

void leaf_map(struct test_run *t, struct domain *d, const struct leaf *l, unsigned prot)
{
    struct stage1_walk w;

    map_gpa(t, d, l->iova, l->gpa, l->size, prot);
    REQUIRE(stage1_walk(&d->table, l->iova, &w) == STAGE1_OK && w.page_size == l->size,
            "our own table has no leaf of 0x%llx bytes at 0x%llx", (unsigned long long)l->size,
            (unsigned long long)l->iova);
}

void leaf_protect(struct test_run *t, struct domain *d, const struct leaf *l, unsigned prot)
{
    REQUIRE(stage1_protect(&d->table, l->iova, l->size, prot) == STAGE1_OK,
            "protecting our own table");
    STEP("permission of the leaf at IOVA 0x%llx is %llu now, no flush", l->iova, prot);
}

/* Pages of the GiB that are checked: the one of the DMA with both neighbors, the first one and the
 * last one. */
#define WATCHED 5u

struct watched {
    uint8_t *page[WATCHED];
    unsigned count;
    uint8_t *beside; /* bytes outside of the leaf that a wrong DMA would reach, and a copy; NULL:
                        not ours */
    uint8_t copy[BESIDE_MAX];
    size_t length;
};

static void watch_page(struct watched *w, const struct leaf *l, int64_t offset)
{
    uint8_t *page = gpa_pointer(l->gpa + ((uint64_t)offset & ~(PAGE_SIZE - 1)));

    if (offset < 0 || (uint64_t)offset >= l->size)
        return;
    for (unsigned i = 0; i < w->count; i++)
        if (w->page[i] == page)
            return;
    memset(page, POISON_FRESH, PAGE_SIZE);
    w->page[w->count++] = page;
}

static struct watched watch(struct test_run *t, const struct leaf *l, int64_t offset, size_t length)
{
    struct watched w = {0};

    REQUIRE(length <= BESIDE_MAX || offset >= 0, "%zu bytes beside a leaf", length);
    for (int64_t i = -1; i <= 1; i++)
        watch_page(&w, l, offset + i * (int64_t)PAGE_SIZE);
    watch_page(&w, l, 0);
    watch_page(&w, l, (int64_t)(l->size - 1));
    if ((offset < 0 || (uint64_t)offset >= l->size) &&
        memory_is_ours(l->gpa + (uint64_t)offset, length)) {
        w.beside = gpa_pointer(l->gpa + (uint64_t)offset);
        w.length = length;
        memcpy(w.copy, w.beside, length);
    }
    return w;
}

static void changed(struct test_run *t, const uint8_t *at, uint8_t actual, uint8_t expected,
                    const char *what, const char *why)
{
    fmt_snprintf(t->expected, sizeof(t->expected), "0x%02x", expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "0x%02x at GPA 0x%llx", actual,
                 (unsigned long long)gpa_of(at));
    test_fail(t, PVT_WHERE, "%s: %s", what, why);
}

static void expect_watched(struct test_run *t, const struct watched *w, const char *what)
{
    for (unsigned i = 0; i < w->count; i++) {
        const uint8_t *bad = memory_find_other(w->page[i], PAGE_SIZE, POISON_FRESH);

        if (bad)
            changed(t, bad, *bad, POISON_FRESH, what, "memory changed that no DMA may reach");
    }
    for (size_t i = 0; i < w->length; i++) {
        if (w->beside[i] != w->copy[i]) {
            uint8_t now = w->beside[i];

            w->beside[i] = w->copy[i]; /* others use it */
            changed(t, &w->beside[i], now, w->copy[i], what, "memory beside the leaf changed");
        }
    }
}

void leaf_expect_write(struct test_run *t, struct dma_engine *e, struct leaf *l, uint64_t offset,
                       size_t length, const char *what)
{
    uint8_t *target = gpa_pointer(l->gpa + offset);
    const uint8_t *bad;
    struct watched w;

    if (l->buffer.data) {
        expect_write(t, e, l->iova + offset, &l->buffer, offset, length, what);
        return;
    }
    w = watch(t, l, (int64_t)offset, length);
    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx, expected at GPA 0x%llx", e->device_id,
         length, l->iova + offset, gpa_of(target));
    fill_by_device(t, e, l->iova + offset, length, what);
    bad = memory_find_other(target, length, e->ops->fill_value);
    if (bad)
        changed(t, bad, *bad, e->ops->fill_value, what, "the device's write did not arrive");
    memset(target, POISON_FRESH, length);
    expect_watched(t, &w, what);
}

void leaf_expect_write_fault(struct test_run *t, struct dma_engine *e, struct leaf *l,
                             int64_t offset, size_t length, enum oracle_fault_class class,
                             const char *what)
{
    struct watched w;

    if (l->buffer.data) {
        expect_write_fault(t, e, l->iova + (uint64_t)offset, length, &l->buffer, class, what);
        return;
    }
    w = watch(t, l, offset, length);
    expect_write_fault(t, e, l->iova + (uint64_t)offset, length, NULL, class, what);
    expect_watched(t, &w, what);
}

void leaf_expect_read_fault(struct test_run *t, struct dma_engine *e, struct leaf *l,
                            int64_t offset, size_t length, enum oracle_fault_class class,
                            const char *what)
{
    struct watched w;

    if (l->buffer.data) {
        expect_read_fault(t, e, l->iova + (uint64_t)offset, length, &l->buffer, class, what);
        return;
    }
    w = watch(t, l, offset, length);
    expect_read_fault(t, e, l->iova + (uint64_t)offset, length, NULL, class, what);
    expect_watched(t, &w, what);
}
