/* SPDX-License-Identifier: MIT */
/*
 * Blocks of an NVMe namespace that a user gives the suite to write to. Decisions alone, without a
 * controller, so that the build machine can test them.
 */
#ifndef PVT_DRIVERS_NVME_SCRATCH_H
#define PVT_DRIVERS_NVME_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVME_SERIAL_MAX 20 /* characters, Identify Controller */

struct nvme_scratch {
    uint32_t nsid;
    uint64_t first, count;            /* blocks */
    char serial[NVME_SERIAL_MAX + 1]; /* of the controller that is meant; empty = any */
};

/* Of "NSID:LBA+COUNT" or "NSID:LBA+COUNT,SERIAL". NULL, or what is wrong with the text, which has
 * to be shorter than NVME_SCRATCH_TEXT_MAX. */
#define NVME_SCRATCH_TEXT_MAX 96
const char *nvme_scratch_parse(const char *text, struct nvme_scratch *scratch);

struct nvme_namespace {
    uint64_t blocks;     /* 0 = there is none of that number */
    unsigned block_size; /* bytes */
    unsigned metadata;   /* bytes for each block */
};

/* Bytes that the engine needs; the range has to have so many. */
#define NVME_SCRATCH_BYTES 16384u

/* From 4096 bytes of Identify Namespace. */
struct nvme_namespace nvme_namespace_of(const uint8_t *identify);

/* NULL, or why the range cannot be used, whatever is on the medium. */
const char *nvme_scratch_misfit(const struct nvme_scratch *scratch,
                                const struct nvme_namespace *ns);

/* The kind of partition table that the first two blocks of a namespace hold, or NULL. `blocks` has
 * 2 * block_size bytes, and block_size is 512 or more. */
const char *nvme_partition_table(const uint8_t *blocks, size_t block_size);

/* Copies a space-padded text of Identify without the padding; what is not printable, and characters
 * that a report quotes with, become '?'. `text` has room for size + 1 characters. */
void nvme_identify_text(char *text, const uint8_t *field, size_t size);

#endif
