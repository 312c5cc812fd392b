/* SPDX-License-Identifier: MIT */
/*
 * The operations of the stress model as data: what a random test did can be written down, done
 * again, and made shorter (docs/writing-tests.md). Each can be done in any state: one that makes no
 * sense there (unmapping what is not mapped) does nothing. Freestanding, for the unit tests.
 */
#ifndef PVT_TESTS_HARNESS_OPERATIONS_H
#define PVT_TESTS_HARNESS_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/options.h"

enum operation_kind {
    OPERATION_MAP,         /* domain, page, target, writable */
    OPERATION_RETARGET,    /* domain, page, target */
    OPERATION_PROTECT,     /* domain, page, writable */
    OPERATION_UNMAP,       /* domain, page */
    OPERATION_FLUSH,       /* domain */
    OPERATION_FLUSH_ALL,   /* domain; one list element that means everything */
    OPERATION_FLUSH_LIST,  /* domain, first page, last page; exact blocks */
    OPERATION_FLUSH_BLOCK, /* domain, first page, last page; the block that covers them */
    OPERATION_ATTACH,      /* device, domain */
    OPERATION_DETACH,      /* device */
    OPERATION_REPLACE, /* domain; deleted and made again under its id, where no device is in it */
    OPERATION_WRITE,   /* device, page */
    OPERATION_KINDS
};

#define OPERATION_ARGUMENTS 4u
#define OPERATION_TEXT_MAX  32u /* bytes, with the end */

struct operation {
    uint8_t kind;
    uint8_t argument[OPERATION_ARGUMENTS]; /* those that the kind does not have are 0 */
};

/* "map,2,5,3,1"; cuts `text` into strings. False with error->text filled. */
bool operation_parse(char *text, struct operation *o, struct option_error *error);
/* "map 2 5 3 1" */
void operation_text(const struct operation *o, char *text, size_t size);

#endif
