/* SPDX-License-Identifier: MIT */
/* Stage 1 and stage 2 of the software IOMMU, without caches: what is translated, and why the rest
 * is refused. */
#include "lib/bits.h"
#include "tests/unit/softiommu_fixture.h"

#define DID  5u
#define IOVA UINT64_C(0x5A5A12345000)
#define DATA (RAM + 0x30000)

/* cmocka's setup and teardown; a test that wants another configuration makes its own machine. */
static int setup(void **state)
{
    *state = machine_with(SOFTIOMMU_CACHE_NONE);
    return 0;
}

static struct softiommu_translation mapped(struct machine *m, unsigned levels, uint64_t iova)
{
    struct softiommu_translation t = domain_mapping(m, levels, DID, iova, DATA);

    attach(m, 0, &t);
    return t;
}

static void assert_refused(struct machine *m, uint64_t iova, enum oracle_access access,
                           enum softiommu_reason reason, enum oracle_fault_class class)
{
    struct oracle_fault fault;

    assert_int_equal(target(m, 0, iova, access), REFUSED);
    assert_int_equal(m->reason, reason);
    assert_true(softiommu_take_fault(m->iommu, 0, true, &fault));
    assert_int_equal(fault.reason_class, class);
    assert_int_equal(fault.raw_reason, reason);
    assert_int_equal(fault.iova, iova);
    assert_int_equal(fault.access, access);
}

static void translates_every_byte_of_a_page(void **state)
{
    struct machine *m = *state;

    mapped(m, 4, IOVA);
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    assert_int_equal(target(m, 0, IOVA + 1, WRITE), DATA + 1);
    assert_int_equal(target(m, 0, IOVA + 0x7FF, READ), DATA + 0x7FF);
    assert_int_equal(target(m, 0, IOVA + PAGE_SIZE - 1, WRITE), DATA + PAGE_SIZE - 1);
    assert_refused(m, IOVA + PAGE_SIZE, READ, SOFTIOMMU_REASON_NOT_PRESENT,
                   ORACLE_FAULT_CLASS_NOT_PRESENT);
    assert_refused(m, IOVA - 1, READ, SOFTIOMMU_REASON_NOT_PRESENT, ORACLE_FAULT_CLASS_NOT_PRESENT);
}

static void each_iova_bit_counts(void **state)
{
    struct machine *m = *state;

    for (unsigned levels = 4; levels <= 5; levels++) {
        struct softiommu_translation t = domain_new(m, levels, DID);
        unsigned bits = levels == 5 ? 57 : 48;

        map(m, &t, 0, DATA, RW);
        for (unsigned bit = 12; bit < bits; bit++)
            map(m, &t, BIT(bit), DATA + (bit - 11) * PAGE_SIZE, RW);
        attach(m, 0, &t);
        assert_int_equal(target(m, 0, 0, READ), DATA);
        for (unsigned bit = 12; bit < bits; bit++)
            assert_int_equal(target(m, 0, BIT(bit), READ), DATA + (bit - 11) * PAGE_SIZE);
        assert_refused(m, BIT(bits), READ, SOFTIOMMU_REASON_WIDTH,
                       ORACLE_FAULT_CLASS_NON_CANONICAL);
        assert_refused(m, UINT64_MAX, READ, SOFTIOMMU_REASON_WIDTH,
                       ORACLE_FAULT_CLASS_NON_CANONICAL);
    }
}

static void width_is_configured_and_not_sign_extended(void **state)
{
    static const unsigned width[] = {39, 47, 48, 57};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(width); i++) {
        struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_NONE);
        struct machine *m;
        unsigned bits = width[i];
        uint64_t last = BITS(bits - 1, 12);

        config.iova_bits = bits;
        m = machine_new(&config);
        mapped(m, bits > 48 ? 5 : 4, last);
        assert_int_equal(target(m, 0, last, READ), DATA);
        assert_refused(m, last | BIT(bits), READ, SOFTIOMMU_REASON_WIDTH,
                       ORACLE_FAULT_CLASS_NON_CANONICAL);
        assert_refused(m, last | BITS(63, bits), READ, SOFTIOMMU_REASON_WIDTH,
                       ORACLE_FAULT_CLASS_NON_CANONICAL);
        machine_free(m);
    }
}

static void large_pages_translate(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);

    *entry_of(m, &t, 0x80000000, 2) = RAM | RW | PS | BIT(12); /* PAT */
    *entry_of(m, &t, 0x40200000, 1) = (RAM + MEG2) | RW | PS | BIT(12);
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, 0x80000000 + RAM_SIZE / 2 - 1, WRITE), RAM + RAM_SIZE / 2 - 1);
    assert_int_equal(target(m, 0, 0x40200000 + 0x1FFFFF, WRITE), RAM + MEG2 + 0x1FFFFF);
    assert_refused(m, 0x80000000 + RAM_SIZE, READ, SOFTIOMMU_REASON_TARGET_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
}

static void page_sizes_not_offered_are_reserved(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_NONE);
    struct softiommu_translation t;
    struct machine *m;

    (void)state;
    config.page_sizes = BIT(12) | BIT(30);
    m = machine_new(&config);
    t = domain_new(m, 4, DID);
    *entry_of(m, &t, 0x80000000, 2) = RAM | RW | PS;
    *entry_of(m, &t, 0x40200000, 1) = RAM | RW | PS;
    attach(m, 0, &t);
    assert_int_equal(target(m, 0, 0x80000000, READ), RAM);
    assert_refused(m, 0x40200000, READ, SOFTIOMMU_REASON_RESERVED_BIT,
                   ORACLE_FAULT_CLASS_RESERVED_BIT);
    machine_free(m);
}

/* Of a five-level walk with 46 physical address bits. */
static void reserved_bits_are_refused_at_every_level(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 5, IOVA);

    for (unsigned level = 0; level < 5; level++) {
        uint64_t *entry = entry_of(m, &t, IOVA, level);
        uint64_t good = *entry;

        for (unsigned bit = 0; bit < 64; bit++) {
            bool reserved = (bit >= 46 && bit <= 51) || (bit == 7 && level >= 3);
            bool ignored = bit >= 52 || bit == 3 || bit == 4 || bit == 8 ||
                           (bit >= 9 && bit <= 11) || (bit == 7 && level == 0) ||
                           (bit == 6 && level > 0);

            *entry = good | BIT(bit);
            if (reserved)
                assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_RESERVED_BIT,
                               ORACLE_FAULT_CLASS_RESERVED_BIT);
            if (ignored)
                assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
            *entry = good;
        }
    }
}

static void low_bits_of_large_pages_are_reserved(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID);

    attach(m, 0, &t);
    for (unsigned level = 1; level <= 2; level++) {
        for (unsigned bit = 13; bit < 12 + 9 * level; bit++) {
            *entry_of(m, &t, BIT(39), level) = RAM | RW | PS | BIT(bit);
            assert_refused(m, BIT(39), READ, SOFTIOMMU_REASON_RESERVED_BIT,
                           ORACLE_FAULT_CLASS_RESERVED_BIT);
        }
        *entry_of(m, &t, BIT(39), level) = 0;
    }
}

static void present_write_and_user_count_at_every_level(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 5, IOVA);

    for (unsigned level = 0; level < 5; level++) {
        uint64_t *entry = entry_of(m, &t, IOVA, level);
        uint64_t good = *entry;

        *entry = good & ~BIT(0);
        assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_NOT_PRESENT, ORACLE_FAULT_CLASS_NOT_PRESENT);
        *entry = good & ~BIT(1);
        assert_int_equal(target(m, 0, IOVA, READ), DATA);
        assert_refused(m, IOVA, WRITE, SOFTIOMMU_REASON_WRITE_DENIED,
                       ORACLE_FAULT_CLASS_WRITE_DENIED);
        *entry = good & ~BIT(2);
        assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_SUPERVISOR, ORACLE_FAULT_CLASS_PRIVILEGE);
        *entry = good;
    }
}

static void accessed_and_dirty_are_set(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 5, IOVA);

    for (unsigned level = 0; level < 5; level++)
        *entry_of(m, &t, IOVA, level) &= ~(BIT(5) | BIT(6));
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    for (unsigned level = 0; level < 5; level++)
        assert_int_equal(*entry_of(m, &t, IOVA, level) & (BIT(5) | BIT(6)), BIT(5));
    assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
    assert_int_equal(*entry_of(m, &t, IOVA, 0) & BIT(6), BIT(6));
    for (unsigned level = 1; level < 5; level++)
        assert_int_equal(*entry_of(m, &t, IOVA, level) & BIT(6), 0);
}

static void a_refused_write_sets_no_dirty_bit(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 4, IOVA);

    map(m, &t, IOVA, DATA, RO & ~BIT(5));
    assert_refused(m, IOVA, WRITE, SOFTIOMMU_REASON_WRITE_DENIED, ORACLE_FAULT_CLASS_WRITE_DENIED);
    assert_int_equal(*entry_of(m, &t, IOVA, 0), DATA | (RO & ~BIT(5)));
}

static void xd_is_ignored_or_reserved(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_ADVERSARIAL);

    (void)state;
    for (unsigned reserved = 0; reserved < 2; reserved++) {
        struct softiommu_translation t;
        struct machine *m;

        config.xd_reserved = reserved != 0;
        m = machine_new(&config);
        t = mapped(m, 4, IOVA);
        assert_int_equal(target(m, 0, IOVA, READ), DATA);
        softiommu_flush_domain(m->iommu, DID);
        for (unsigned level = 0; level < 4; level++) {
            *entry_of(m, &t, IOVA, level) |= BIT(63);
            if (config.xd_reserved)
                assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_RESERVED_BIT,
                               ORACLE_FAULT_CLASS_RESERVED_BIT);
            else
                assert_int_equal(target(m, 0, IOVA, READ), DATA);
            *entry_of(m, &t, IOVA, level) &= ~BIT(63);
            softiommu_flush_domain(m->iommu, DID);
        }
        machine_free(m);
    }
}

static void accessed_and_dirty_can_be_ignored_or_required(void **state)
{
    struct softiommu_config config = machine_config(SOFTIOMMU_CACHE_ADVERSARIAL);
    struct softiommu_translation t;
    struct machine *m;

    (void)state;
    config.ad_mode = SOFTIOMMU_AD_IGNORED;
    m = machine_new(&config);
    t = mapped(m, 4, IOVA);
    map(m, &t, IOVA, DATA, 7);
    assert_int_equal(target(m, 0, IOVA, WRITE), DATA);
    assert_int_equal(*entry_of(m, &t, IOVA, 0), DATA | 7);
    machine_free(m);

    config.ad_mode = SOFTIOMMU_AD_REQUIRED;
    m = machine_new(&config);
    t = mapped(m, 4, IOVA);
    map(m, &t, IOVA, DATA, 7);
    assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_NOT_ACCESSED, ORACLE_FAULT_CLASS_OTHER);
    map(m, &t, IOVA, DATA, 7 | BIT(5));
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    assert_refused(m, IOVA, WRITE, SOFTIOMMU_REASON_NOT_DIRTY, ORACLE_FAULT_CLASS_OTHER);
    assert_int_equal(*entry_of(m, &t, IOVA, 0), DATA | 7 | BIT(5));
    machine_free(m);
}

/* The guest's other processor changes an entry under the walk, once or without end. */
static void clear_accessed(struct machine *m, uint64_t spa)
{
    *at_spa(m, spa) ^= BIT(9);
    m->watched++;
}

static void clear_accessed_once(struct machine *m, uint64_t spa)
{
    clear_accessed(m, spa);
    m->after_read = NULL;
}

static void a_changing_entry_is_read_again(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 4, IOVA);

    *entry_of(m, &t, IOVA, 3) &= ~BIT(5);
    m->after_read = clear_accessed_once;
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    assert_int_equal(*entry_of(m, &t, IOVA, 3) & (BIT(5) | BIT(9)), BIT(5) | BIT(9));

    *entry_of(m, &t, IOVA, 3) &= ~BIT(5);
    m->after_read = clear_accessed;
    assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_ENTRY_UNSTABLE, ORACLE_FAULT_CLASS_OTHER);
    assert_true(m->watched < 1000);
}

static void stage_2_confines_root_tables_and_leaves(void **state)
{
    static const uint64_t outside[] = {0,       HOST,        RAM - PAGE_SIZE, RAM + RAM_SIZE,
                                       RAM_SPA, BITS(45, 12)};
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 5, IOVA);

    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        struct softiommu_translation bad = t;

        bad.root = outside[i];
        attach(m, 0, &bad);
        assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_ROOT_REFUSED,
                       ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
        attach(m, 0, &t);
        for (unsigned level = 0; level < 5; level++) {
            uint64_t *entry = entry_of(m, &t, IOVA, level), good = *entry;

            *entry = outside[i] | RW;
            assert_refused(m, IOVA, WRITE,
                           level == 0 ? SOFTIOMMU_REASON_TARGET_REFUSED
                                      : SOFTIOMMU_REASON_TABLE_REFUSED,
                           ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
            *entry = good;
        }
    }
    assert_int_equal(m->table_reads_in_host, 0);
}

static void stage_2_decides_by_access(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = mapped(m, 4, IOVA);

    map(m, &t, IOVA, READ_ONLY, RW);
    assert_int_equal(target(m, 0, IOVA, READ), READ_ONLY);
    assert_refused(m, IOVA, WRITE, SOFTIOMMU_REASON_TARGET_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    /* A table that the guest may not write is no place for an accessed bit. */
    at(m, READ_ONLY)[(IOVA >> 12) & 511] = DATA | RW;
    *entry_of(m, &t, IOVA, 1) = READ_ONLY | TABLE;
    assert_int_equal(target(m, 0, IOVA, READ), DATA);
    at(m, READ_ONLY)[(IOVA >> 12) & 511] = DATA | 7;
    assert_refused(m, IOVA, READ, SOFTIOMMU_REASON_TABLE_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    assert_int_equal(at(m, READ_ONLY)[(IOVA >> 12) & 511], DATA | 7);
}

static void interrupt_window_is_no_memory(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation t = domain_new(m, 4, DID),
                                 identity = {.kind = SOFTIOMMU_IDENTITY, .did = 1};
    uint64_t spa, size;

    m->endless = true;
    *entry_of(m, &t, 0xC0000000, 2) = BIT(32) | RW | PS; /* a page around the window */
    attach(m, 0, &t);
    for (unsigned i = 0; i < 2; i++) {
        assert_refused(m, 0xFEE00000, WRITE, SOFTIOMMU_REASON_INTERRUPT_WINDOW,
                       ORACLE_FAULT_CLASS_INTERRUPT_WINDOW);
        assert_refused(m, 0xFEEFFFFF, READ, SOFTIOMMU_REASON_INTERRUPT_WINDOW,
                       ORACLE_FAULT_CLASS_INTERRUPT_WINDOW);
        assert_int_equal(target(m, 0, 0xFEF00000, READ),
                         i == 0 ? BIT(32) + 0x3EF00000 : 0xFEF00000);
        attach(m, 0, &identity);
    }
    attach(m, 0, &t);
    assert_int_equal(softiommu_translate(m->iommu, 0, 0xFEDFFFFE, READ, &spa, &size), 0);
    assert_int_equal(size, 2); /* and no further */
    assert_int_equal(softiommu_translate(m->iommu, 0, 0xFEF00000, READ, &spa, &size), 0);
    assert_int_equal(size, BIT(32) - 0xFEF00000);
}

static void identity_goes_through_stage_2_only(void **state)
{
    struct machine *m = *state;
    struct softiommu_translation identity = {.kind = SOFTIOMMU_IDENTITY, .did = 1};
    uint64_t spa, size;

    attach(m, 0, &identity);
    assert_int_equal(softiommu_translate(m->iommu, 0, RAM + 0x12345, WRITE, &spa, &size),
                     SOFTIOMMU_REASON_NONE);
    assert_int_equal(spa, gpa_to_spa(RAM + 0x12345));
    assert_refused(m, HOST, READ, SOFTIOMMU_REASON_TARGET_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    assert_refused(m, UINT64_MAX, READ, SOFTIOMMU_REASON_TARGET_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    assert_refused(m, READ_ONLY, WRITE, SOFTIOMMU_REASON_TARGET_REFUSED,
                   ORACLE_FAULT_CLASS_TABLE_UNREADABLE);
    assert_int_equal(softiommu_statistics(m->iommu).walks, 0);
}

static void devices_start_blocked(void **state)
{
    struct machine *m = *state;

    assert_refused(m, DATA, READ, SOFTIOMMU_REASON_BLOCKED, ORACLE_FAULT_CLASS_BLOCKED);
    assert_refused(m, DATA, WRITE, SOFTIOMMU_REASON_BLOCKED, ORACLE_FAULT_CLASS_BLOCKED);
}

static void first_fault_is_kept_and_others_are_counted(void **state)
{
    struct machine *m = *state;
    struct oracle_fault fault;

    assert_int_equal(softiommu_oldest_fault(m->iommu), m->config.devices);
    assert_int_equal(target(m, 2, 0x1000, WRITE), REFUSED);
    assert_int_equal(target(m, 1, 0x2000, READ), REFUSED);
    assert_int_equal(target(m, 2, 0x3000, READ), REFUSED);
    assert_int_equal(target(m, 3, 0x4000, READ), REFUSED);
    assert_int_equal(softiommu_oldest_fault(m->iommu), 2);
    assert_true(softiommu_take_fault(m->iommu, 2, false, &fault));
    assert_int_equal(fault.device_id, 2);
    assert_int_equal(fault.iova, 0x1000);
    assert_int_equal(fault.valid, ORACLE_FAULT_VALID);
    assert_int_equal(fault.lost, 1);
    assert_true(softiommu_take_fault(m->iommu, 2, true, &fault));
    assert_int_equal(fault.lost, 0);
    assert_false(softiommu_take_fault(m->iommu, 2, true, &fault));
    assert_int_equal(fault.valid, 0);
    assert_int_equal(softiommu_oldest_fault(m->iommu), 1);
    assert_false(softiommu_take_fault(m->iommu, m->config.devices, true, &fault));
    assert_int_equal(softiommu_reason_class((enum softiommu_reason)14), ORACLE_FAULT_CLASS_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(translates_every_byte_of_a_page, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(each_iova_bit_counts, setup, machine_teardown),
        cmocka_unit_test(width_is_configured_and_not_sign_extended),
        cmocka_unit_test_setup_teardown(large_pages_translate, setup, machine_teardown),
        cmocka_unit_test(page_sizes_not_offered_are_reserved),
        cmocka_unit_test_setup_teardown(reserved_bits_are_refused_at_every_level, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(low_bits_of_large_pages_are_reserved, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(present_write_and_user_count_at_every_level, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(accessed_and_dirty_are_set, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_refused_write_sets_no_dirty_bit, setup, machine_teardown),
        cmocka_unit_test(xd_is_ignored_or_reserved),
        cmocka_unit_test(accessed_and_dirty_can_be_ignored_or_required),
        cmocka_unit_test_setup_teardown(a_changing_entry_is_read_again, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(stage_2_confines_root_tables_and_leaves, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(stage_2_decides_by_access, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(interrupt_window_is_no_memory, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(identity_goes_through_stage_2_only, setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(devices_start_blocked, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(first_fault_is_kept_and_others_are_counted, setup,
                                        machine_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
