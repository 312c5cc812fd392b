/* SPDX-License-Identifier: MIT */
/*
 * Programs at CPL 3 for tests: a process with memory of its own, or one whose page table is the
 * stage-1 table of a domain, so that devices of the domain and the program see the same addresses.
 */
#ifndef PVT_TESTS_HARNESS_PROCESS_H
#define PVT_TESTS_HARNESS_PROCESS_H

#include "kernel/user_process.h"
#include "tests/harness/fixture.h"

struct process {
    struct user_process user;
    struct user_space space;
    struct stage1 own;     /* the tree of a process that shares it with no device */
    struct domain *domain; /* of a shared one, else NULL */
    uint64_t next;         /* address that process_map() hands out */
};

/* A process without a device. */
struct process *process_new(struct test_run *t);
/*
 * A process and a paging domain with one tree: its root is in CR3 and in the domain's settings. `e`
 * (may be NULL) is a device that is attached and detached to find out whether the host takes leaves
 * with XD, which a processor needs for its data and which the ABI leaves open (reference 5): the
 * test is skipped if it does not.
 */
struct process *process_shared(struct test_run *t, struct dma_engine *e);

/* Maps all of b where the process has room; returns the address. */
uint64_t process_map(struct test_run *t, struct process *p, const struct buffer *b,
                     enum user_access access);
void process_map_at(struct test_run *t, struct process *p, uint64_t address, uint64_t gpa,
                    uint64_t length, enum user_access access);
/* For a device with DMA_STAGED that is to be in d, which has the process's tables: maps its scratch
 * as well. */
void process_stage(struct test_run *t, struct process *p, struct domain *d, struct dma_engine *e);
/* Clears the entries and drops them from the processor's TLB (INVLPG); the IOMMU is not flushed. */
void process_unmap(struct test_run *t, struct process *p, uint64_t address, uint64_t length);
/* INVLPG alone, after a change by hand. */
void process_flush(struct test_run *t, struct process *p, uint64_t address, uint64_t length);
/* Blocks no device and flushes nothing: the domain of a shared process and all its tables are
 * deleted. No device may be in the domain. */
void process_end(struct test_run *t, struct process *p);

void process_start(struct test_run *t, struct process *p, const char *name, user_program *program,
                   uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#define PROCESS_START(t, p, program, a, b, c, d) process_start(t, p, #program, program, a, b, c, d)

/* Runs to the next system call, and continues after it with `result` as its return value. An
 * exception ends the test with the program's registers: as an ERROR, or as a FAIL if the page table
 * is shared with a device, since then the host may have changed the table. */
struct system_call {
    uint64_t number, first, second;
};
struct system_call process_run(struct test_run *t, struct process *p, uint64_t result);
/* The same if the next stop must be the end; returns the exit value. */
uint64_t process_finish(struct test_run *t, struct process *p);
/* Starts and ends it. */
uint64_t process_call(struct test_run *t, struct process *p, const char *name,
                      user_program *program, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#define PROCESS_CALL(t, p, program, a, b, c, d) process_call(t, p, #program, program, a, b, c, d)

/* Runs to a page fault at exactly this address, with W and P of the error code as given. The
 * program can go on from there: the instruction is then executed again. */
void process_expect_fault(struct test_run *t, struct process *p, uint64_t address, bool write,
                          bool present);

#endif
