/* SPDX-License-Identifier: MIT */
/*
 * The functions that tests are written with: devices, domains, buffers, and DMA with its expected
 * effect. Every function ends the test with a full report when the host breaks its promise, so a
 * test states only the promise.
 */
#ifndef PVT_TESTS_HARNESS_FIXTURE_H
#define PVT_TESTS_HARNESS_FIXTURE_H

#include "drivers/hypercall.h"
#include "tests/harness/test.h"

#define RW (STAGE1_READ | STAGE1_WRITE)
/* For tests that may use any IOVA: within the address lines of every class, and aligned for leaves
 * of 4 KiB and 2 MiB, or for all sizes. */
#define IOVA    0x04000000ull
#define IOVA_1G SIZE_1G

/* First device of the test's class, or the n-th (from 0); the test is skipped when there is none.
 */
struct dma_engine *device(struct test_run *t);
struct dma_engine *device_n(struct test_run *t, unsigned n);
/* The last such device of a class that nothing has used since the start of the machine; NULL when
 * there is none. From now on it is used. */
struct dma_engine *untouched_device(enum dma_class class);
/* The test has not changed its state: it serves others. */
void leave_untouched(struct dma_engine *e);
/* Whether a PCI function of this machine has that logical device id. */
bool device_exists(uint64_t device_id);
/* The host reports this id as managed. If no bus shows it, it may be a device nevertheless: on
 * Hyper-V any managed device may be such a one. A test gives up such an id, or detaches what it
 * attached. */
bool device_is_reported(uint64_t device_id);
/* An id that no device has: `wanted`, or a random one where that may be a device. */
uint64_t unknown_device_id(struct test_run *t, uint64_t wanted);

/* Number of repetitions: `few` times where each DMA takes a tenth of a second. */
static inline unsigned rounds_on(const struct dma_engine *e, unsigned rounds, unsigned few)
{
    return e->ops->features & DMA_SLOW ? few : rounds;
}

/* A domain with the next free id, created and configured; FAIL when the host refuses. */
struct domain *domain_paging(struct test_run *t);
/* One in which iova leads to the buffer, for reads and writes. */
struct domain *domain_mapping(struct test_run *t, uint64_t iova, const struct buffer *b);
/* The same with tables of four levels and leaves of 4 KiB, for tests that change the entry of one
 * level by hand. */
struct domain *domain_four_levels(struct test_run *t, uint64_t iova, const struct buffer *b);
struct domain *domain_paging_with(struct test_run *t, unsigned levels, uint64_t page_sizes);
/* With tables of five levels and leaves of 4 KiB; skips where there are none. */
struct domain *domain_five_levels(struct test_run *t);
/* ATTACH to it. A host may put some of its devices behind a unit without five levels, but not all
 * of them: skips for the classes of such a device. */
void attach_five_level(struct test_run *t, struct domain *d, struct dma_engine *e);
struct domain *domain_identity(struct test_run *t);
struct domain *domain_blocked(struct test_run *t);
struct domain *domain_with_id(struct test_run *t, enum domain_kind kind, uint32_t id);
/* Room for one more domain, for as long as the test runs. */
struct domain *domain_room(struct test_run *t);
/* All devices that are not slow and need nothing mapped but their target, by class and number; the
 * test is skipped when there are fewer than `least`. Returns their number. */
unsigned fast_devices(struct test_run *t, struct dma_engine *list[DMA_ENGINES_MAX], unsigned least);
/* An id that is not in use, and that the reset deletes. */
uint32_t fresh_domain_id(struct test_run *t);
/* Any other id that a test creates by hand goes through this, so that the reset deletes it. */
void track_domain_id(struct test_run *t, uint32_t id);
/* The test has deleted all of these. */
void forget_domain_ids(struct test_run *t);

/* The number of our partition, when the host lets us ask for it; else SELF. A call that names it is
 * for the guest's own partition. */
uint64_t own_partition_id(void);

/* SUCCESS or "already in that domain". */
void attach(struct test_run *t, struct domain *d, struct dma_engine *e);
void delete_domain(struct test_run *t, struct domain *d);

/* Buffers with guards, every byte POISON_FRESH. */
struct buffer buffer(struct test_run *t, size_t pages);
struct buffer buffer_aligned(struct test_run *t, size_t pages, uint64_t align);
/* One that a single leaf of that size can map; skips when the host does not report such leaves. */
struct buffer buffer_for_leaf(struct test_run *t, uint64_t size);
/* One above 4 GiB of RAM, of up to 32 pages, and one at a time; skips when the machine has no
 * memory there. */
struct buffer buffer_high(struct test_run *t, size_t pages);
void buffer_refresh(struct buffer *b); /* all bytes POISON_FRESH again */

void map(struct test_run *t, struct domain *d, uint64_t iova, const struct buffer *b,
         unsigned prot);
/* Skips when the host reports fewer bits of IOVA; so do all that map. */
void map_gpa(struct test_run *t, struct domain *d, uint64_t iova, uint64_t gpa, uint64_t length,
             unsigned prot);
void unmap(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length); /* no flush */
/* The entry that maps iova at its leaf level (for edits by hand); ERROR when not mapped. */
uint64_t *leaf_entry(struct test_run *t, struct domain *d, uint64_t iova);
/* Points the leaf that maps iova at another page of the same size; no flush. */
void retarget(struct test_run *t, struct domain *d, uint64_t iova, uint64_t gpa);
void flush(struct test_run *t, struct domain *d); /* whole domain */
void flush_list(struct test_run *t, struct domain *d, uint64_t iova,
                uint64_t length); /* exact blocks */
/* One list element by hand: 2^shift pages from `page` (IOVA >> 12); SUCCESS and one element done
 * are expected. */
void flush_block(struct test_run *t, struct domain *d, uint64_t page, unsigned shift);

/* Device writes, and nothing is checked. Skips the test on a device with too few address lines,
 * like all below. */
void fill_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                    const char *what);
/* Fills `length` bytes at each of `count` IOVAs, one every `stride` bytes. All of them are mapped:
 * a device that can takes them as one list. */
void fill_each_by_device(struct test_run *t, struct dma_engine *e, uint64_t first, uint64_t stride,
                         unsigned count, size_t length, const char *what);
/* The same where the IOMMU may refuse any of them, for a look at all targets afterwards. */
void try_each_by_device(struct test_run *t, struct dma_engine *e, uint64_t first, uint64_t stride,
                        unsigned count, size_t length, const char *what);
/* Starts a write that ends in dma_finish(); the class is one of DEVICES(DEFERRED). */
void start_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length);
/* Device writes [iova, iova + length); b[offset..] must hold the device's byte, and every other
 * byte of b and its guards what it held before (all POISON_FRESH; afterwards it is so again). No
 * fault may be recorded. */
void expect_write(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                  size_t offset, size_t length, const char *what);
/* Device reads and writes back the inverse: proves that the read saw exactly these bytes. Contents
 * are random. A class with DMA_STAGED needs its domain to reach scratch, which is mapped at need;
 * else the test is skipped. */
void expect_invert(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
                   size_t offset, size_t length, const char *what);
/* The device reads the bytes, which are at `from` as well, and writes them back inverted; the
 * caller checks the result. A class that cannot do so in one go reads them, which shows that they
 * are the right ones, and then writes. */
void invert_by_device(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                      const uint8_t *from, const char *what);
/* For the class argument below: the ABI leaves open how the fault is classified. */
#define FAULT_ANY ORACLE_FAULT_CLASS_NONE

/* Device tries to write: no byte of b (NULL = nothing to check) may change; a record of the oracle
 * must be of that class and this IOVA. True = there was a record. */
bool expect_write_fault(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                        struct buffer *b, enum oracle_fault_class class, const char *what);
/* Device reads, and would write back what it read inverted: nothing may change, and the recorded
 * fault is a read. A class with DMA_STAGED only reads, and shows that it was not the bytes of b. */
bool expect_read_fault(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                       struct buffer *b, enum oracle_fault_class class, const char *what);
/* Device reads and tries to write back, for what that leaves in caches: nothing is expected of it,
 * faults are drained.
 */
void read_and_try_to_write(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length);
/* For places without memory to check: whether this host records the faults of the device, so that
 * no record means no fault. Moves the device to a domain of its own: call before attach(). */
bool faults_are_recorded(struct test_run *t, struct dma_engine *e);
/* Device writes; the bytes land in b (at offset) or are dropped; nothing else may change. True =
 * landed. b is refreshed, faults are drained. */
bool may_write(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
               size_t offset, size_t length, const char *what);
/* One small write whose landing is checked, so that the translation is cached. */
void warm(struct test_run *t, struct dma_engine *e, uint64_t iova, struct buffer *b,
          const char *what);
/* No byte of b or its guards differs from POISON_FRESH. */
void expect_untouched(struct test_run *t, const struct buffer *b, const char *what);

/* Classes with a buffer of their own (DMA_STAGED): maps the engine's scratch in d at an IOVA of its
 * own and loads the patterns. Does nothing for other classes. */
void stage(struct test_run *t, struct domain *d, struct dma_engine *e);
/* The state that the fixture keeps of such a device. */
struct placed *placed(struct test_run *t, const struct dma_engine *e);
/* The test has mapped the scratch of such a device itself. */
void staged_at(struct test_run *t, struct domain *d, struct dma_engine *e, uint64_t iova);
/* Device reads [iova, iova + length), and must have seen `expected`; ERROR for a class that cannot
 * show it. */
void expect_read(struct test_run *t, struct dma_engine *e, uint64_t iova, size_t length,
                 const uint8_t *expected, const char *what);

/* Drains the fault recorder. */
void drain_faults(struct test_run *t, struct dma_engine *e);

/* Skips the test on a unit that does not make these promises (enum iommu_promise); `what` ends the
 * sentence "... does not promise that". */
void need_promise(struct test_run *t, unsigned promises, const char *what);
/* Capabilities of the host; skips the test when there is no pvIOMMU. */
const struct hv_output_get_iommu_capabilities *capabilities(struct test_run *t);
bool has_page_size(struct test_run *t, uint64_t size);
/* Whether all of the range is within the width that the host reports (CAP-4: 12 bits or more). */
bool is_within_width(uint64_t iova, uint64_t length);
/* Skips when it is not. */
void need_width(struct test_run *t, uint64_t iova, uint64_t length);
/* Skips when the host does not report leaves of that size. */
void need_page_size(struct test_run *t, uint64_t size);

/* A before/after probe for calls that must not change anything: a second domain with a mapping and
 * a device in it, and another device in it that holds a DMA in flight. */
struct canary {
    struct domain *domain;
    struct dma_engine *engine; /* may be NULL: no device on this machine */
    struct dma_engine *holder; /* may be NULL: none that can hold a DMA */
    struct buffer target, held;
    uint64_t iova, held_iova;
    enum hv_status property_status; /* answer of the device property call at the start */
    struct hv_output_get_logical_device_property property;
};
struct canary canary(struct test_run *t);
void expect_undisturbed(struct test_run *t, struct canary *b, const char *after);
/* It is one of the canary's devices. */
static inline bool canary_has(const struct canary *b, const struct dma_engine *e)
{
    return e == b->engine || e == b->holder;
}

#endif
