/* SPDX-License-Identifier: MIT */
/* Registers that the host emulates, reached by accesses that no driver makes. */
#define TEST_GROUP "hostile"
#include "abi/dmaprobe.h"
#include "tests/hostile/hostile.h"

#define PATTERN 0x1122334455667788ull

/* A function whose registers follow the memory of another one. */
static const struct dma_engine *with_neighbor(enum dma_class class)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t other = 0; e[i].class == class && other < count; other++) {
            if ((e[other].class == DMA_CLASS_DMAPROBE || e[other].class == DMA_CLASS_DMAPROBE_ATS) &&
                e[other].registers + DMAPROBE_BAR_SIZE == e[i].registers) {
                return &e[i];
            }
        }
    }
    return NULL;
}

STRESS(access_into_registers,
       PROMISE("An access that begins in memory and ends in the registers of a function reads no register, and loses no byte")
       COVERS("ISO-3") DEVICES(PROBE) KINDS("bad-input")
       STEPS("The last page of the memory of one virtual function lies before the registers of another one. Loads and stores of "
             "2, 4 and 8 bytes begin in that memory and end in the registers.")
       EXPECTS("#GP for each; the memory before the registers is as it was.")
       IF_IT_FAILS("The host takes the address of the fault, which is the first one of the second page, for the start of the "
                   "access."))
{
    const struct dma_engine *e = with_neighbor(t->class);
    uint64_t start, value = 0;

    need_integrity(t, NULL);
    if (!e) {
        SKIP("no function of this class has its registers after the memory of another one");
    }
    start = (uint64_t)(uintptr_t)e->registers;
    for (unsigned size = 2; size <= 8; size *= 2) {
        for (unsigned before = 1; before < size; before++) {
            enum trap_vector loaded, stored;
            uint64_t old = 0, now = 0;

            CHECK_EQ(load_caught(start - 8, 8, &old), TRAP_NONE, "exception of a load before the registers");
            loaded = load_caught(start - before, size, &value);
            stored = store_caught(start - before, size, PATTERN);
            CHECK_EQ(load_caught(start - 8, 8, &now), TRAP_NONE, "exception of a load before the registers");
            STEP("%llu bytes, %llu of them before the registers: exceptions %llu and %llu", size, before, loaded,
                 stored);
            CHECK_EQ(loaded, TRAP_GP, "exception of a load into the registers");
            CHECK_EQ(stored, TRAP_GP, "exception of a store into the registers");
            CHECK_EQ(now, old, "memory before the registers");
        }
    }
}
