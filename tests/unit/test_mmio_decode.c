/* SPDX-License-Identifier: MIT */
/* The decoder of register accesses: a table of encodings as compilers and assemblers emit them, and
 * random bytes. */
#include <string.h>

#include "host/cpu/mmio_decode.h"
#include "lib/bits.h"
#include "lib/random.h"
#include "tests/unit/unit.h"

struct encoding {
    const char *text;
    uint8_t bytes[16];
    uint8_t length;
    struct mmio_instruction expected; /* length is compared with the number of bytes */
};

#define LOAD(size_, reg_, to)                                                                      \
    {                                                                                              \
        .kind = MMIO_LOAD, .size = (size_), .reg = (reg_), .destination = (to)                     \
    }
#define LOAD_SIGNED(size_, reg_, to)                                                               \
    {                                                                                              \
        .kind = MMIO_LOAD, .size = (size_), .reg = (reg_), .destination = (to), .sign = true       \
    }
#define STORE(size_, reg_)                                                                         \
    {                                                                                              \
        .kind = MMIO_STORE, .size = (size_), .reg = (reg_), .destination = (size_)                 \
    }
#define HIGH(kind_, reg_)                                                                          \
    {                                                                                              \
        .kind = (kind_), .size = 1, .reg = (reg_), .destination = 1, .high_byte = true             \
    }
#define IMMEDIATE(size_, value)                                                                    \
    {                                                                                              \
        .kind = MMIO_STORE_IMMEDIATE, .size = (size_), .immediate = (value)                        \
    }

static const struct encoding encodings[] = {
    {"mov (%rax),%ecx", {0x8B, 0x08}, 2, LOAD(4, 1, 4)},
    {"mov (%rdi),%rax", {0x48, 0x8B, 0x07}, 3, LOAD(8, 0, 8)},
    {"mov (%rdi),%ax", {0x66, 0x8B, 0x07}, 3, LOAD(2, 0, 2)},
    {"mov (%rdi),%al", {0x8A, 0x07}, 2, LOAD(1, 0, 1)},
    {"mov (%rdi),%ah", {0x8A, 0x27}, 2, HIGH(MMIO_LOAD, 0)},
    {"mov (%rdi),%bh", {0x8A, 0x3F}, 2, HIGH(MMIO_LOAD, 3)},
    {"mov (%rdi),%spl", {0x40, 0x8A, 0x27}, 3, LOAD(1, 4, 1)},
    {"mov (%rdi),%r12b", {0x44, 0x8A, 0x27}, 3, LOAD(1, 12, 1)},
    {"mov (%r9),%r15", {0x4D, 0x8B, 0x39}, 3, LOAD(8, 15, 8)},
    {"mov 0x18(%rdi),%edx", {0x8B, 0x57, 0x18}, 3, LOAD(4, 2, 4)},
    {"mov 0x12345(%rdi),%edx", {0x8B, 0x97, 0x45, 0x23, 0x01, 0x00}, 6, LOAD(4, 2, 4)},
    {"mov 0x10(%rip),%esi", {0x8B, 0x35, 0x10, 0x00, 0x00, 0x00}, 6, LOAD(4, 6, 4)},
    {"mov (%rsp),%eax", {0x8B, 0x04, 0x24}, 3, LOAD(4, 0, 4)},
    {"mov 8(%rsp),%eax", {0x8B, 0x44, 0x24, 0x08}, 4, LOAD(4, 0, 4)},
    {"mov (%rdi,%rsi,4),%eax", {0x8B, 0x04, 0xB7}, 3, LOAD(4, 0, 4)},
    {"mov 0x20(%rdi,%rsi,8),%rax", {0x48, 0x8B, 0x44, 0xF7, 0x20}, 5, LOAD(8, 0, 8)},
    {"mov 0x200(%rdi,%r8),%eax",
     {0x42, 0x8B, 0x84, 0x07, 0x00, 0x02, 0x00, 0x00},
     8,
     LOAD(4, 0, 4)},
    {"mov 0x1000(,%rax,8),%ecx", {0x8B, 0x0C, 0xC5, 0x00, 0x10, 0x00, 0x00}, 7, LOAD(4, 1, 4)},
    {"mov 0x1000,%ecx", {0x8B, 0x0C, 0x25, 0x00, 0x10, 0x00, 0x00}, 7, LOAD(4, 1, 4)},
    {"mov (%r13),%ecx", {0x41, 0x8B, 0x4D, 0x00}, 4, LOAD(4, 1, 4)},
    {"mov (%r12),%ecx", {0x41, 0x8B, 0x0C, 0x24}, 4, LOAD(4, 1, 4)},
    {"mov (%edi),%eax", {0x67, 0x8B, 0x07}, 3, LOAD(4, 0, 4)},
    {"mov %fs:(%rdi),%eax", {0x64, 0x8B, 0x07}, 3, LOAD(4, 0, 4)},
    {"mov %ecx,(%rax)", {0x89, 0x08}, 2, STORE(4, 1)},
    {"mov %r8,(%rax)", {0x4C, 0x89, 0x00}, 3, STORE(8, 8)},
    {"mov %cx,(%rax)", {0x66, 0x89, 0x08}, 3, STORE(2, 1)},
    {"mov %cl,(%rax)", {0x88, 0x08}, 2, STORE(1, 1)},
    {"mov %ch,(%rax)", {0x88, 0x28}, 2, HIGH(MMIO_STORE, 1)},
    {"mov %sil,(%rax)", {0x40, 0x88, 0x30}, 3, STORE(1, 6)},
    {"movl $1,(%rax)", {0xC7, 0x00, 0x01, 0x00, 0x00, 0x00}, 6, IMMEDIATE(4, 1)},
    {"movl $1,0x10(%rax)", {0xC7, 0x40, 0x10, 0x01, 0x00, 0x00, 0x00}, 7, IMMEDIATE(4, 1)},
    {"movw $0x1234,(%rax)", {0x66, 0xC7, 0x00, 0x34, 0x12}, 5, IMMEDIATE(2, 0x1234)},
    {"movb $0x7f,(%rax)", {0xC6, 0x00, 0x7F}, 3, IMMEDIATE(1, 0x7F)},
    {"movq $-2,(%rax)",
     {0x48, 0xC7, 0x00, 0xFE, 0xFF, 0xFF, 0xFF},
     7,
     IMMEDIATE(8, UINT64_MAX - 1)},
    {"movl $5,8(%rip)", {0xC7, 0x05, 8, 0, 0, 0, 5, 0, 0, 0}, 10, IMMEDIATE(4, 5)},
    {"movzbl (%rdi),%eax", {0x0F, 0xB6, 0x07}, 3, LOAD(1, 0, 4)},
    {"movzbl (%rdi),%esi", {0x0F, 0xB6, 0x37}, 3, LOAD(1, 6, 4)},
    {"movzwl (%rdi),%eax", {0x0F, 0xB7, 0x07}, 3, LOAD(2, 0, 4)},
    {"movzwq (%rdi),%r9", {0x4C, 0x0F, 0xB7, 0x0F}, 4, LOAD(2, 9, 8)},
    {"movzbw (%rdi),%ax", {0x66, 0x0F, 0xB6, 0x07}, 4, LOAD(1, 0, 2)},
    {"movsbl (%rdi),%eax", {0x0F, 0xBE, 0x07}, 3, LOAD_SIGNED(1, 0, 4)},
    {"movswq (%rdi),%rax", {0x48, 0x0F, 0xBF, 0x07}, 4, LOAD_SIGNED(2, 0, 8)},
    {"movslq (%rdi),%rax", {0x48, 0x63, 0x07}, 3, LOAD_SIGNED(4, 0, 8)},
    {"movabs 0x1122334455667788,%eax",
     {0xA1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11},
     9,
     LOAD(4, 0, 4)},
    {"movabs %rax,0x1122334455667788",
     {0x48, 0xA3, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11},
     10,
     STORE(8, 0)},
    {"a REX that is not last counts for nothing", {0x48, 0x66, 0x8B, 0x07}, 4, LOAD(2, 0, 2)},
};

static void known_encodings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++) {
        const struct encoding *e = &encodings[i];
        struct mmio_instruction found, expected = e->expected;

        expected.length = e->length;
        if (!mmio_decode(e->bytes, sizeof(e->bytes), &found) || found.kind != expected.kind ||
            found.length != expected.length || found.size != expected.size ||
            found.reg != expected.reg || found.high_byte != expected.high_byte ||
            found.destination != expected.destination || found.sign != expected.sign ||
            found.immediate != expected.immediate)
            fail_msg("%s: kind %d length %u size %u reg %u high %d to %u sign %d immediate %llx",
                     e->text, found.kind, found.length, found.size, found.reg, found.high_byte,
                     found.destination, found.sign, (unsigned long long)found.immediate);
    }
}

/* An instruction that is cut off anywhere must not be carried out. */
static void cut_off_encodings(void **state)
{
    struct mmio_instruction found;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++) {
        for (size_t count = 0; count < encodings[i].length; count++)
            assert_false(mmio_decode(encodings[i].bytes, count, &found));
        assert_true(mmio_decode(encodings[i].bytes, encodings[i].length, &found));
    }
}

static void refused_encodings(void **state)
{
    static const struct {
        const char *text;
        uint8_t bytes[16];
    } refused[] = {
        {"mov %ecx,%eax", {0x89, 0xC8}},
        {"lock mov", {0xF0, 0x89, 0x08}},
        {"rep movsb", {0xF3, 0xA4}},
        {"stosl", {0xAB}},
        {"xchg %eax,(%rdi)", {0x87, 0x07}},
        {"add %eax,(%rdi)", {0x01, 0x07}},
        {"lock incl (%rdi)", {0xF0, 0xFF, 0x07}},
        {"movl with an extension that is no mov", {0xC7, 0x48, 0x10, 1, 0, 0, 0}},
        {"xabort", {0xC6, 0xF8, 0x01}},
        {"movups (%rdi),%xmm0", {0x0F, 0x10, 0x07}},
        {"movnti %eax,(%rdi)", {0x0F, 0xC3, 0x07}},
        {"VEX", {0xC5, 0xF8, 0x10, 0x07}},
        {"push (%rdi)", {0xFF, 0x37}},
        {"fifteen prefixes",
         {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x8B,
          0x07}},
    };
    struct mmio_instruction found;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (mmio_decode(refused[i].bytes, sizeof(refused[i].bytes), &found))
            fail_msg("%s is taken for an instruction of %u bytes", refused[i].text, found.length);
}

/* Whatever lies at RIP: the result is sane, and no byte after the end was looked at (the copy has
 * its exact size). */
static void random_bytes(void **state)
{
    struct random random;
    unsigned accepted = 0;

    (void)state;
    random = unit_random();
    for (unsigned round = 0; round < 1000000; round++) {
        size_t count = random_below(&random, INSTRUCTION_MAX + 1);
        uint8_t *bytes = malloc(count + 1);
        struct mmio_instruction i;

        for (size_t at = 0; at < count; at++)
            bytes[at] = (uint8_t)random_u64(&random);
        bytes = realloc(bytes, count ? count : 1);
        if (mmio_decode(bytes, count, &i)) {
            accepted++;
            assert_true(i.length >= 2 && i.length <= count);
            assert_true(i.size == 1 || i.size == 2 || i.size == 4 || i.size == 8);
            assert_true(i.reg < 16);
            (void)mmio_loaded(&i, random_u64(&random), random_u64(&random));
            (void)mmio_stored(&i, random_u64(&random));
        }
        free(bytes);
    }
    assert_true(accepted > 1000);
}

static void values(void **state)
{
    const uint64_t old = 0x1111222233334444, value = 0xFFFFFFFF89ABCDEF;
    struct mmio_instruction i = LOAD(4, 0, 4);

    (void)state;
    assert_int_equal(mmio_loaded(&i, old, value), 0x89ABCDEF);
    i = (struct mmio_instruction)LOAD(8, 0, 8);
    assert_true(mmio_loaded(&i, old, value) == value);
    i = (struct mmio_instruction)LOAD(2, 0, 2);
    assert_true(mmio_loaded(&i, old, value) == 0x111122223333CDEF);
    i = (struct mmio_instruction)LOAD(1, 0, 1);
    assert_true(mmio_loaded(&i, old, value) == 0x11112222333344EF);
    i = (struct mmio_instruction)HIGH(MMIO_LOAD, 0);
    assert_true(mmio_loaded(&i, old, value) == 0x111122223333EF44);
    i = (struct mmio_instruction)LOAD_SIGNED(1, 0, 4);
    assert_true(mmio_loaded(&i, old, value) == 0xFFFFFFEF);
    i = (struct mmio_instruction)LOAD_SIGNED(4, 0, 8);
    assert_true(mmio_loaded(&i, old, value) == 0xFFFFFFFF89ABCDEF);
    i = (struct mmio_instruction)LOAD(2, 0, 8);
    assert_true(mmio_loaded(&i, old, value) == 0xCDEF);
    i = (struct mmio_instruction)LOAD_SIGNED(1, 0, 2);
    assert_true(mmio_loaded(&i, old, value) == 0x111122223333FFEF);

    i = (struct mmio_instruction)STORE(2, 0);
    assert_true(mmio_stored(&i, value) == 0xCDEF);
    i = (struct mmio_instruction)HIGH(MMIO_STORE, 0);
    assert_true(mmio_stored(&i, value) == 0xCD);
    i = (struct mmio_instruction)IMMEDIATE(4, UINT64_MAX);
    assert_true(mmio_stored(&i, 0) == 0xFFFFFFFF);
}

/* Register n holds (n + 1) << 32, but for those below 4 GiB, so that each address tells which
 * registers are in it. */
static void addresses(void **state)
{
    static const struct {
        uint8_t bytes[12], length;
        uint64_t address;
    } cases[] = {
        {{0x8B, 0x08}, 2, 0x100000000},                                     /* (rax) */
        {{0x41, 0x8B, 0x08}, 3, 0x900000000},                               /* (r8) */
        {{0x8B, 0x57, 0xF8}, 3, 0x7FFFFFFF8},                               /* -8(rdi) */
        {{0x8B, 0x97, 0x00, 0x00, 0x00, 0x80}, 6, 0x780000000},             /* -2 GiB(rdi) */
        {{0x8B, 0x35, 0x10, 0x00, 0x00, 0x00}, 6, 0x1000016},               /* 16(rip) */
        {{0x8B, 0x04, 0x24}, 3, 0x500000000},                               /* (rsp) */
        {{0x8B, 0x04, 0xB7}, 3, 0x800000000 + 4 * UINT64_C(0x700000000)},   /* (rdi,rsi,4) */
        {{0x42, 0x8B, 0x04, 0x27}, 4, 0x800000000 + UINT64_C(0xD00000000)}, /* (rdi,r12) */
        {{0x8B, 0x0C, 0xC5, 0x00, 0x10, 0x00, 0x00},
         7,
         0x1000 + 8 * UINT64_C(0x100000000)},                     /* 0x1000(,rax,8) */
        {{0x8B, 0x0C, 0x25, 0x00, 0x10, 0x00, 0x00}, 7, 0x1000},  /* 0x1000 */
        {{0x41, 0x8B, 0x4D, 0x00}, 4, 0xE00000000},               /* (r13) */
        {{0x67, 0x8B, 0x47, 0x04}, 4, 4},                         /* 4(edi) */
        {{0x64, 0x8B, 0x07}, 3, 0x800000000 + UINT64_C(0xF5000)}, /* fs:(rdi) */
        {{0x65, 0x67, 0x8B, 0x07}, 4, UINT64_C(0x65000)},         /* gs:(edi) */
        {{0xA1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11},
         9,
         0x1122334455667788}, /* absolute */
    };
    struct mmio_state registers = {.rip = 0x1000000, .fs_base = 0xF5000, .gs_base = 0x65000};
    struct mmio_instruction i;

    (void)state;
    for (unsigned n = 0; n < 16; n++)
        registers.registers[n] = (n + UINT64_C(1)) << 32;
    for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
        assert_true(mmio_decode(cases[c].bytes, cases[c].length, &i));
        assert_int_equal(i.length, cases[c].length);
        assert_int_equal(mmio_address(&i, &registers), cases[c].address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_encodings),
        cmocka_unit_test(cut_off_encodings),
        cmocka_unit_test(refused_encodings),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(values),
        cmocka_unit_test(addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
