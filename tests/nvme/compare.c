/* SPDX-License-Identifier: MIT */
/* Compare has an NVMe controller read memory and tell whether it has the data of the medium,
 * without a write to the medium: reads of a disk that the suite must leave alone. */
#include "drivers/dma_nvme.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "nvme"

static const char *compared_text(enum nvme_compared result)
{
    static const char *const text[] = {"equal", "different", "refused", "no completion"};

    return text[result];
}

static enum nvme_compared compare(struct test_run *t, struct dma_engine *e, const char *what)
{
    enum nvme_compared result = nvme_compare(e, IOVA);

    drain_faults(t, e);
    STEP("Compare with IOVA 0x%llx, %s: %s", IOVA, what, compared_text(result));
    return result;
}

/* The device reaches its queues. */
static void know(struct test_run *t, struct dma_engine *e)
{
    const char *problem = dma_prepare(e) ? nvme_know(e) : "the controller cannot be prepared";

    if (problem)
        SKIP("%s", problem);
}

static void copy_known(const struct dma_engine *e, struct buffer *b)
{
    memcpy(b->data, nvme_known_data(e), PAGE_SIZE);
}

static void expect(struct test_run *t, struct dma_engine *e, enum nvme_compared wanted,
                   const char *what)
{
    enum nvme_compared result = compare(t, e, what);

    CHECK(result == wanted, "%s: Compare says %s instead of %s", what, compared_text(result),
          compared_text(wanted));
}

TEST(compare_reads_the_mapped_page,
     PROMISE("A controller reads the page that its domain maps, and after a flush the page that "
             "the leaf names then, byte for byte")
     COVERS("TR-1 FL-1") DEVICES(nvme) KINDS("dma flush")
     STEPS("Two pages get data that the medium is known to have, and one byte of the second one is "
           "changed. The controller compares the medium with an IOVA that leads to the first page, "
           "after a flush to the second, again after the byte has its value back, and after "
           "another flush to the first page, of which another byte is changed.")
     EXPECTS("Compare says equal, different, equal, different. It changes neither page.")
     IF_IT_FAILS("The controller reads other memory than its domain maps."))
{
    struct dma_engine *e = device(t);
    struct buffer first = buffer(t, 1), second = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &first);
    size_t at = (size_t)random_below(&t->random, PAGE_SIZE);

    attach(t, d, e);
    know(t, e);
    copy_known(e, &first);
    copy_known(e, &second);
    second.data[at] ^= 0xFF;
    expect(t, e, NVME_EQUAL, "the first page");
    retarget(t, d, IOVA, gpa_of(second.data));
    flush(t, d);
    expect(t, e, NVME_DIFFERENT, "the second page, of which a byte differs");
    second.data[at] ^= 0xFF;
    expect(t, e, NVME_EQUAL, "the second page");
    first.data[PAGE_SIZE - 1 - at] ^= 1;
    retarget(t, d, IOVA, gpa_of(first.data));
    flush(t, d);
    expect(t, e, NVME_DIFFERENT, "the first page, of which a byte differs");
    first.data[PAGE_SIZE - 1 - at] ^= 1;
    CHECK(memcmp(first.data, nvme_known_data(e), PAGE_SIZE) == 0 &&
              memcmp(second.data, nvme_known_data(e), PAGE_SIZE) == 0,
          "Compare has changed a page");
    buffer_refresh(&first);
    buffer_refresh(&second);
}

TEST(compare_reads_nothing_out_of_reach,
     PROMISE("A controller does not read a page that is unmapped and flushed, nor in a blocking "
             "domain")
     COVERS("FL-1 ATT-7") DEVICES(nvme) KINDS("dma fault flush")
     STEPS("A page gets data that the medium is known to have. The controller compares the medium "
           "with an IOVA that leads there, after an unmap and a flush, mapped again, and in a "
           "blocking domain.")
     EXPECTS("Compare says equal while the page is mapped, and anything else while it is not.")
     IF_IT_FAILS("Data of a page that the guest has given to another owner leave it by a device."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    know(t, e);
    if (!memory_find_other(nvme_known_data(e), PAGE_SIZE, 0))
        SKIP("the known blocks have zeros, as a read that is blocked may have");
    copy_known(e, &b);
    expect(t, e, NVME_EQUAL, "mapped");
    unmap(t, d, IOVA, PAGE_SIZE);
    flush(t, d);
    CHECK(compare(t, e, "unmapped") != NVME_EQUAL, "the page is read after unmap and flush");
    map(t, d, IOVA, &b, RW);
    expect(t, e, NVME_EQUAL, "mapped again");
    attach(t, domain_blocked(t), e);
    CHECK(compare(t, e, "blocked") != NVME_EQUAL, "the page is read in a blocking domain");
    CHECK(memcmp(b.data, nvme_known_data(e), PAGE_SIZE) == 0, "Compare has changed the page");
    buffer_refresh(&b);
}
