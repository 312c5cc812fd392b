/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "kernel/cpu.h"

void need_integrity(struct test_run *t, struct integrity_output *target)
{
    struct integrity_output found;

    if (!host_integrity_present()) {
        SKIP("only for the reference host: this host has no interface that tells whether its own "
             "memory is unchanged");
    }
    CHECK(host_integrity_check(false, &found), "the host does not compare its own memory");
    CHECK(found.constants_changed == 0,
          "the host's text or constant data had changed before the test");
    if (target)
        *target = found;
}

struct access {
    uint64_t address, value;
    unsigned size;
};

static void load(void *argument)
{
    struct access *a = argument;

    switch (a->size) {
    case 1:
        __asm__ volatile("movb (%1), %b0" : "=q"(a->value) : "r"(a->address) : "memory");
        break;
    case 2:
        __asm__ volatile("movw (%1), %w0" : "=r"(a->value) : "r"(a->address) : "memory");
        break;
    case 4:
        __asm__ volatile("movl (%1), %k0" : "=r"(a->value) : "r"(a->address) : "memory");
        break;
    default:
        __asm__ volatile("movq (%1), %0" : "=r"(a->value) : "r"(a->address) : "memory");
        break;
    }
}

static void store(void *argument)
{
    const struct access *a = argument;

    switch (a->size) {
    case 1:
        __asm__ volatile("movb %b0, (%1)" : : "q"(a->value), "r"(a->address) : "memory");
        break;
    case 2:
        __asm__ volatile("movw %w0, (%1)" : : "r"(a->value), "r"(a->address) : "memory");
        break;
    case 4:
        __asm__ volatile("movl %k0, (%1)" : : "r"(a->value), "r"(a->address) : "memory");
        break;
    default:
        __asm__ volatile("movq %0, (%1)" : : "r"(a->value), "r"(a->address) : "memory");
        break;
    }
}

enum trap_vector load_caught(uint64_t address, unsigned size, uint64_t *value)
{
    struct access a = {.address = address, .size = size};
    enum trap_vector vector = trap_catch(load, &a, NULL);

    *value = size < sizeof(*value) ? a.value & ((1ull << 8 * size) - 1) : a.value;
    return vector;
}

enum trap_vector store_caught(uint64_t address, unsigned size, uint64_t value)
{
    struct access a = {.address = address, .value = value, .size = size};

    return trap_catch(store, &a, NULL);
}
