/* SPDX-License-Identifier: MIT */
/*
 * The walk may set A and D in an entry (TR-8) while the guest rewrites it (CON-2). A host that
 * stores back the whole entry that it has read, and not by a compare and exchange, undoes a store
 * of the guest that came in between. DMA does not show it, since the old entry may be in use until
 * the flush; so the guest reads back what it wrote. An entry that has A and D set already is not
 * stored at all: all of these have them clear.
 */
#define TEST_GROUP "concurrency"
#include "kernel/paging_bits.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

#define ROUNDS      150u /* at least */
#define STORES      40u  /* at least */
#define LOOKS       8u   /* at an entry, after each store */
#define ENTRIES     2u
#define LENGTH      64u
#define SECOND_IOVA (IOVA_1G + SIZE_2M) /* below the entry for a table */

struct editor {
    uint64_t *entry[ENTRIES], value[ENTRIES][2];
    uint64_t wrote, seen;
    uint32_t stores, ended;
    bool undone;
};

static void edit(void *argument)
{
    struct editor *p = argument;

    while (!__atomic_load_n(&p->ended, __ATOMIC_ACQUIRE)) {
        unsigned which = p->stores % ENTRIES;
        uint64_t value = p->value[which][p->stores / ENTRIES % 2];

        __atomic_store_n(p->entry[which], value, __ATOMIC_SEQ_CST);
        __atomic_store_n(&p->stores, p->stores + 1, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < LOOKS; i++) {
            uint64_t seen = __atomic_load_n(p->entry[which], __ATOMIC_SEQ_CST);

            if ((seen & ~PTE_MARKS) != value) {
                p->wrote = value;
                p->seen = seen;
                p->undone = true;
                return;
            }
            give_way();
        }
    }
}

/* Leaf and table: each of two values leads to a page that may be written. */
static void choose(struct test_run *t, struct editor *p, struct domain *d, const struct buffer *b)
{
    uint64_t *leaf = leaf_entry(t, d, IOVA_1G), *other = page_alloc(1, PAGE_SIZE);
    struct stage1_walk w;

    REQUIRE(other, "no memory for a table");
    REQUIRE(stage1_walk(&d->table, SECOND_IOVA, &w) == STAGE1_OK && w.leaf_level == 0,
            "no leaf at 0x%llx", (unsigned long long)SECOND_IOVA);
    memset(other, 0, PAGE_SIZE);
    other[0] = (*w.entry[0] & ~PTE_MARKS) + 2 * PAGE_SIZE; /* maps SECOND_IOVA */
    p->entry[0] = leaf;
    p->value[0][0] = *leaf & ~PTE_MARKS;
    p->value[0][1] = (gpa_of(b->data) + PAGE_SIZE) | (p->value[0][0] & (PAGE_SIZE - 1));
    p->entry[1] = w.entry[1];
    p->value[1][0] = *w.entry[1] & ~PTE_MARKS;
    p->value[1][1] = gpa_of(other) | (p->value[1][0] & (PAGE_SIZE - 1));
}

static bool goes_on(const struct editor *p, unsigned round)
{
    bool enough = round >= ROUNDS && __atomic_load_n(&p->stores, __ATOMIC_ACQUIRE) >= STORES;

    return !enough && !__atomic_load_n(&p->undone, __ATOMIC_ACQUIRE);
}

TEST(entry_is_not_undone,
     PROMISE("An entry that the guest rewrites while the walk sets A and D in it is the new one "
             "afterwards")
     COVERS("CON-2 TR-8") DEVICES(PROBE) KINDS("dma flush")
     STEPS("The second processor rewrites a leaf and an entry for a table over and over, with A "
           "and D clear, and reads each back 8 times. Meanwhile the first one flushes and lets "
           "the device write through both, at least 150 times.")
     EXPECTS("Each entry is what was written last, apart from A and D.")
     IF_IT_FAILS("The host reads an entry, sets A or D in its copy and stores it back without a "
                 "look at what is there: the guest's new mapping is lost, and memory that it has "
                 "taken back stays mapped."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 4);
    struct domain *d = domain_paging_with(t, 4, PAGE_SIZE);
    struct editor *p = second_memory(t, sizeof(*p));

    need_second(t);
    map_gpa(t, d, IOVA_1G, gpa_of(b.data), PAGE_SIZE, RW);
    map_gpa(t, d, SECOND_IOVA, gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, RW);
    choose(t, p, d, &b);
    attach(t, d, e);
    second_begin(t, edit, p);
    for (unsigned round = 0; goes_on(p, round); round++) {
        give_way();
        flush(t, d);
        fill_by_device(t, e, IOVA_1G, LENGTH, "DMA through a leaf that changes");
        fill_by_device(t, e, SECOND_IOVA, LENGTH, "DMA through a table that changes");
    }
    __atomic_store_n(&p->ended, 1, __ATOMIC_RELEASE);
    second_end(t);
    drain_faults(t, e);
    CHECK(!p->undone, "store %u: an entry that was set to 0x%llx is 0x%llx", p->stores,
          (unsigned long long)p->wrote, (unsigned long long)p->seen);
    for (unsigned i = 0; i < ENTRIES; i++)
        *p->entry[i] = p->value[i][0];
    flush(t, d);
    buffer_refresh(&b);
}
