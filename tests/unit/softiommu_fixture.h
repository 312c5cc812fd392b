/* SPDX-License-Identifier: MIT */
/*
 * A machine for the software IOMMU: guest RAM, in which stage 2 swaps neighboring chunks, memory of
 * the host that the guest does not own, and tables built by hand.
 */
#ifndef PVT_TESTS_UNIT_SOFTIOMMU_FIXTURE_H
#define PVT_TESTS_UNIT_SOFTIOMMU_FIXTURE_H

#include "host/softiommu/request.h"
#include "host/softiommu/softiommu.h"
#include "host/softiommu/statistics.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define MEG2 UINT64_C(0x200000)

/* GPAs. Data below TABLES, tables above. The last chunk cannot be written by the guest. */
#define RAM       UINT64_C(0x40000000)
#define RAM_SIZE  UINT64_C(0x800000)
#define TABLES    (RAM + RAM_SIZE / 2)
#define CHUNK     UINT64_C(0x10000)
#define READ_ONLY (RAM + RAM_SIZE - CHUNK)
/* SPAs: where RAM is, and memory of the host, which no GPA leads to. */
#define RAM_SPA   UINT64_C(0x180000000)
#define HOST      UINT64_C(0x100000000)
#define HOST_SIZE UINT64_C(0x10000)
/* Result of target() when an access is refused. */
#define REFUSED UINT64_C(0xBAD0BAD0BAD0BAD0)

#define TABLE 0x027u /* entries as guests write them */
#define RO    0x025u
#define RW    0x067u
#define PS    0x080u

#define READ  ORACLE_ACCESS_READ
#define WRITE ORACLE_ACCESS_WRITE

struct machine {
    uint8_t ram[RAM_SIZE], host[HOST_SIZE]; /* by SPA */
    uint64_t next_table;                    /* GPA */
    struct softiommu_config config;
    struct softiommu *iommu;
    void *storage;
    enum softiommu_reason reason; /* of the last access */
    /* Optional: after an entry was read, before the IOMMU goes on. */
    void (*after_read)(struct machine *m, uint64_t spa);
    void (*on_switch_step)(struct machine *m, unsigned device);
    uint64_t watch[4]; /* for these two */
    unsigned watched, table_reads_in_host;
    /* Faults of the machine's own. */
    uint64_t unseen;  /* bits that the IOMMU does not see in entries */
    bool plain_store; /* a compare-exchange stores whatever is there */
    uint64_t lent;    /* GPA of one page that stage 2 takes for the guest's */
    bool endless;     /* the guest owns all GPAs; above RAM there is no memory to touch */
};

/* 4 devices, 57 bits, all page sizes, A and D set, room for everything. */
struct softiommu_config machine_config(enum softiommu_policy policy);
struct machine *machine_new(const struct softiommu_config *config);
struct machine *machine_with(enum softiommu_policy policy);
void machine_free(struct machine *m);
/* For cmocka: *state is a machine. */
int machine_teardown(void **state);

/* Direct access to memory by GPA (RAM only) and by SPA. */
uint64_t *at(struct machine *m, uint64_t gpa);
uint64_t *at_spa(struct machine *m, uint64_t spa);
uint64_t gpa_to_spa(uint64_t gpa);
uint64_t spa_to_gpa(uint64_t spa);

/* A zeroed table. */
uint64_t table_new(struct machine *m);
/* The entry of `level` for `iova`; makes the tables above it. */
uint64_t *entry_of(struct machine *m, const struct softiommu_translation *t, uint64_t iova,
                   unsigned level);
/* A 4 KiB page. */
void map(struct machine *m, const struct softiommu_translation *t, uint64_t iova, uint64_t gpa,
         uint64_t bits);

/* An empty paging domain. */
struct softiommu_translation domain_new(struct machine *m, unsigned levels, uint16_t did);
/* One that leads from `iova` to one page, for reads and writes. */
struct softiommu_translation domain_mapping(struct machine *m, unsigned levels, uint16_t did,
                                            uint64_t iova, uint64_t gpa);
void attach(struct machine *m, unsigned device, const struct softiommu_translation *t);
void attach_blocking(struct machine *m, unsigned device);
void detach(struct machine *m, unsigned device);

/* GPA that an access reaches, or REFUSED with m->reason set. Host memory comes out as its SPA. */
uint64_t target(struct machine *m, unsigned device, uint64_t iova, enum oracle_access access);
struct softiommu_cache_statistics cache_of(const struct machine *m, enum softiommu_cache cache,
                                           unsigned index);

#endif
