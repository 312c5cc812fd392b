/* SPDX-License-Identifier: MIT */
/*
 * Drivers that run at CPL 3: the registers of a device are mapped into their process, and nothing
 * checks which IOVAs they give to it. For every class; an edu has to be prepared.
 */
#ifndef PVT_TESTS_HARNESS_USER_DRIVERS_H
#define PVT_TESTS_HARNESS_USER_DRIVERS_H

#include "tests/harness/process.h"

/* Action of a driver on its device; programs take it as `what`. */
enum drive {
    DRIVE_ROCKER,   /* at once */
    DRIVE_EDU,      /* ends when the device is done */
    DRIVE_DMAPROBE, /* at once */
    DRIVE_HELD,     /* dmaprobe: translated now, carried out when released */
    DRIVE_BURST,    /* dmaprobe: again and again until released */
};
#define DRIVE_VALUE_SHIFT 8  /* above it: the byte that the device writes */
#define DRIVE_SLOT        1u /* of a dmaprobe; the harness uses it for deferred requests, too */

/* `what` for writes at once with the engine's usual byte, or for another way of the dmaprobe. */
uint64_t drive(const struct dma_engine *e);
uint64_t drive_as(const struct dma_engine *e, enum drive how);

/* Maps the registers of e into p; returns the address that programs take as `registers`. */
uint64_t drive_registers(struct test_run *t, struct process *p, struct dma_engine *e);

/* Has the device write `length` bytes at `iova`. */
uint64_t program_drive(uint64_t registers, uint64_t iova, uint64_t length, uint64_t what);
/* The same, then system call USER_CALL_FIRST, then the same again. */
uint64_t program_drive_twice(uint64_t registers, uint64_t iova, uint64_t length, uint64_t what);
/* The same, then a load from address 0, which ends the program. */
uint64_t program_drive_and_crash(uint64_t registers, uint64_t iova, uint64_t length, uint64_t what);
/* Has the device write 8 bytes at each of `count` IOVAs, which are an array at `list`. */
uint64_t program_drive_list(uint64_t registers, uint64_t list, uint64_t count, uint64_t what);

/* The bytes [offset, offset + length) are those of the device and all others of b POISON_FRESH;
 * afterwards all of b is POISON_FRESH again. */
void expect_driven(struct test_run *t, const struct dma_engine *e, struct buffer *b, size_t offset,
                   size_t length, const char *what);

#endif
