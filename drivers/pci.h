/* SPDX-License-Identifier: MIT */
/* PCI functions, whichever bus they are on: those that firmware has set up, with configuration
 * space by ECAM (ACPI MCFG) or by ports CF8/CFC, and those of virtual PCI buses (drivers/vpci). */
#ifndef PVT_DRIVERS_PCI_H
#define PVT_DRIVERS_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pci_access { PCI_ACCESS_PORTS, PCI_ACCESS_ECAM };

struct pci_function {
    uint16_t segment;
    uint16_t bdf; /* bus 15:8, device 7:3, function 2:0 = requester id */
    uint16_t vendor, device;
    uint32_t class_code; /* class 23:16, subclass 15:8, interface 7:0 */
    uint8_t header_type;
    uint64_t device_id; /* logical, as the calls of the pvIOMMU name the function */
    void *vpci;         /* its bus; NULL: none of vPCI */
    uint64_t bar0;      /* of a virtual function, whose header has no BARs; 0: it is none */
};

#define PCI_FUNCTIONS_MAX 64

/* Before the first call below: NVMe controllers with SR-IOV make virtual functions, which join the
 * list, up to the first whose device id `is_known` denies. Else there are none. */
void pci_want_virtual_functions(bool (*is_known)(uint64_t device_id));
/* How many virtual functions it has that were made so. */
unsigned pci_virtual_functions(const struct pci_function *f);
/* They go: their registers read all ones from now on. They stay in the list. */
void pci_take_virtual_back(const struct pci_function *f);

/* Enumerates once; later calls return the same list. */
const struct pci_function *pci_functions(size_t *count);
/* Through the window of its bus (vPCI), else by ECAM when MCFG names the segment and bus, else by
 * ports (segment 0). */
uint32_t pci_read32(const struct pci_function *f, unsigned offset);
uint16_t pci_read16(const struct pci_function *f, unsigned offset);
uint8_t pci_read8(const struct pci_function *f, unsigned offset);
void pci_write32(const struct pci_function *f, unsigned offset, uint32_t value);
void pci_write16(const struct pci_function *f, unsigned offset, uint16_t value);
/* One way explicitly, for tests that compare both. False when that way is not there. */
bool pci_read32_by(enum pci_access access, const struct pci_function *f, unsigned offset,
                   uint32_t *value);

/* Physical address of a memory BAR (64-bit aware) as firmware has set it, 0 when it is none. */
uint64_t pci_bar(const struct pci_function *f, unsigned index);
/* Offset of a capability (standard list), 0 = absent. */
unsigned pci_capability(const struct pci_function *f, uint8_t id);
/* Offset of a capability in the extended list (PCI Express, ECAM only), 0 = absent. */
unsigned pci_extended_capability(const struct pci_function *f, uint16_t id);
/* Memory decoding and bus mastering on or off. */
void pci_enable(const struct pci_function *f, bool on);
/* Bus mastering alone. */
void pci_bus_master(const struct pci_function *f, bool on);
/* The message (MSI, MSI-X) by which a function requests `vector` of the running processor. On vPCI
 * the host is asked for it, and may have none: false. */
struct pci_message {
    uint64_t address;
    uint32_t data;
};
bool pci_message_create(const struct pci_function *f, uint8_t vector, struct pci_message *message);
void pci_message_delete(const struct pci_function *f, const struct pci_message *message);
/* Programs the message into the function and switches it on: as entry 0 of its MSI-X table, or as
 * its MSI. False: the function has neither. */
bool pci_message_set(const struct pci_function *f, const struct pci_message *message);
/* Masks MSI-X of the function, its entry 0 or all of them, or lets its messages go again. False: it
 * has no MSI-X. */
enum pci_mask { PCI_MASK_ENTRY, PCI_MASK_FUNCTION };
bool pci_message_mask(const struct pci_function *f, enum pci_mask which, bool masked);
/* The pending bit of entry 0. */
bool pci_message_pending(const struct pci_function *f);
/* MSI and MSI-X are off. */
void pci_message_off(const struct pci_function *f);
/* Host bridges and bridges to other buses: class 06. */
bool pci_is_bridge(const struct pci_function *f);

#endif
