/* SPDX-License-Identifier: MIT */
/*
 * The declaration of a test, which opens its function:
 *
 *     TEST(unmapped_page_is_gone,
 *          PROMISE("After unmap and a flush of the domain no DMA reaches the page")
 *          COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
 *          STEPS("Maps one page, attaches the device and lets it write. ...")
 *          EXPECTS("No byte of the page or its guards changes.")
 *          IF_IT_FAILS("The flush returned before the cached leaf was gone. ..."))
 *     {
 *         struct dma_engine *e = device(t);
 *         ...
 *     }
 *
 * The id is TEST_GROUP, which the file defines, a dot, and the name; the function is test_NAME.
 * Labels stand in any order and without commas. `make image` refuses a declaration with an unknown
 * or missing label (docs/writing-tests.md explains each).
 *
 * Labels are text for the assembler. All of it goes to section .pvttext of the debug file, where
 * the runner finds it without booting; what the image needs to choose and run tests goes to its
 * section .pvtcat.
 */
#ifndef PVT_TESTS_HARNESS_DECLARE_H
#define PVT_TESTS_HARNESS_DECLARE_H

#define PROMISE(text)     PVT_LABEL("PROMISE", text)
#define COVERS(ids)       PVT_LABEL("COVERS", ids)
#define KINDS(kinds)      PVT_LABEL("KINDS", kinds)
#define STEPS(text)       PVT_LABEL("STEPS", text)
#define EXPECTS(text)     PVT_LABEL("EXPECTS", text)
#define IF_IT_FAILS(text) PVT_LABEL("IF_IT_FAILS", text)
/* Text for {name} in the other texts: what differs from one variant to the next. */
#define WORD(name, text) PVT_LABEL("WORD", #name "=" text)
/* The test checks the hypercall ABI itself: it makes no sense on a unit that has no hypercalls
 * (drivers/iommu.h). */
#define ABI() PVT_LABEL("KINDS", "abi") PVT_ASIDE(".set pvt_unit, " PVT_UNIT_pviommu)
/* The test checks statements about one unit that the image drives itself, virtio_iommu or vtd: it
 * is in the plan of that unit only. */
#define UNIT(unit)   PVT_LABEL("UNIT", #unit) PVT_ASIDE(".set pvt_unit, " PVT_UNIT_##unit)
#define DEVICES(set) PVT_LABEL("DEVICES", #set) PVT_ASIDE(".set pvt_classes, " PVT_CLASSES_##set)
#define LEVEL(level) PVT_LABEL("LEVEL", #level) PVT_ASIDE(".set pvt_level, " PVT_LEVEL_##level)
/* TIER(stress): the test needs seconds, and has a short form that does not. */
#define TIER(tier) PVT_LABEL("TIER", #tier) PVT_ASIDE(".set pvt_tier, " PVT_TIER_##tier)

/* Sets of classes: a bit for each enum dma_class, counted from the character 0. */
#define PVT_CLASSES_NONE         "'0'"
#define PVT_CLASSES_ALL          "'0' + 0x3f" /* a test that needs some device */
#define PVT_CLASSES_DEFERRED     "'0' + 0x2e" /* can start a DMA and carry it out later */
#define PVT_CLASSES_READING      "'0' + 0x3e" /* show what they read */
#define PVT_CLASSES_PROBE        "'0' + 0x0c" /* dmaprobe, +ats: report, hold and repeat a DMA */
#define PVT_CLASSES_DRIVEN       "'0' + 0x0f" /* a program at CPL 3 can drive them */
#define PVT_CLASSES_rocker       "'0' + 0x01"
#define PVT_CLASSES_edu          "'0' + 0x02"
#define PVT_CLASSES_dmaprobe     "'0' + 0x04"
#define PVT_CLASSES_dmaprobe_ats "'0' + 0x08"
#define PVT_CLASSES_nvme         "'0' + 0x10"
#define PVT_CLASSES_ioat         "'0' + 0x20"

#define PVT_LEVEL_test    "'t'"
#define PVT_LEVEL_observe "'o'"
#define PVT_LEVEL_stress  "'s'"
/* In the image, the letter of the level is a capital where the tier is stress. */
#define PVT_TIER_stress "'a' - 'A'"

/* enum test_unit */
#define PVT_UNIT_pviommu      "'p'"
#define PVT_UNIT_virtio_iommu "'v'"
#define PVT_UNIT_vtd          "'d'"

/* A test whose outcome the ABI fixes. */
#define TEST(name, labels)                                                                         \
    PVT_TEST_FUNCTION(name);                                                                       \
    __asm__(PVT_DECLARE(#name, name, labels, ""));                                                 \
    PVT_TEST_FUNCTION(name)
/* NOLINTBEGIN(bugprone-macro-parentheses) ; labels are not an expression */
/* The ABI leaves the outcome open: OBSERVE() records it, and only broken safety fails. */
#define OBSERVATION(name, labels) TEST(name, LEVEL(observe) labels)
/* A test that works long and hard, and is allowed STRESS_DEADLINE_FACTOR times the deadline of
 * others. */
#define STRESS(name, labels) TEST(name, LEVEL(stress) labels)
/* NOLINTEND(bugprone-macro-parentheses) */

/*
 * One test for each row of a list, with one function. The arguments stand in the order of the id:
 * name_row, or row_name. A list is named data, each row with labels of its own, which add to those
 * of the test:
 *
 *     #define FLUSH_WAYS(ROW, test)                                                     \
 *         ROW(test, domain_flush, flush_by_domain, WORD(way, "FLUSH_DEVICE_DOMAIN"))    \
 *         ROW(test, list_flush, flush_list, WORD(way, "list flush") COVERS("LS-1"))
 *
 *     VARIANTS(flush_way *const, ways, FLUSH_WAYS);
 *
 *     TEST_EACH(unmapped, FLUSH_WAYS, PROMISE("Unmapped pages are out of reach: {way}") ...)
 *     {
 *         flush_way *flush = VARIANT(ways);
 */
#define TEST_EACH(name, list, labels)                                                              \
    PVT_TEST_FUNCTION(name);                                                                       \
    __asm__(".set pvt_row, 0\n" list(PVT_NAME_ROW, (name, labels)));                               \
    PVT_TEST_FUNCTION(name)
#define EACH_TEST(list, name, labels)                                                              \
    PVT_TEST_FUNCTION(name);                                                                       \
    __asm__(".set pvt_row, 0\n" list(PVT_ROW_NAME, (name, labels)));                               \
    PVT_TEST_FUNCTION(name)

/* The data of a list as an array, and the element of the test that runs. */
#define VARIANTS(type, array, list) static type array[] = {list(PVT_ROW_DATA, )}
#define VARIANT(array)              ((array)[t->test->variant])

#define PVT_TEST_FUNCTION(name) __attribute__((used)) static void test_##name(struct test_run *t)

#define PVT_STRING_(x) #x
#define PVT_STRING(x)  PVT_STRING_(x)

/* Inside of the .ascii of PVT_DECLARE(); an aside leaves the text for another directive. */
#define PVT_LABEL(label, text) "\t" label "\t" text
#define PVT_ASIDE(directive)   "\"\n" directive "\n.ascii \""

#define PVT_DECLARE(id, function, labels, variant)                                                 \
    ".set pvt_classes, '?'\n"                                                                      \
    ".set pvt_level, 't'\n"                                                                        \
    ".set pvt_unit, '-'\n"                                                                         \
    ".set pvt_tier, 0\n"                                                                           \
    ".pushsection .pvttext, \"\"\n"                                                                \
    ".ascii \"test\t" TEST_GROUP "." id "\t" __FILE__ ":" PVT_STRING(__LINE__) labels              \
        "\"\n"                                                                                     \
        ".byte 0\n"                                                                                \
        ".popsection\n"                                                                            \
        ".pushsection .pvtcat.test, \"a\"\n"                                                       \
        "7: .ascii \"" TEST_GROUP "." id "\t\"\n"                                                  \
        ".byte pvt_classes, 9, pvt_level - pvt_tier, pvt_unit" variant ", 0\n"                     \
        ".popsection\n"                                                                            \
        ".pushsection \".pvt_tests." TEST_GROUP "." id "\", \"a\"\n"                               \
        ".long 7b - .\n"                                                                           \
        ".long test_" #function " - .\n"                                                           \
        ".popsection\n"

#define PVT_UNPACK(...)                       __VA_ARGS__
#define PVT_APPLY(macro, ...)                 macro(__VA_ARGS__)
#define PVT_ROW_DATA(test, row, data, labels) data,
#define PVT_NAME_ROW(test, row, data, labels) PVT_APPLY(PVT_NAME_ROW_, PVT_UNPACK test, row, labels)
#define PVT_ROW_NAME(test, row, data, labels) PVT_APPLY(PVT_ROW_NAME_, PVT_UNPACK test, row, labels)
#define PVT_NAME_ROW_(name, labels, row, more)                                                     \
    PVT_DECLARE(#name "_" #row, name, labels more, PVT_ROW_NUMBER) PVT_NEXT_ROW
#define PVT_ROW_NAME_(name, labels, row, more)                                                     \
    PVT_DECLARE(#row "_" #name, name, more labels, PVT_ROW_NUMBER) PVT_NEXT_ROW
#define PVT_ROW_NUMBER ", 9, '0' + pvt_row"
#define PVT_NEXT_ROW   ".set pvt_row, pvt_row + 1\n"

#endif
