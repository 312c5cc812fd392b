/* SPDX-License-Identifier: MIT */
/* The guest's walk from RIP to its code. The processor has just executed the instruction, so
 * permissions are not checked again. Tables and code may have changed since; their present contents
 * count. */
#include "host/cpu/insn_fetch.h"

#include "host/base/memory.h"
#include "host/cpu/guest_walk.h"
#include "host/cpu/nested_paging.h"
#include "lib/bits.h"
#include "lib/hot.h"
#include "lib/string.h"

#define LINEAR_32    0xFFFFFFFFull
#define PREFIXES_MAX 14u

/* Within one page. The processor executes what is shown at the GPA, which is not always the guest's
 * memory: the hypercall page. */
HOT static bool code_read(uint64_t gpa, uint8_t *bytes, size_t length)
{
    const uint8_t *shown = nested_overlay_at(gpa);

    if (!shown)
        return guest_read(gpa, bytes, length);
    memcpy(bytes, shown + gpa % PAGE_SIZE, length);
    return true;
}

HOT size_t insn_fetch(const struct vmcb *guest, uint8_t *bytes, size_t size)
{
    const struct guest_paging paging = {guest->cr0, guest->cr3, guest->cr4, guest->efer};
    bool code64 = insn_is_64_bit(guest);
    size_t done = 0;

    while (done < size) {
        uint64_t linear =
                     code64 ? guest->rip + done : (guest->cs.base + guest->rip + done) & LINEAR_32,
                 gpa;
        size_t part = PAGE_SIZE - linear % PAGE_SIZE;

        if (part > size - done)
            part = size - done;
        if (!guest_walk(&paging, linear, &gpa) || !code_read(gpa, bytes + done, part))
            break;
        done += part;
    }
    return done;
}

/* APM volume 3, 1.2: operand and address size, segments, LOCK, REP and REPNE; in 64-bit code REX.
 */
HOT static bool is_prefix(uint8_t byte, bool code64)
{
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xF0:
    case 0xF2:
    case 0xF3:
        return true;
    default:
        return code64 && (byte & 0xF0) == 0x40;
    }
}

HOT unsigned insn_prefixes(const uint8_t *bytes, size_t count, bool code64)
{
    unsigned prefixes = 0;

    while (prefixes < count && prefixes < PREFIXES_MAX && is_prefix(bytes[prefixes], code64))
        prefixes++;
    return prefixes;
}
