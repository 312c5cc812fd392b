/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/mmio_window.h"

#include "lib/bits.h"
#include "lib/string.h"

#define MIB     (UINT64_C(1) << 20)
#define GIB     (UINT64_C(1) << 30)
#define LOW_END (4 * GIB)

/* Interrupt controllers and a TPM lie between here and 4 GiB. */
#define LOW_LAST UINT64_C(0xFEC00000)

/* A hole is a guess; a machine has room for devices there in any case. */
#define HOLE_HIGH_FROM   (64 * GIB)
#define HOLE_HIGH_LENGTH (4 * GIB)

/* The kernel maps no more: PAGING_GPA_LIMIT (kernel/paging.h). */
#define ADDRESS_BITS_MAX 47u

static uint64_t address_limit(unsigned physical_bits)
{
    return BIT(physical_bits < ADDRESS_BITS_MAX ? physical_bits : ADDRESS_BITS_MAX);
}

static struct mmio_range clip(struct mmio_range r, uint64_t from, uint64_t to)
{
    const struct mmio_range none = {0, 0};
    uint64_t first, end;

    if (r.length == 0 || r.base > UINT64_MAX - r.length || r.base >= to ||
        r.base + r.length <= from)
        return none;
    first = (r.base < from ? from : r.base) + PAGE_SIZE - 1;
    end = r.base + r.length > to ? to : r.base + r.length;
    first -= first % PAGE_SIZE;
    end -= end % PAGE_SIZE;
    return first < end ? (struct mmio_range){first, end - first} : none;
}

bool mmio_windows_check(struct mmio_windows *w, unsigned physical_bits)
{
    w->low = clip(w->low, MIB, LOW_LAST);
    w->high = clip(w->high, LOW_END, address_limit(physical_bits));
    return w->low.length != 0 || w->high.length != 0;
}

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t quad(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

bool mmio_block_address(const void *dsdt, size_t length, uint64_t *gpa)
{
    /* OperationRegion(BIOS, SystemMemory, a DWord constant): ACPI 6.5, 20.2.5.2. */
    static const uint8_t pattern[] = {0x5B, 0x80, 'B', 'I', 'O', 'S', 0x00, 0x0C};
    const uint8_t *bytes = dsdt;

    for (size_t i = 0; i + sizeof(pattern) + sizeof(uint32_t) <= length; i++) {
        if (bytes[i] == pattern[0] && memcmp(bytes + i, pattern, sizeof(pattern)) == 0) {
            *gpa = word(bytes + i + sizeof(pattern));
            return *gpa != 0;
        }
    }
    return false;
}

/* Base and length of the low gap in bytes, of the high gap in MiB. */
void mmio_from_block(const void *block, struct mmio_windows *w)
{
    const uint8_t *bytes = block;

    w->low = (struct mmio_range){word(bytes), word(bytes + 4)};
    w->high = (struct mmio_range){word(bytes + 8) * MIB, word(bytes + 12) * MIB};
}

static void consider(struct mmio_windows *w, struct mmio_range r)
{
    struct mmio_range *best = r.base < LOW_END ? &w->low : &w->high;

    if (r.length > best->length)
        *best = r;
}

void mmio_from_hints(const struct mmio_hint *hints, size_t count, enum mmio_hint_source source,
                     struct mmio_windows *w)
{
    *w = (struct mmio_windows){{0, 0}, {0, 0}};
    for (size_t i = 0; i < count; i++)
        if (hints[i].source == source)
            consider(w, hints[i].range);
}

static bool contains(const uint8_t *bytes, size_t length, const char *text)
{
    const size_t size = strlen(text);

    for (size_t i = 0; i + size <= length; i++)
        if (bytes[i] == (uint8_t)text[0] && memcmp(bytes + i, text, size) == 0)
            return true;
    return false;
}

/* Address-space descriptors (ACPI 6.5, 6.4.3.5): tag, length of the rest, type of the resource (0:
 * memory), two bytes of flags, then granularity, minimum, maximum, translation and length. */
#define DWORD_TAG  0x87u
#define DWORD_REST 23u
#define DWORD_SIZE (3u + DWORD_REST)
#define QWORD_TAG  0x8Au
#define QWORD_REST 43u
#define QWORD_SIZE (3u + QWORD_REST)

static bool is_memory_descriptor(const uint8_t *at, uint8_t tag, unsigned rest)
{
    return at[0] == tag && at[1] == rest && at[2] == 0 && at[3] == 0;
}

bool mmio_from_aml(const void *table, size_t length, struct mmio_windows *w)
{
    const uint8_t *bytes = table;

    *w = (struct mmio_windows){{0, 0}, {0, 0}};
    if (!contains(bytes, length, "VMBUS") && !contains(bytes, length, "VMBus"))
        return false;
    for (size_t i = 0; i + DWORD_SIZE <= length; i++) {
        const uint8_t *at = bytes + i;

        if (is_memory_descriptor(at, DWORD_TAG, DWORD_REST) && word(at + 10) <= word(at + 14)) {
            consider(
                w, (struct mmio_range){word(at + 10), (uint64_t)word(at + 14) - word(at + 10) + 1});
        } else if (i + QWORD_SIZE <= length && is_memory_descriptor(at, QWORD_TAG, QWORD_REST) &&
                   quad(at + 14) <= quad(at + 22)) {
            consider(w, (struct mmio_range){quad(at + 14), quad(at + 22) - quad(at + 14) + 1});
        }
    }
    return w->low.length != 0 || w->high.length != 0;
}

void mmio_from_holes(const struct mmio_range *used, size_t count, unsigned physical_bits,
                     struct mmio_windows *w)
{
    const uint64_t limit = address_limit(physical_bits);
    uint64_t low = MIB, high = HOLE_HIGH_FROM;

    for (size_t i = 0; i < count; i++) {
        uint64_t end = used[i].base + used[i].length;

        /* A range that begins at the chipset's registers is no memory. */
        if (used[i].base < LOW_LAST && end <= LOW_END)
            low = end > low ? end : low;
        high = end > high && end < limit ? end : high;
    }
    high = (high + GIB - 1) / GIB * GIB;
    *w = (struct mmio_windows){
        {low, low < LOW_LAST ? LOW_LAST - low : 0},
        {high, high < limit && limit - high >= HOLE_HIGH_LENGTH ? HOLE_HIGH_LENGTH : 0}};
}

uint64_t mmio_take(struct mmio_range *range, uint64_t length, const struct mmio_range *avoid)
{
    const uint64_t end = range->base + range->length;
    uint64_t start;

    if (length == 0 || range->base > UINT64_MAX - length)
        return 0;
    start = (range->base + length - 1) & ~(length - 1);
    if (avoid->length != 0 && start < avoid->base + avoid->length && avoid->base < start + length)
        start = (avoid->base + avoid->length + length - 1) & ~(length - 1);
    if (start < range->base || start > end || length > end - start)
        return 0;
    range->base = start + length;
    range->length = end - range->base;
    return start;
}
