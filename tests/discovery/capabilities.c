/* SPDX-License-Identifier: MIT */
/* GET_IOMMU_CAPABILITIES: what a guest builds its tables and domains on. */
#define TEST_GROUP "capabilities"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define PASID_WIDTH_MAX 20u /* PCI Express: width of a PASID */

/* Asked now, not from the driver's memory. Only the one status that means "no pvIOMMU" skips: an
 * answer without PRESENT is wrong. */
static struct hv_output_get_iommu_capabilities ask(struct test_run *t)
{
    struct hv_output_get_iommu_capabilities caps;
    enum hv_status status = pviommu_get_capabilities(&caps);

    if (status == HV_STATUS_INVALID_HYPERCALL_CODE)
        SKIP("this host has no pvIOMMU: %s", pviommu_missing());
    CHECK_SUCCESS(status, "GET_IOMMU_CAPABILITIES");
    STEP("capabilities: iommu_cap 0x%llx, page sizes 0x%llx, IOVA width %llu, PASID width %llu",
         caps.iommu_cap, caps.pgsize_bitmap, caps.max_iova_width, caps.max_pasid_width);
    return caps;
}

/* The same call with one field changed; the answer is in *out after SUCCESS. */
static enum hv_status ask_with(uint64_t partition_id, uint64_t reserved,
                               struct hv_output_get_iommu_capabilities *out)
{
    struct hv_input_get_iommu_capabilities input = {.partition_id = partition_id,
                                                    .reserved = reserved};

    return hypercall_simple(HVCALL_GET_IOMMU_CAPABILITIES, &input, sizeof(input), out,
                            sizeof(*out));
}

TEST(answered_or_unknown,
     PROMISE("A host either answers GET_IOMMU_CAPABILITIES or says INVALID_HYPERCALL_CODE; no "
             "other status")
     COVERS("CAP-1 CAP-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES.")
     EXPECTS("The status is SUCCESS or INVALID_HYPERCALL_CODE.")
     IF_IT_FAILS("A guest takes INVALID_HYPERCALL_CODE for a host without pvIOMMU and goes on "
                 "silently; at any other status its driver complains or stops. Look at the order "
                 "of the checks before this call."))
{
    struct hv_output_get_iommu_capabilities caps;
    enum hv_status status = pviommu_get_capabilities(&caps);

    if (status != HV_STATUS_INVALID_HYPERCALL_CODE)
        CHECK_SUCCESS(status, "GET_IOMMU_CAPABILITIES");
}

TEST(stage1_with_4k,
     PROMISE("The host reports a pvIOMMU with a first stage and with 4 KiB pages")
     COVERS("CAP-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES and looks at iommu_cap and at the bitmap of page sizes.")
     EXPECTS("PRESENT and S1 are set, and so is bit 12 of the page sizes.")
     IF_IT_FAILS("Guests refuse to use a pvIOMMU that lacks one of the three, and all devices stay "
                 "outside of it. The host fills in the answer of another unit, or of none."))
{
    struct hv_output_get_iommu_capabilities caps = ask(t);

    CHECK(caps.iommu_cap & HV_IOMMU_CAP_PRESENT, "PRESENT is clear in 0x%llx",
          (unsigned long long)caps.iommu_cap);
    CHECK(caps.iommu_cap & HV_IOMMU_CAP_S1, "S1 is clear in 0x%llx",
          (unsigned long long)caps.iommu_cap);
    CHECK(caps.pgsize_bitmap & HV_IOMMU_PGSIZE_4K, "4 KiB is missing in page sizes 0x%llx",
          (unsigned long long)caps.pgsize_bitmap);
}

TEST(page_sizes_exist,
     PROMISE("The page sizes are none but 4 KiB, 2 MiB and 1 GiB")
     COVERS("CAP-3") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES and masks 4 KiB, 2 MiB and 1 GiB out of the bitmap of "
           "page sizes.")
     EXPECTS("No bit is left over.")
     IF_IT_FAILS("The host reports sizes of another table format. A guest that believed it would "
                 "set up leaves that the x86 walk reads as something else."))
{
    CHECK_EQ(ask(t).pgsize_bitmap & ~HV_IOMMU_PGSIZE_ALL, 0,
             "page sizes that the x86 first stage does not have");
}

TEST(iova_width,
     PROMISE("The IOVA width lies between 12 and 57 bits, and is above 48 only with five levels")
     COVERS("CAP-4") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES and looks at the IOVA width and at S1_5LVL.")
     EXPECTS("The width is 12 to 57, and at most 48 where S1_5LVL is clear.")
     IF_IT_FAILS("A guest sizes its tables and its IOVA allocator by this number. One that is too "
                 "large makes it hand out addresses that no walk covers, so that DMA fails or, "
                 "with a host that cuts addresses, lands elsewhere."))
{
    struct hv_output_get_iommu_capabilities caps = ask(t);

    CHECK(caps.max_iova_width >= 12 && caps.max_iova_width <= HV_IOMMU_IOVA_WIDTH_5_LEVEL,
          "IOVA width is %u", caps.max_iova_width);
    CHECK(caps.max_iova_width <= HV_IOMMU_IOVA_WIDTH_4_LEVEL ||
              (caps.iommu_cap & HV_IOMMU_CAP_S1_5LVL),
          "IOVA width is %u without S1_5LVL", caps.max_iova_width);
}

TEST(same_each_time,
     PROMISE("The answer is the same before, between and after other calls, and asking changes "
             "nothing")
     COVERS("CAP-5") ABI() DEVICES(NONE) KINDS("dma")
     STEPS("Asks for the capabilities twenty times. Creates, configures, flushes and deletes a "
           "domain, and asks again; another device does DMA through a mapping of its own in "
           "between.")
     EXPECTS("All answers agree byte for byte, the device of the canary reaches its page every "
             "time, and its property is the same.")
     IF_IT_FAILS("The answer depends on state that it should not show, or holds bytes that were "
                 "not initialized. Guests ask once and rely on it."))
{
    struct hv_output_get_iommu_capabilities first = ask(t), now;
    struct canary by = canary(t);
    struct domain *d;

    for (unsigned i = 0; i < 20; i++) {
        now = ask(t);
        CHECK(memcmp(&now, &first, sizeof(now)) == 0, "answer %u differs from the first", i + 2);
    }
    d = domain_paging(t);
    expect_undisturbed(t, &by, "a domain was created and configured");
    flush(t, d);
    delete_domain(t, d);
    expect_undisturbed(t, &by, "a domain was flushed and deleted");
    now = ask(t);
    CHECK(memcmp(&now, &first, sizeof(now)) == 0,
          "the answer after other calls differs from the first");
}

OBSERVATION(other_partition,
            PROMISE("Capabilities asked for another partition: the status, and that our own answer "
                    "stays the same")
            COVERS("CAP-6") ABI() DEVICES(NONE) KINDS("bad-input")
            STEPS("Asks for the capabilities with up to six partition ids that are not our own, "
                  "then for our own again.")
            EXPECTS("Any status will do, and is recorded; our own answer is byte for byte what it "
                    "was.")
            IF_IT_FAILS("The query about another partition changed state of this guest. The "
                        "observation tells whether the host answers such questions at all."))
{
    static const uint64_t others[] = {
        HV_PARTITION_ID_INVALID,     1, 2, 0x1234, UINT64_C(0x7FFFFFFFFFFFFFFF),
        UINT64_C(0xFFFFFFFFFFFFFFFE)};
    struct hv_output_get_iommu_capabilities first = ask(t), other, now;
    struct tally tally = {0};
    uint64_t own = own_partition_id();

    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i] != own)
            tally_add(&tally, ask_with(others[i], 0, &other));
    observe_tally(t, "partition ids that are not ours", &tally);
    now = ask(t);
    CHECK(memcmp(&now, &first, sizeof(now)) == 0,
          "the answer changed after a question for another partition");
}

OBSERVATION(reserved_input,
            PROMISE("Each reserved input bit: refused, or ignored with the same answer")
            COVERS("CAP-7") ABI() DEVICES(NONE) KINDS("bad-input")
            STEPS("Asks 64 times with one bit of the reserved input field set each time.")
            EXPECTS("Each call is refused, or answered with the same 24 bytes as the plain call. "
                    "The statuses are recorded.")
            IF_IT_FAILS("The host takes a reserved bit for an option: guests of a later time, or "
                        "with garbage in the field, get another answer."))
{
    struct hv_output_get_iommu_capabilities first = ask(t), other;
    struct tally tally = {0};

    for (unsigned bit = 0; bit < 64; bit++) {
        enum hv_status status = ask_with(HV_PARTITION_ID_SELF, 1ull << bit, &other);

        tally_add(&tally, status);
        CHECK(status != HV_STATUS_SUCCESS || memcmp(&other, &first, sizeof(other)) == 0,
              "reserved input bit %u is accepted and changes the answer", bit);
    }
    observe_tally(t, "reserved bits", &tally);
}

OBSERVATION(size_field,
            PROMISE("The size that the capabilities report for themselves")
            COVERS("CAP-8") ABI() DEVICES(NONE) KINDS("none")
            STEPS("Asks for the capabilities and looks at the field that tells the size of the "
                  "answer.")
            EXPECTS("Any value will do, and is recorded, next to the 24 bytes that the suite "
                    "knows.")
            IF_IT_FAILS("This test fails only with the call itself; a size other than 0 or 24 "
                        "hints at a newer structure."))
{
    struct hv_output_get_iommu_capabilities caps = ask(t);

    OBSERVE("size %u, this suite knows %u bytes", caps.size, (unsigned)sizeof(caps));
}

TEST(bits_agree,
     PROMISE("PASID comes with a PASID width of 1 to 20, and PRI comes with ATS")
     COVERS("CAP-9") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Asks for the capabilities and compares the bits PASID, ATS and PRI with each other and "
           "with the PASID width.")
     EXPECTS("With PASID the width is 1 to 20; PRI is set only where ATS is.")
     IF_IT_FAILS("The bits are put together from different sources. PRI needs ATS by its nature, "
                 "so a guest that enables both would fail half-way."))
{
    struct hv_output_get_iommu_capabilities caps = ask(t);

    if (caps.iommu_cap & HV_IOMMU_CAP_PASID) {
        CHECK(caps.max_pasid_width >= 1 && caps.max_pasid_width <= PASID_WIDTH_MAX,
              "PASID with a width of %u", caps.max_pasid_width);
    }
    CHECK(!(caps.iommu_cap & HV_IOMMU_CAP_PRI) || (caps.iommu_cap & HV_IOMMU_CAP_ATS),
          "PRI without ATS in iommu_cap 0x%llx", (unsigned long long)caps.iommu_cap);
}
