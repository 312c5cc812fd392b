/* SPDX-License-Identifier: MIT */
#include "host/base/memory.h"

#include "host/base/image_bounds.h"
#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "lib/bits.h"
#include "lib/hot.h"
#include "lib/string.h"

#define RANGES_MAX 128

#define CPUID_ADDRESS_SIZES 0x80000008u /* EAX bits 7:0: physical address bits */

static struct {
    uint64_t next, end; /* of the pool */
    struct guest_range ram[RANGES_MAX];
    size_t ram_count;
    struct guest_range hidden[RANGES_MAX];
    size_t hidden_count;
} memory;

/* The range of RAM that was found last. Accesses come in groups, such as the tables of a walk: it
 * is tried first. */
HOT_DATA static struct guest_range found;

static uint64_t range_end(const struct guest_range *range)
{
    return range->start + range->length;
}

void host_memory_init(uint64_t pool, uint64_t length)
{
    memory.next = pool;
    memory.end = pool + length;
    panic_set_stack_end(memory.end);
}

void *host_pages(size_t pages)
{
    uint64_t start = memory.next;

    if (pages > (memory.end - start) / PAGE_SIZE)
        host_panic("the host's memory is used up: %zu pages wanted, %zu left", pages,
                   (size_t)((memory.end - start) / PAGE_SIZE));
    memory.next += pages * PAGE_SIZE;
    return memset((void *)(uintptr_t)start, 0, pages * PAGE_SIZE);
}

void host_pages_unused(uint64_t *start, uint64_t *length)
{
    *start = memory.next;
    *length = (memory.end - memory.next) & ~(PAGE_SIZE - 1);
}

static void insert(size_t at, uint64_t start, uint64_t length)
{
    found = (struct guest_range){0};
    if (memory.ram_count == RANGES_MAX)
        host_panic("more than %d ranges of RAM", RANGES_MAX);
    memmove(&memory.ram[at + 1], &memory.ram[at], (memory.ram_count - at) * sizeof(memory.ram[0]));
    memory.ram[at] = (struct guest_range){start, length};
    memory.ram_count++;
}

static void remove_at(size_t at)
{
    found = (struct guest_range){0};
    memory.ram_count--;
    memmove(&memory.ram[at], &memory.ram[at + 1], (memory.ram_count - at) * sizeof(memory.ram[0]));
    memory.ram[memory.ram_count] = (struct guest_range){0};
}

void guest_ram_add(uint64_t start, uint64_t length)
{
    size_t at = 0;

    if (length == 0)
        return;
    while (at < memory.ram_count && memory.ram[at].start < start)
        at++;
    insert(at, start, length);
    if (at + 1 < memory.ram_count && range_end(&memory.ram[at]) == memory.ram[at + 1].start) {
        memory.ram[at].length += memory.ram[at + 1].length;
        remove_at(at + 1);
    }
    if (at > 0 && range_end(&memory.ram[at - 1]) == memory.ram[at].start) {
        memory.ram[at - 1].length += memory.ram[at].length;
        remove_at(at);
    }
}

static void ram_remove(uint64_t start, uint64_t end)
{
    for (size_t at = 0; at < memory.ram_count;) {
        struct guest_range *range = &memory.ram[at];
        uint64_t old_start = range->start, old_end = range_end(range);

        if (old_end <= start || old_start >= end) {
            at++;
            continue;
        }
        remove_at(at);
        if (old_end > end)
            insert(at, end, old_end - end);
        if (old_start < start)
            insert(at++, old_start, start - old_start);
    }
}

void guest_protect(uint64_t start, uint64_t length, const char *what)
{
    uint64_t end = (start + length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    start &= ~(PAGE_SIZE - 1);
    if (memory.hidden_count == RANGES_MAX)
        host_panic("more than %d protected ranges", RANGES_MAX);
    host_log(LOG_INFO, "hidden from the guest: 0x%lx-0x%lx %s\n", start, end - 1, what);
    memory.hidden[memory.hidden_count++] = (struct guest_range){start, end - start};
    ram_remove(start, end);
}

const struct guest_range *guest_ram(size_t *count)
{
    *count = memory.ram_count;
    return memory.ram;
}

static bool begins_in(const struct guest_range *range, uint64_t gpa)
{
    return gpa - range->start < range->length;
}

static const struct guest_range *find_ram(uint64_t gpa)
{
    for (size_t i = 0; i < memory.ram_count; i++)
        if (begins_in(&memory.ram[i], gpa)) {
            found = memory.ram[i];
            return &memory.ram[i];
        }
    return NULL;
}

static inline bool is_ram(uint64_t gpa, uint64_t length)
{
    const struct guest_range *range = &found;

    if (!begins_in(range, gpa)) {
        range = find_ram(gpa);
        if (!range)
            return false;
    }
    /* Neighbors are merged, so that all of it lies in one range or is not all RAM. */
    return length != 0 && length <= range->length - (gpa - range->start);
}

HOT bool guest_is_ram(uint64_t gpa, uint64_t length)
{
    return is_ram(gpa, length);
}

bool guest_is_hidden(uint64_t start, uint64_t length)
{
    for (size_t i = 0; i < memory.hidden_count; i++)
        if (start < range_end(&memory.hidden[i]) && start + length > memory.hidden[i].start)
            return true;
    return false;
}

bool guest_is_hidden_as_one(uint64_t start, uint64_t length)
{
    for (size_t i = 0; i < memory.hidden_count; i++)
        if (start >= memory.hidden[i].start && start + length <= range_end(&memory.hidden[i]))
            return true;
    return false;
}

HOT uint64_t guest_gpa_limit(void)
{
    /* CPUID is slow, and this is asked on every hypercall */
    HOT_DATA static uint64_t limit;

    if (limit == 0)
        limit = 1ull << (cpu_cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF);
    return limit;
}

HOT bool guest_read(uint64_t gpa, void *to, size_t length)
{
    if (!is_ram(gpa, length))
        return false;
    memcpy(to, (const void *)(uintptr_t)gpa, length);
    return true;
}

HOT bool guest_write(uint64_t gpa, const void *from, size_t length)
{
    if (!is_ram(gpa, length))
        return false;
    memcpy((void *)(uintptr_t)gpa, from, length);
    return true;
}

HOT bool guest_load64(uint64_t gpa, uint64_t *value)
{
    if (gpa % sizeof(*value) != 0 || !is_ram(gpa, sizeof(*value)))
        return false;
    *value = __atomic_load_n((const uint64_t *)(uintptr_t)gpa, __ATOMIC_RELAXED);
    return true;
}

/* NULL when not guest RAM, or not aligned. */
static uint32_t *shared_word(uint64_t gpa)
{
    if (gpa % sizeof(uint32_t) != 0 || !is_ram(gpa, sizeof(uint32_t)))
        return NULL;
    return (uint32_t *)(uintptr_t)gpa;
}

bool guest_load32(uint64_t gpa, uint32_t *value)
{
    const uint32_t *word = shared_word(gpa);

    if (!word)
        return false;
    *value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    return true;
}

bool guest_store32(uint64_t gpa, uint32_t value)
{
    uint32_t *word = shared_word(gpa);

    if (!word)
        return false;
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    return true;
}

bool guest_or32(uint64_t gpa, uint32_t bits)
{
    uint32_t *word = shared_word(gpa);

    if (!word)
        return false;
    __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
    return true;
}
