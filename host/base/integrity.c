/* SPDX-License-Identifier: MIT */
#include "host/base/integrity.h"

#include <stddef.h>

#include "host/base/image_bounds.h"
#include "host/base/memory.h"
#include "host/base/panic.h"

#define CONSTANTS_MAX 8u
/* Of the unused pages the last ones: to fill all of them takes an emulated processor half a second
 * on a busy machine.
 */
#define SEALED_BYTES (2u << 20)
#define TARGET_BYTES (1u << 19)

#define FNV_OFFSET 0xCBF29CE484222325ull
#define FNV_PRIME  0x100000001B3ull
#define PATTERN    0x9E3779B97F4A7C15ull /* odd: no two addresses have the same pattern */

static struct {
    struct {
        const uint64_t *words;
        uint64_t length, sum;
    } constant[CONSTANTS_MAX];
    unsigned count;
} integrity;

/* FNV-1a, by words instead of bytes. */
static uint64_t sum_of(const uint64_t *words, uint64_t length)
{
    uint64_t sum = FNV_OFFSET;

    for (uint64_t i = 0; i < length / sizeof(*words); i++)
        sum = (sum ^ words[i]) * FNV_PRIME;
    return sum;
}

static uint64_t pattern_at(const uint64_t *word)
{
    return (uintptr_t)word * PATTERN;
}

void integrity_add_constant(const void *start, uint64_t length)
{
    if (integrity.count == CONSTANTS_MAX)
        host_panic("more than %u constant ranges", CONSTANTS_MAX);
    integrity.constant[integrity.count].words = start;
    integrity.constant[integrity.count++].length = length;
}

/* The last unused pages, `bytes` at most. */
static void last_pages(uint64_t bytes, uint64_t *start, uint64_t *length)
{
    host_pages_unused(start, length);
    if (*length > bytes) {
        *start += *length - bytes;
        *length = bytes;
    }
}

void integrity_seal(void)
{
    uint64_t start, length;

    integrity_add_constant(host_image_start,
                           (uintptr_t)host_constants_end - (uintptr_t)host_image_start);
    for (unsigned i = 0; i < integrity.count; i++)
        integrity.constant[i].sum =
            sum_of(integrity.constant[i].words, integrity.constant[i].length);
    last_pages(SEALED_BYTES, &start, &length);
    for (uint64_t *word = (uint64_t *)(uintptr_t)start;
         word < (uint64_t *)(uintptr_t)(start + length); word++)
        *word = pattern_at(word);
}

void integrity_target(uint64_t *start, uint64_t *length)
{
    last_pages(TARGET_BYTES, start, length);
}

static void check_pages(uint64_t start, uint64_t length, struct integrity_finding *finding)
{
    uint64_t *end = (uint64_t *)(uintptr_t)(start + length);

    for (uint64_t *word = (uint64_t *)(uintptr_t)start; word < end; word++) {
        if (*word == pattern_at(word))
            continue;
        if (finding->words_changed++ == 0)
            finding->first_changed = (uintptr_t)word;
        *word = pattern_at(word);
    }
    finding->bytes_checked += length;
}

void integrity_check(bool all_pages, struct integrity_finding *finding)
{
    uint64_t start, length;

    *finding = (struct integrity_finding){0};
    for (unsigned i = 0; i < integrity.count; i++) {
        if (sum_of(integrity.constant[i].words, integrity.constant[i].length) !=
            integrity.constant[i].sum)
            finding->constants_changed++;
        finding->bytes_checked += integrity.constant[i].length;
    }
    last_pages(all_pages ? SEALED_BYTES : TARGET_BYTES, &start, &length);
    check_pages(start, length, finding);
}
