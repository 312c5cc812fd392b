/* SPDX-License-Identifier: MIT */
/* Each atomic operation of dmaprobe, on 4 and on 8 bytes (docs/dmaprobe.md). */
#include "drivers/dmaprobe.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dmaprobe"

#define OLD  0x11223344FFFFFFFEull
#define LOW  0xFFFFFFFEull
#define HIGH 0x11223344ull

struct atomic_case {
    const char *name;
    enum dmaprobe_operation operation;
    uint32_t offset, length; /* of the operand in the 8 bytes */
    uint64_t operand, compare;
    uint64_t result, after; /* old value of the operand, new value of the 8 bytes */
};

static const struct atomic_case cases[] = {
    {"ADD, 8 bytes", DMAPROBE_ADD, 0, 8, 3, 0, OLD, 0x1122334500000001},
    {"ADD, lower 4 bytes", DMAPROBE_ADD, 0, 4, 3, 0, LOW, 0x1122334400000001},
    {"ADD, upper 4 bytes", DMAPROBE_ADD, 4, 4, 3, 0, HIGH, 0x11223347FFFFFFFE},
    {"SWAP, 8 bytes", DMAPROBE_SWAP, 0, 8, 0x0102030405060708, 0, OLD, 0x0102030405060708},
    {"SWAP, lower 4 bytes", DMAPROBE_SWAP, 0, 4, 0x05060708, 0, LOW, 0x1122334405060708},
    {"SWAP, upper 4 bytes", DMAPROBE_SWAP, 4, 4, 0x05060708, 0, HIGH, 0x05060708FFFFFFFE},
    {"COMPARE_SWAP, 8 bytes, equal", DMAPROBE_COMPARE_SWAP, 0, 8, 0x0102030405060708, OLD, OLD,
     0x0102030405060708},
    {"COMPARE_SWAP, lower 4 bytes, equal", DMAPROBE_COMPARE_SWAP, 0, 4, 0x05060708, LOW, LOW,
     0x1122334405060708},
    {"COMPARE_SWAP, upper 4 bytes, equal", DMAPROBE_COMPARE_SWAP, 4, 4, 0x05060708, HIGH, HIGH,
     0x05060708FFFFFFFE},
    {"COMPARE_SWAP, 8 bytes, lower half equal", DMAPROBE_COMPARE_SWAP, 0, 8, 0x0102030405060708,
     LOW, OLD, OLD},
    {"COMPARE_SWAP, 8 bytes, upper half equal", DMAPROBE_COMPARE_SWAP, 0, 8, 0x0102030405060708,
     OLD ^ 1, OLD, OLD},
    {"COMPARE_SWAP, lower 4 bytes, not equal", DMAPROBE_COMPARE_SWAP, 0, 4, 0x05060708, LOW ^ 1,
     LOW, OLD},
    {"COMPARE_SWAP, upper 4 bytes, not equal", DMAPROBE_COMPARE_SWAP, 4, 4, 0x05060708, HIGH ^ 1,
     HIGH, OLD},
};

TEST(atomic_forms,
     PROMISE("Each atomic operation changes just its 4 or 8 bytes, and returns their old value")
     COVERS("TR-1") DEVICES(PROBE) KINDS("dma")
     STEPS("Adds, swaps, and compares and swaps, with success and without, 8 bytes and each half "
           "of them, at the start, in the middle and at the end of a mapped page. An addition "
           "carries into the upper half, or beyond the operand.")
     EXPECTS("The request reports the old value and the length of its operand, which has the new "
             "value. No byte beside the operand changes.")
     IF_IT_FAILS("The device takes 4 bytes for 8 or the other way around: a carry changes the "
                 "neighbor of a counter, or gets lost. Or it swaps though the comparison failed."))
{
    static const uint32_t places[] = {0, 2040, PAGE_SIZE - 8};
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(places); i++) {
        const struct atomic_case *c = &cases[i / ARRAY_SIZE(places)];
        uint32_t place = places[i % ARRAY_SIZE(places)];
        uint64_t value = OLD;
        struct dmaprobe_request r = {.operation = c->operation,
                                     .iova = IOVA + place + c->offset,
                                     .length = c->length,
                                     .operand = c->operand,
                                     .compare = c->compare};

        STEP("%s at 0x%llx", c->name, r.iova);
        memcpy(b.data + place, &value, sizeof(value));
        dmaprobe_start(e, 0, &r);
        memcpy(&value, b.data + place, sizeof(value));
        CHECK_EQ(r.status, DMAPROBE_OK, "status of an atomic operation");
        CHECK_EQ(r.result, c->result, "old value of the operand");
        CHECK_EQ(value, c->after, "the 8 bytes with the operand");
        CHECK_EQ(r.moved, c->length, "bytes moved");
        memset(b.data + place, POISON_FRESH, sizeof(value));
        expect_untouched(t, &b, "beside the operand of an atomic operation");
    }
}
