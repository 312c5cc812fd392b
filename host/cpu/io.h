/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_IO_H
#define PVT_HOST_CPU_IO_H

#include <stddef.h>
#include <stdint.h>

/* `size` is 1, 2 or 4 bytes. `port` may lie outside of the range when an access overlaps its begin.
 */
struct io_range {
    uint16_t first, last;
    uint32_t (*read)(uint16_t port, unsigned size);
    void (*write)(uint16_t port, unsigned size, uint32_t value);
};

/* Physical address of the I/O permission map, in which the ports of all ranges are set. */
uint64_t io_permission_map(void);

#endif
