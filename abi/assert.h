/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_ASSERT_H
#define PVT_ABI_ASSERT_H

#include <stddef.h>

/* A layout is a promise to another program: the compiler checks it, so that no padding rule or edit
 * moves a field. */
#define ABI_SIZE(type, size)                                                                       \
    _Static_assert(sizeof(type) == (size), "sizeof(" #type ") is not " #size)

#define ABI_OFFSET(type, field, off)                                                               \
    _Static_assert(offsetof(type, field) == (off), #type "." #field " is not at offset " #off)

#endif
