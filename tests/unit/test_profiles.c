/* SPDX-License-Identifier: MIT */
/* The verdict of a profile on a run, and files that are not as they should be. */
#include "tests/harness/profiles.h"

#include <string.h>

#include "lib/bits.h"
#include "tests/unit/unit.h"

static const char good[] = "pvtest-profiles 1\n"
                           "requirements A-1 B-1 C-1\n"
                           "profile first 3 moa\n"
                           "bound cap bits 0x5\n"
                           "bound iova_bits min 12\n"
                           "needs two read\n"
                           "profile second 1 ooo\n"
                           "test a.one 0\n"
                           "test a.two 0 2\n"
                           "test b.one 1 2\n"
                           "test c.one 2\n";
static const struct suite_counts counts = {.planned = 3, .pass = 3, .moved = 1};

static void load(struct profiles *p)
{
    assert_int_equal(profiles_load(p, good, sizeof(good) - 1), 0);
    assert_int_equal(p->count, 2);
}

static void fact(struct profiles *p, const char *text)
{
    profiles_fact(p, text, strlen(text));
}

static void good_host(struct profiles *p)
{
    load(p);
    fact(p, "pviommu: iova_bits=47 pasid_bits=0 cap=0x25 page_sizes=0x40201000");
    fact(p, "device: class=rocker bdf=00:00.0 id=0x8");
    fact(p, "device: class=edu bdf=00:00.0 id=0x10");
}

static char told[1024];

static void tell(void *context, const char *text)
{
    (void)context;
    strcat(strcat(told, text), ";");
}

static unsigned exit_code(const struct profiles *p, unsigned which, const struct suite_counts *c,
                          unsigned expected)
{
    struct report_verdict verdict;
    unsigned shortcomings;

    told[0] = '\0';
    verdict = profiles_judge(p, which, c, &shortcomings, tell, NULL);
    assert_int_equal(shortcomings, expected);
    return verdict.exit_code;
}

static void test_kept(void **state)
{
    struct profiles p;

    (void)state;
    good_host(&p);
    profiles_result(&p, "a.two", VERDICT_SKIP);
    profiles_result(&p, "b.one", VERDICT_SKIP);
    profiles_result(&p, "a.two", VERDICT_PASS);
    profiles_result(&p, "no.such", VERDICT_FAIL);
    assert_int_equal(exit_code(&p, 0, &counts, 0), 0);
    assert_int_equal(exit_code(&p, 1, &counts, 0), 0);
}

static void test_not_verified(void **state)
{
    struct profiles p;

    (void)state;
    good_host(&p);
    assert_int_equal(exit_code(&p, 0, &counts, 1), 1);
    assert_string_equal(told, "A-1 is mandatory, and none of its tests was selected;");
    profiles_result(&p, "a.one", VERDICT_SKIP);
    assert_int_equal(exit_code(&p, 0, &counts, 1), 1);
    assert_string_equal(told, "A-1 is mandatory, and all its tests were skipped;");
    assert_int_equal(exit_code(&p, 1, &counts, 0), 0);
}

static void test_capabilities_and_devices(void **state)
{
    struct profiles p;

    (void)state;
    load(&p);
    profiles_result(&p, "a.one", VERDICT_PASS);
    fact(&p, "pviommu: iova_bits=11 cap=0x21");
    fact(&p, "device: class=rocker bdf=00:00.0 id=0x8");
    assert_int_equal(exit_code(&p, 0, &counts, 4), 1);
    assert_string_equal(told, "the host reports cap=0x21; needed: bits = 0x5;"
                              "the host reports iova_bits=11; needed: min = 0xc;"
                              "a device is missing: two;a device is missing: read;");
    load(&p);
    profiles_result(&p, "a.one", VERDICT_PASS);
    fact(&p, "pviommu: absent, HV_STATUS_INVALID_HYPERCALL_CODE");
    assert_int_equal(exit_code(&p, 0, &counts, 4), 1);
    assert_non_null(strstr(told, "the host does not report cap;"));
}

static void test_failures(void **state)
{
    struct suite_counts bad = {.planned = 2, .pass = 1, .fail = 1, .moved = 1};
    struct profiles p;

    (void)state;
    good_host(&p);
    profiles_result(&p, "a.one", VERDICT_PASS);
    profiles_result(&p, "c.one", VERDICT_FAIL);
    assert_int_equal(exit_code(&p, 0, &bad, 0), 0); /* advisory */
    assert_int_equal(exit_code(&p, 1, &bad, 0), 1);
    profiles_result(&p, "b.one", VERDICT_FAIL);
    bad.fail++;
    assert_int_equal(exit_code(&p, 0, &bad, 0), 1);
    bad.error++;
    assert_int_equal(exit_code(&p, 0, &bad, 0), 2);
}

static void test_damage(void **state)
{
    static const char *const bad[] = {
        "",
        "pvtest-profiles 2\n",
        "pvtest-profiles 1\nprofile a 1 m\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 mm\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1\n",
        "pvtest-profiles 1\nrequirements A\ntest a.a 0\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\ntest a.a 1\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\ntest a.a -1\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\ntest a.a 99999999999999999999\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\nbound cap most 1\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\nbound cap min 0x\n",
        "pvtest-profiles 1\nrequirements A\nprofile a 1 m\ntest a.a 0\nneeds two\n",
        "pvtest-profiles 1\nrequirements A\nrequirements A\n",
        "pvtest-profiles 1\n\n",
        "pvtest-profiles 1\r\nrequirements A\r\n",
    };
    struct profiles p;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_not_equal(profiles_load(&p, bad[i], strlen(bad[i])), 0);
        assert_int_equal(p.count, 0);
    }
    for (size_t size = 0; size < sizeof(good); size++) {
        char *part = memcpy(test_malloc(size + 1), good, size);

        if (profiles_load(&p, part, size) == 0) {
            profiles_result(&p, "c.one", VERDICT_FAIL);
            profiles_result(&p, "a.one", VERDICT_PASS);
        }
        test_free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),     cmocka_unit_test(test_not_verified),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_capabilities_and_devices),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
