/* SPDX-License-Identifier: MIT */
/* Control registers with values that no processor takes, wherever the code lies that writes them.
 */
#define TEST_GROUP "hostile"
#include "kernel/cpu.h"
#include "lib/string.h"
#include "tests/hostile/aliased_code.h"
#include "tests/hostile/hostile.h"

#define CR4_RESERVED (1ull << 60)

static const uint8_t mov_to_cr4[] = {0x0F, 0x22, 0xE7, 0xC3}; /* MOV CR4, RDI; RET */

static void write_cr4(void *value)
{
    cr4_write(*(const uint64_t *)value);
}

STRESS(reserved_cr4_at_host_address,
       PROMISE("A reserved bit of CR4 raises #GP, also where the linear address of the code is one "
               "of the host's")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Sets bit 60 of CR4 from the test's own code. Maps a page with the same instruction "
             "at linear addresses at which the host has its code, and calls it there.")
       EXPECTS("#GP with error code 0 each time, and CR4 as before.")
       IF_IT_FAILS("The host takes an address of the guest for one of its own: the linear "
                   "addresses of the two have nothing to do with each other."))
{
    struct integrity_output host;
    uint64_t cr4 = cr4_read(), bad = cr4 | CR4_RESERVED, error = 0;
    enum trap_vector vector;

    need_integrity(t, &host);
    vector = trap_catch(write_cr4, &bad, &error);
    CHECK_EQ(vector, TRAP_GP, "exception of MOV to CR4 with bit 60 set");
    for (uint64_t at = 0; at < host.text_length; at += 16 * PAGE_SIZE) {
        struct aliased_code code = aliased_code(t, host.text + at);

        memcpy(code.page, mov_to_cr4, sizeof(mov_to_cr4));
        STEP("MOV to CR4 at 0x%llx", code.address);
        vector = aliased_call(&code, bad, &error);
        CHECK_EQ(vector, TRAP_GP, "exception of the same at an address of the host");
        CHECK_EQ(error, 0, "its error code");
        CHECK_EQ(cr4_read(), cr4, "CR4 after it");
    }
}
