/* SPDX-License-Identifier: MIT */
/* Parts of the machine that write to memory and are no PCI function: neither nested paging nor VT-d stands in their
 * way. */
#define TEST_GROUP "hostile"
#include "kernel/acpi.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"

#define HPET_CONFIG      0x10u
#define HPET_RUN         BIT(0)
#define HPET_COUNTER     0xF0u
#define HPET_TIMER       0x100u
#define HPET_TIMER_BYTES 0x20u
#define HPET_TIMERS      3u
#define TIMER_COMPARATOR 0x08u
#define TIMER_ROUTE      0x10u
#define TIMER_INTERRUPT  BIT(2)
#define TIMER_FSB        BIT(14)
#define TICKS            1000u
#define WAIT_US          2000u
#define VALUE            0xDEADBEEFull

static uint64_t hpet_base(void)
{
    const struct acpi_table *table = acpi_find("HPET", 0);
    struct acpi_hpet hpet;

    if (!table || table->length < sizeof(hpet)) {
        return 0;
    }
    memcpy(&hpet, table, sizeof(hpet));
    return hpet.address;
}

static uint64_t hpet_read(uint64_t at)
{
    uint64_t value = 0;

    (void)load_caught(at, 8, &value);
    return value;
}

/* Aims a timer at `gpa`, with stores of `size` bytes, and lets it fire. Returns its configuration at that time. */
static uint64_t fire(uint64_t base, unsigned timer, unsigned size, uint64_t gpa)
{
    uint64_t at = base + HPET_TIMER + timer * HPET_TIMER_BYTES, old = hpet_read(at),
             run = hpet_read(base + HPET_CONFIG);
    uint64_t config;

    (void)store_caught(at + TIMER_ROUTE, 8, gpa << 32 | VALUE);
    (void)store_caught(at + TIMER_ROUTE, 4, VALUE);
    (void)store_caught(at + TIMER_ROUTE + 4, 4, gpa);
    (void)store_caught(base + HPET_CONFIG, 8, run | HPET_RUN);
    (void)store_caught(at + TIMER_COMPARATOR, 8, hpet_read(base + HPET_COUNTER) + TICKS);
    (void)store_caught(at, size, TIMER_FSB | TIMER_INTERRUPT);
    config = hpet_read(at);
    time_delay_us(WAIT_US);
    (void)store_caught(at, 8, old);
    (void)store_caught(base + HPET_CONFIG, 8, run);
    return config;
}

STRESS(timer_message,
       PROMISE("A timer of the HPET writes no message to memory")
       COVERS("ISO-3") DEVICES(NONE) KINDS("dma bad-input")
       STEPS("Aims each timer at an unused page of the host, by delivery over the front-side bus, with stores of 4 and 8 bytes, "
             "and lets it fire.")
       EXPECTS("The bit that selects this delivery reads 0, and the host's memory is unchanged.")
       IF_IT_FAILS("The HPET writes four bytes anywhere below 4 GiB, also to the host's own memory: it is a bus master that no "
                   "IOMMU sees."))
{
    struct integrity_output host;
    uint64_t base = hpet_base();

    need_integrity(t, &host);
    if (!base) {
        SKIP("the machine has no HPET");
    }
    (void)paging_map_mmio(base, PAGE_SIZE);
    for (unsigned timer = 0; timer < HPET_TIMERS; timer++) {
        for (unsigned size = 4; size <= 8; size += 4) {
            uint64_t config = fire(base, timer, size, host.target + timer * PAGE_SIZE);
            struct integrity_output found;

            STEP("timer %llu, stores of %llu bytes: configuration 0x%llx", timer, size, config);
            CHECK(host_integrity_check(false, &found), "the host does not compare its own memory");
            CHECK_EQ(found.words_changed, 0, "words of the host's unused pages that a timer has changed");
            CHECK(!(config & TIMER_FSB), "timer %u has front-side-bus delivery on: 0x%llx", timer,
                  (unsigned long long)config);
        }
    }
}
