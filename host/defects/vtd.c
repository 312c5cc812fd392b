/* SPDX-License-Identifier: MIT */
/* Defects of the VT-d backend. */
#include "abi/device_id.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/iommu/backend.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/fault_queue.h"
#include "host/iommu/io_table.h"
#include "host/iommu/vtd_rules.h"
#include "lib/bits.h"
#include "lib/string.h"

#define SIZE_1G  (UINT64_C(1) << 30)
#define FIRST_4G (4 * SIZE_1G)
#define SEGMENT  0u

static struct iommu_backend right;
static uint64_t right_width; /* of addresses */
static uint64_t foreign;     /* a table through which every address reads one page of the host */

/* All of the address space, of which only RAM is the guest's. */
static uint64_t unlimited_identity(void)
{
    uint64_t *top = host_pages(1);

    io_table_map_range(top, 0, FIRST_4G);
    for (uint64_t address = FIRST_4G; address < guest_gpa_limit(); address += SIZE_1G)
        io_table_map_leaf(top, address, 2);
    return (uintptr_t)top;
}

static uint64_t foreign_table(void)
{
    uint64_t *page = host_pages(1);
    uint64_t entry = (uintptr_t)page | IO_ENTRY_READ_LEAF;

    memset(page, 0x3C, PAGE_SIZE);
    for (unsigned level = 0; level <= IO_TABLE_TOP_LEVEL; level++) {
        uint64_t *table = host_pages(1);

        for (unsigned i = 0; i < IO_TABLE_ENTRIES; i++)
            table[i] = entry;
        entry = (uintptr_t)table | IO_ENTRY_TABLE;
    }
    return entry & IO_ENTRY_ADDRESS;
}

/* Translation that replaces the one of a blocked device. */
static struct translation instead_of(const struct translation *t)
{
    struct translation other = *t;

    if (t->kind == TRANSLATION_BLOCKED && defect_active(DEFECT_BLOCKED_IDENTITY)) {
        other.kind = TRANSLATION_IDENTITY;
    } else if (t->kind == TRANSLATION_BLOCKED && defect_active(DEFECT_BLOCKED_READS)) {
        other.kind = TRANSLATION_PAGING;
        other.root = foreign;
        other.levels = IO_TABLE_TOP_LEVEL + 1;
    }
    return other;
}

static void record_blocking(uint16_t bdf)
{
    fault_queue_add(&(struct oracle_fault){.device_id = hv_pci_logical_device_id(SEGMENT, bdf),
                                           .access = ORACLE_ACCESS_WRITE,
                                           .reason_class = ORACLE_FAULT_CLASS_BLOCKED});
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    struct translation old = instead_of(from), new = instead_of(to);
    bool detach = to->did == DID_NONE;

    if (defect_active(DEFECT_ATTACH_FLUSHES_NEW) && !detach)
        old.did = to->did;
    if (defect_active(detach ? DEFECT_DETACH_NO_FLUSH : DEFECT_ATTACH_NO_FLUSH))
        old.kind = TRANSLATION_BLOCKED; /* of which nothing can be cached */
    /* Not the devices that stay with the host: firmware loads the guest by one of them. */
    if (defect_active(DEFECT_WIDTH_NARROW))
        vtd_rules.address_width = to->kind == TRANSLATION_PAGING ? 0 : right_width;
    right.set_translation(bdf, &old, &new);
    if (defect_active(DEFECT_BLOCKING_RECORDS) && to->kind == TRANSLATION_BLOCKED)
        record_blocking(bdf);
}

static bool init(void)
{
    if (defect_active(DEFECT_BLOCKED_READS))
        foreign = foreign_table();
    return right.init();
}

void defects_install_vtd(void)
{
    if (defect_active(DEFECT_IDENTITY_UNLIMITED))
        vtd_rules.identity_table = unlimited_identity;
    right = backend_vtd;
    right_width = vtd_rules.address_width;
    if (ANY_DEFECT(DEFECT_BLOCKED_IDENTITY, DEFECT_BLOCKED_READS, DEFECT_ATTACH_FLUSHES_NEW,
                   DEFECT_DETACH_NO_FLUSH, DEFECT_ATTACH_NO_FLUSH, DEFECT_BLOCKING_RECORDS,
                   DEFECT_WIDTH_NARROW)) {
        backend_vtd.init = init;
        backend_vtd.set_translation = set_translation;
    }
}
