/* SPDX-License-Identifier: MIT */
/* Changes to the channel of a bus that no driver makes, for tests of a host that must stand them.
 */
#ifndef PVT_DRIVERS_VPCI_DISTURB_H
#define PVT_DRIVERS_VPCI_DISTURB_H

#include "drivers/pci.h"
#include "lib/random.h"

/* Makes one change by chance to the rings of the bus of the function, and signals the host: an
 * index or another word of a control page, bytes of a ring, or a packet with a request, most of
 * whose fields are right. vpci_remove() by rescind, and vpci_restore() after it, bring the bus back
 * into order. */
void vpci_disturb_rings(const struct pci_function *f, struct random *random);

#endif
