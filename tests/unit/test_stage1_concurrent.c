/* SPDX-License-Identifier: MIT */
/*
 * A second thread walks the tree all the time, as an IOMMU does, while the first one changes it. It
 * must find a translation that was true, and a page that stays mapped must be found every time.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "tests/unit/stage1_fixture.h"

#define OFFSET (64 * SIZE_1G) /* GPA - IOVA of everything mapped here */
#define WINDOW SIZE_1G
#define WALKS  20000u /* that the walker makes at least */

struct walker {
    const struct stage1 *s;
    bool stop;
    uint64_t walks, found, wrong, missing;
};

static void *walk_forever(void *context)
{
    struct walker *w = context;
    struct random r;

    random_seed(&r, 1);
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        uint64_t iova = random_below(&r, WINDOW);
        struct stage1_walk walk;

        if (stage1_walk(w->s, iova, &walk) == STAGE1_OK) {
            w->found++;
            w->wrong += walk.gpa != iova + OFFSET;
        } else {
            w->missing++;
        }
        __atomic_fetch_add(&w->walks, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* A flush, as the tree's owner sees it: walks that began before are over. */
static void wait_for_walks(struct walker *w)
{
    uint64_t until = __atomic_load_n(&w->walks, __ATOMIC_ACQUIRE) + 2;

    while (__atomic_load_n(&w->walks, __ATOMIC_ACQUIRE) < until)
        sched_yield();
}

static void split_and_merge(struct fixture *f, struct walker *w, struct random *r)
{
    struct stage1_freed freed = {0};
    uint64_t iova = random_below(r, WINDOW);

    if (stage1_split(&f->s, iova) == STAGE1_OK)
        (void)stage1_split(&f->s, iova);
    (void)stage1_protect(&f->s, iova & ~(SIZE_4K - 1), SIZE_4K,
                         random_below(r, 2) == 0 ? STAGE1_READ : RW);
    (void)stage1_protect(&f->s, iova & ~(SIZE_4K - 1), SIZE_4K, RW);
    (void)stage1_merge(&f->s, iova, 1, &freed);
    (void)stage1_merge(&f->s, iova, 2, &freed);
    wait_for_walks(w);
    stage1_release(&f->s, &freed);
}

static void map_and_unmap(struct fixture *f, struct walker *w, struct random *r)
{
    struct stage1_freed freed = {0};
    uint64_t iova = random_below(r, WINDOW / SIZE_4K) * SIZE_4K;
    uint64_t length = (1 + random_below(r, 3000)) * SIZE_4K;

    if (length > WINDOW - iova)
        length = WINDOW - iova;
    (void)stage1_map(&f->s, iova, iova + OFFSET, length, RW);
    if (random_below(r, 2) == 0)
        return;
    iova = random_below(r, WINDOW / SIZE_4K / 2) * SIZE_4K;
    (void)stage1_unmap(&f->s, iova, WINDOW / 2, &freed, NULL);
    wait_for_walks(w);
    stage1_release(&f->s, &freed);
}

static void run(struct walker *w,
                void (*change)(struct fixture *f, struct walker *w, struct random *r))
{
    struct random r = unit_random();
    struct fixture f;
    pthread_t thread;
    unsigned changes = 0;

    fixture_start(&f, 4, PAGES_4K_2M_1G);
    assert_int_equal(stage1_map(&f.s, 0, OFFSET, WINDOW, RW), STAGE1_OK);
    w->s = &f.s;
    assert_int_equal(pthread_create(&thread, NULL, walk_forever, w), 0);
    while (changes < 500 || __atomic_load_n(&w->walks, __ATOMIC_ACQUIRE) < WALKS) {
        change(&f, w, &r);
        changes++;
    }
    __atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    fixture_check_tree(&f, NULL, NULL);
    fixture_stop(&f);
}

static void split_protect_and_merge_never_hide_a_page(void **state)
{
    struct walker w = {0};

    (void)state;
    run(&w, split_and_merge);
    assert_true(w.wrong == 0);
    assert_true(w.missing == 0);
    assert_true(w.found >= WALKS);
}

static void map_and_unmap_never_show_a_wrong_translation(void **state)
{
    struct walker w = {0};

    (void)state;
    run(&w, map_and_unmap);
    assert_true(w.wrong == 0);
    assert_true(w.found > 100 && w.missing > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_protect_and_merge_never_hide_a_page),
        cmocka_unit_test(map_and_unmap_never_show_a_wrong_translation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
