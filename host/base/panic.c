/* SPDX-License-Identifier: MIT */
#include "host/base/panic.h"

#include <stdarg.h>
#include <stdbool.h>

#include "host/base/frame_link.h"
#include "host/base/image_bounds.h"
#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/power.h"
#include "lib/fmt.h"
#include "lib/return_address.h"

#define LINE_MAX 256

#define COM1_DATA           0x3F8
#define COM1_LINE_STATUS    0x3FD
#define COM1_TRANSMIT_EMPTY 0x20
#define COM1_WAIT_READS     100000u /* bound for a port that no reader empties */

/* Canonical, and far above every address that the host maps. */
#define NOWHERE 0x00007F0000000000ull

static bool guest_owns_com1;
static bool armed;
static uint64_t stack_end; /* 0: no stack of the host yet */

void panic_leave_com1(void)
{
    guest_owns_com1 = true;
}

void panic_set_stack_end(uint64_t end)
{
    stack_end = end;
}

/* Stacks lie in the host's block of memory, after the image. */
static bool on_stack(uint64_t address, uint64_t length)
{
    return address >= (uintptr_t)host_image_start && address < stack_end &&
           length <= stack_end - address;
}

static void print_frame(uint64_t rip)
{
    host_log(LOG_ERROR, "refhost: frame: rip=0x%lx offset=0x%lx\n", rip,
             rip - (uintptr_t)host_image_start);
}

static void print_callers(uint64_t rbp)
{
    const struct frame_link *link;

    for (unsigned n = 0;
         n < FRAMES_MAX && rbp % sizeof(uint64_t) == 0 && on_stack(rbp, sizeof(*link)); n++) {
        link = (const struct frame_link *)(uintptr_t)rbp;
        if (!image_contains(link->return_address))
            return;
        print_frame(link->return_address);
        /* A caller's frame lies higher; anything else is a loop or garbage. */
        if (link->caller_rbp <= rbp)
            return;
        rbp = link->caller_rbp;
    }
}

/* A call to a bad address faults before the callee made a frame, and some functions never make one:
 * the return address is still on top of the stack. */
static void print_frameless(uint64_t rip, uint64_t rsp)
{
    uint64_t top;

    if (rsp % sizeof(uint64_t) != 0 || !on_stack(rsp, sizeof(top)))
        return;
    top = *(const uint64_t *)(uintptr_t)rsp;
    if (image_contains(top - CALL_BYTES) &&
        (!image_contains(rip) ||
         return_address_of((const uint8_t *)(uintptr_t)(top - CALL_BYTES), top, rip)))
        print_frame(top);
}

void panic_print_stack(uint64_t rip, uint64_t rsp, uint64_t rbp)
{
    print_frame(rip);
    print_frameless(rip, rsp);
    print_callers(rbp);
}

static void put_com1(const char *text)
{
    for (; *text; text++) {
        for (unsigned reads = 0;
             reads < COM1_WAIT_READS && !(cpu_in8(COM1_LINE_STATUS) & COM1_TRANSMIT_EMPTY); reads++)
            ;
        cpu_out8(COM1_DATA, (uint8_t)*text);
    }
}

static void __attribute__((noreturn)) end(const char *line)
{
    /* Before the guest runs no other program can tell the user why there is no output; '#' is a
     * comment in TAP. */
    if (!guest_owns_com1) {
        put_com1("\r\n# refhost: ");
        put_com1(line);
        put_com1("\r\n");
    }
    host_power_off(HOST_EXIT_ERROR);
}

void host_panic(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    host_log(LOG_ERROR, "refhost: panic: %s\n", line);
    print_callers((uintptr_t)__builtin_frame_address(0));
    end(line);
}

void host_stop(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    host_log(LOG_ERROR, "refhost: %s\n", line);
    end(line);
}

void panic_test_arm(void)
{
    armed = true;
}

void panic_test(void)
{
    if (armed)
        *(volatile uint64_t *)NOWHERE = 1;
}
