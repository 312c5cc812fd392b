/* SPDX-License-Identifier: MIT */
/*
 * A page-table tree of its own for a program at CPL 3. One GiB of it, where the kernel has nothing,
 * is the program's: pages with U set, none of them writable and executable. All else is the kernel,
 * with U clear.
 *
 * The tree is a struct stage1 that the caller owns and has built with `format`: what a processor
 * walks, a device can walk too. Tables of the kernel's part are shared with the kernel; take that
 * part out before the tree is destroyed.
 */
#ifndef PVT_KERNEL_USER_SPACE_H
#define PVT_KERNEL_USER_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/stage1.h"

#define USER_SPACE_SIZE (1ull << 30)

enum user_access {
    USER_READ,
    USER_READ_WRITE,
    USER_EXECUTE,
    USER_MMIO /* read, write, uncached */
};

struct user_space {
    struct stage1_format format; /* stage1_format_x86_64 with data pages that cannot be executed */
    unsigned levels;             /* the processor's */
    uint64_t base;               /* first address of the program */
    struct stage1 *table;        /* NULL until user_space_use() */
};

/* Chooses the place: the highest one below `limit`. False when the kernel leaves no GiB free there.
 */
bool user_space_place(struct user_space *u, uint64_t limit);
/* The tree to use from now on: empty, of u->levels levels, of u->format. */
void user_space_use(struct user_space *u, struct stage1 *table);

/* 4 KiB pages inside of the program's GiB. */
enum stage1_status user_space_map(struct user_space *u, uint64_t address, uint64_t gpa,
                                  uint64_t length, enum user_access access);
/* Takes over all that the kernel maps now. There must be a page of the program by then: the way to
 * it is not shared. Again after the kernel has mapped more at its top. */
void user_space_add_kernel(struct user_space *u);
void user_space_remove_kernel(struct user_space *u);

/* Value for CR3. */
uint64_t user_space_root(const struct user_space *u);

#endif
