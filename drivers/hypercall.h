/* SPDX-License-Identifier: MIT */
/*
 * Hypercall layer (reference 1 and 2): discovery, hypercall page, and every form of a call,
 * well-formed or not.
 */
#ifndef PVT_DRIVERS_HYPERCALL_H
#define PVT_DRIVERS_HYPERCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"
#include "kernel/trap.h"

enum hypercall_state {
    HYPERCALL_READY,
    HYPERCALL_NO_HYPERVISOR, /* CPUID.1:ECX[31] clear */
    HYPERCALL_NO_INTERFACE,  /* a hypervisor, but not "Hv#1" */
    HYPERCALL_REFUSED,       /* enable bit of the MSR did not stick */
};

struct hypercall_discovery {
    enum hypercall_state state;
    char vendor[13]; /* text of leaf 0x40000000 */
    uint32_t max_leaf, interface;
    uint32_t features_eax, features_ebx, features_edx; /* leaf 0x40000003 */
    uint64_t page;                                     /* GPA of the hypercall page */
};

/* Content of the memory below the hypercall page (INT3), so that a call through a page that is off
 * traps at once. */
#define HYPERCALL_UNDERLAY 0xCC

/* Finds the interface and enables the page on first use; later calls return the same record. */
const struct hypercall_discovery *hypercall_init(void);
/* One sentence for a person: what was found, what is missing. */
const char *hypercall_state_text(enum hypercall_state state);
/* Enables the page again after a test changed the MSRs. */
bool hypercall_reenable(void);
/* Whatever is written to the register, the page stays where it is until a reset (reference 1.2). */
bool hypercall_page_is_locked(void);
/* After calls whose output was given a GPA in the page: a host may let it land in the RAM below,
 * where the next test must find HYPERCALL_UNDERLAY. False: the page cannot be enabled again. */
bool hypercall_restore_underlay(void);

/* Everything a call leaves in the registers. */
struct hypercall_registers {
    uint64_t rax, rbx, rcx, rdx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
    uint8_t xmm[6][16];
};

/* All calls below: without a ready interface nothing is sent and the status is FEATURE_UNAVAILABLE;
 * parameters that do not fit the form are not sent either and give INSUFFICIENT_BUFFER. Every other
 * status is the host's. */

/* Raw: the registers go out as given, nothing is checked. Returns RAX. */
uint64_t hypercall_raw(uint64_t control, uint64_t rdx, uint64_t r8);
/* Raw, with all registers in *registers going out (RAX ignored) and coming back. An exception is
 * caught and returned; what *registers holds is then what went out. RBP is loaded, so a backtrace
 * from inside the call may find nothing. */
enum trap_vector hypercall_raw_registers(struct hypercall_registers *registers);
/* From now on all raw calls, and with them the typed ones, are made by `with`, which sends the
 * registers and brings them back as hypercall_raw_registers() does; NULL: by the processor that
 * asks for them, as at first. */
void hypercall_send_with(enum trap_vector (*with)(struct hypercall_registers *registers));
/* Was such a function said? */
bool hypercall_is_sent_elsewhere(void);
/* hypercall_raw_registers() on the running processor, whatever was said there: for such a function.
 */
enum trap_vector hypercall_raw_registers_here(struct hypercall_registers *registers);
/* From now on `report` hears of each call by hypercall_raw() after it: what went out, and RAX;
 * NULL: no one does. */
void hypercall_report_to(void (*report)(uint64_t control, uint64_t rdx, uint64_t rax));
/* How many calls were reported since boot. */
uint64_t hypercall_reported_count(void);
/* The same for each call by hypercall_raw_registers() that raised no exception: all registers that
 * went out, and RAX. hypercall_reported_count() does not count these. */
void hypercall_report_registers_to(void (*report)(const struct hypercall_registers *sent,
                                                  uint64_t rax));
/* Hears of each raw call, also of those that another processor makes: before it, for which it
 * returns a number, and after it. NULL: no one does, which costs nothing. */
struct hypercall_recorder {
    uint32_t (*before)(const struct hypercall_registers *registers);
    void (*after)(uint32_t number, const struct hypercall_registers *registers,
                  enum trap_vector vector);
};
void hypercall_record_by(const struct hypercall_recorder *by);
/* First byte of the hypercall page, for user_call(); its content is opaque. NULL when the interface
 * is not ready. */
const void *hypercall_entry(void);

/* The layer has one input and one output page: one processor at a time may call (raw calls with
 * other pages excepted).
 */

/* Two pages of test-independent memory for parameters, zeroed before each use by the caller of
 * these. */
void *hypercall_input_page(void);
void *hypercall_output_page(void);

/* Simple call in memory form: copies `input` to the input page, calls, copies the output back on
 * SUCCESS only. Sizes are bytes, at most 4096; output may be NULL/0. */
enum hv_status hypercall_simple(uint16_t code, const void *input, size_t input_size, void *output,
                                size_t output_size);
/* Simple call in fast form: input at most 16 bytes in RDX and R8. Returns the whole RAX in *result
 * when not NULL. */
enum hv_status hypercall_fast(uint16_t code, const void *input, size_t input_size,
                              uint64_t *result);

/* Rep call: header, then `count` elements of 8 bytes; repeats until all are done, an error comes,
 * or the host makes no progress (then HV_STATUS_TIME_OUT). *done (may be NULL) is the total of
 * elements completed. */
enum hv_status hypercall_rep(uint16_t code, const void *header, size_t header_size,
                             const uint64_t *elements, unsigned count, unsigned *done);

/* Number of calls sent since boot. */
uint64_t hypercall_count(void);
/* Calls that were not sent since boot, for there is no interface that is ready. */
uint64_t hypercall_withheld(void);

/* "INVALID_PARAMETER"; "unknown status" for a value that the reference does not list. */
const char *hv_status_name(unsigned status);

#endif
