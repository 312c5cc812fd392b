/* SPDX-License-Identifier: MIT */
/*
 * Steps that this image leaves out or does wrong on purpose (option unit-fault), which stands for a
 * unit that does: proof that the tests see it, without a changed QEMU.
 */
#ifndef PVT_DRIVERS_UNITS_UNIT_FAULTS_H
#define PVT_DRIVERS_UNITS_UNIT_FAULTS_H

#include <stdbool.h>

#include "drivers/units/own_domains.h"

/* In place of the one before; none where no fault has that name, such as "", and then false. In
 * effect from the next start or restart of the unit on. */
bool unit_fault_choose(const char *name);
/* The unit with the chosen fault in front of it, or the unit itself. */
const struct own_unit *unit_with_fault(const struct own_unit *unit);

#endif
