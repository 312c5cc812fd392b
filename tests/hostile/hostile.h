/* SPDX-License-Identifier: MIT */
/*
 * Shared by the tests that attack the host. They run where a host announces how its own memory can
 * be checked (abi/host_integrity.h), which after each of them the harness does, and once more at
 * the end of a run.
 */
#ifndef PVT_TESTS_HOSTILE_HOSTILE_H
#define PVT_TESTS_HOSTILE_HOSTILE_H

#include "drivers/host_integrity.h"
#include "tests/harness/fixture.h"

/* Skips where the host is not the reference host. *target (may be NULL): where an access does no
 * harm and is found. */
void need_integrity(struct test_run *t, struct integrity_output *target);

/* Loads and stores of 1, 2, 4 or 8 bytes at a mapped address, by MOV; the exception that each
 * raised, or TRAP_NONE. */
enum trap_vector load_caught(uint64_t address, unsigned size, uint64_t *value);
enum trap_vector store_caught(uint64_t address, unsigned size, uint64_t value);

/* Four registers of an instruction, in and out. */
struct four_registers {
    uint64_t rax, rbx, rcx, rdx;
};

#endif
