/* SPDX-License-Identifier: MIT */
/*
 * What the host says about itself, and the MSRs that every guest touches first. Tests that take the
 * hypercall page away restore it before they check: a check that fails ends the test at once.
 */
#define TEST_GROUP "discovery"
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "kernel/cpu.h"
#include "tests/harness/fixture.h"

static uint64_t read_msr(struct test_run *t, uint32_t msr)
{
    uint64_t value = 0;
    enum trap_vector vector = msr_read_safe(msr, &value);

    STEP("RDMSR 0x%llx: 0x%llx, exception %llu", msr, value, vector);
    CHECK(vector == TRAP_NONE, "RDMSR 0x%x raised exception %u", msr, (unsigned)vector);
    return value;
}

TEST(interface_signature,
     PROMISE("CPUID reports at least leaf 0x40000005 and the interface signature Hv#1")
     COVERS("DISC-1") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads CPUID leaf 1 and leaves 0x40000000 and 0x40000001.")
     EXPECTS("The hypervisor bit is set, the highest hypervisor leaf is 0x40000005 or more, and "
             "EAX of leaf 0x40000001 is 0x31237648.")
     IF_IT_FAILS("A guest does not recognize the interface and never looks for a pvIOMMU: CPUID is "
                 "not intercepted, or the leaves of another hypervisor interface come first."))
{
    uint32_t max_leaf = cpu_cpuid(HV_CPUID_VENDOR, 0).eax;

    CHECK(cpu_cpuid(CPUID_1, 0).ecx & CPUID_1_ECX_HYPERVISOR_PRESENT, "CPUID.1:ECX[31] is clear");
    CHECK(max_leaf >= HV_CPUID_VENDOR_EAX_MINIMUM, "the highest hypervisor leaf is 0x%x", max_leaf);
    CHECK_EQ(cpu_cpuid(HV_CPUID_INTERFACE, 0).eax, HV_CPUID_INTERFACE_EAX_HV1,
             "CPUID 0x40000001:EAX");
}

TEST(leaves_are_stable,
     PROMISE("The hypervisor leaves answer the same each time, whatever the subleaf")
     COVERS("DISC-1 DISC-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads each of the leaves 0x40000000 to 0x40000005 with subleaves 0 to 3, and compares "
           "all four registers with those of the first answer. Reads leaf 1 with each single bit "
           "of ECX set.")
     EXPECTS("All answers of a leaf are the same, and the hypervisor bit of leaf 1 is always set.")
     IF_IT_FAILS("The answer depends on ECX, which guests do not set for these leaves, or on "
                 "something that changes. They would then see features come and go."))
{
    for (uint32_t leaf = HV_CPUID_VENDOR; leaf <= HV_CPUID_VENDOR_EAX_MINIMUM; leaf++) {
        struct cpuid_result first = cpu_cpuid(leaf, 0);

        for (uint32_t subleaf = 0; subleaf < 4; subleaf++) {
            struct cpuid_result again = cpu_cpuid(leaf, subleaf);

            STEP("CPUID leaf 0x%llx, subleaf %llu", leaf, subleaf);
            CHECK_EQ(again.eax, first.eax, "EAX of a hypervisor leaf");
            CHECK_EQ(again.ebx, first.ebx, "EBX of a hypervisor leaf");
            CHECK_EQ(again.ecx, first.ecx, "ECX of a hypervisor leaf");
            CHECK_EQ(again.edx, first.edx, "EDX of a hypervisor leaf");
        }
    }
    for (unsigned bit = 0; bit < 32; bit++)
        CHECK(cpu_cpuid(CPUID_1, 1u << bit).ecx & CPUID_1_ECX_HYPERVISOR_PRESENT,
              "CPUID.1:ECX[31] is clear when bit %u of ECX was set", bit);
}

TEST(msrs_that_are_announced,
     PROMISE("CPUID announces the hypercall MSRs and the VP index, which then can be read")
     COVERS("DISC-2") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads the feature bits of CPUID leaf 0x40000003, and the MSRs GUEST_OS_ID, HYPERCALL "
           "and twice VP_INDEX.")
     EXPECTS("EAX bits 5 and 6 are set, no read faults, GUEST_OS_ID is not 0, the hypercall page "
             "is enabled, and the VP index is stable and below the number of processors, where "
             "that is reported.")
     IF_IT_FAILS("CPUID and the MSR intercept contradict each other. A guest faults at boot, "
                 "or does not use hypercalls at all."))
{
    uint32_t features = cpu_cpuid(HV_CPUID_FEATURES, 0).eax;
    uint32_t processors = cpu_cpuid(HV_CPUID_LIMITS, 0).eax;
    uint64_t index;

    CHECK(features & HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS,
          "CPUID 0x40000003:EAX is 0x%x, bit 5 is clear", features);
    CHECK(features & HV_CPUID_FEATURES_EAX_VP_INDEX, "CPUID 0x40000003:EAX is 0x%x, bit 6 is clear",
          features);
    CHECK(read_msr(t, HV_MSR_GUEST_OS_ID) != 0, "GUEST_OS_ID reads 0 after it was set");
    CHECK(read_msr(t, HV_MSR_HYPERCALL) & HV_HYPERCALL_MSR_ENABLE,
          "the hypercall page reads as disabled");
    index = read_msr(t, HV_MSR_VP_INDEX);
    CHECK(processors == 0 || index < processors,
          "VP index %llu, but the host has at most %u virtual processors",
          (unsigned long long)index, processors);
    CHECK_EQ(read_msr(t, HV_MSR_VP_INDEX), index, "VP_INDEX read a second time");
}

TEST(os_id_keeps_its_value,
     PROMISE("GUEST_OS_ID shows what was written to it, in all 64 bits, and a new value leaves the "
             "hypercall page alone")
     COVERS("DISC-3") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Writes 67 different identities to GUEST_OS_ID, each single bit among them, and after "
           "each reads it and HYPERCALL back. Restores the original value before it checks.")
     EXPECTS("No write faults, each value reads back whole, and HYPERCALL is the same all the "
             "time.")
     IF_IT_FAILS("The host keeps a part of the value only, or takes a change from one identity to "
                 "another for a reset of the hypercall page."))
{
    enum { VALUES = 67 };
    uint64_t original = read_msr(t, HV_MSR_GUEST_OS_ID), page = read_msr(t, HV_MSR_HYPERCALL);
    uint64_t written[VALUES] = {
        UINT64_MAX, hv_guest_os_id_open_source(HV_GUEST_OS_TYPE_LINUX, 0, 0x60100, 0), 1};
    uint64_t seen[VALUES] = {0}, page_then[VALUES] = {0};
    enum trap_vector vector = TRAP_NONE;

    for (unsigned bit = 0; bit < 64; bit++)
        written[VALUES - 64 + bit] = 1ull << bit;
    for (unsigned i = 0; i < VALUES && vector == TRAP_NONE; i++) {
        vector = msr_write_safe(HV_MSR_GUEST_OS_ID, written[i]);
        msr_read_safe(HV_MSR_GUEST_OS_ID, &seen[i]);
        msr_read_safe(HV_MSR_HYPERCALL, &page_then[i]);
    }
    msr_write_safe(HV_MSR_GUEST_OS_ID, original);

    CHECK(vector == TRAP_NONE, "writing GUEST_OS_ID raised exception %u", (unsigned)vector);
    for (unsigned i = 0; i < VALUES; i++) {
        CHECK_EQ(seen[i], written[i], "GUEST_OS_ID read back");
        CHECK_EQ(page_then[i], page,
                 "HYPERCALL after GUEST_OS_ID changed from one identity to another");
    }
    CHECK_EQ(read_msr(t, HV_MSR_GUEST_OS_ID), original, "GUEST_OS_ID put back");
}

TEST(no_page_without_os_id,
     PROMISE("With GUEST_OS_ID 0, enabling the hypercall page does not fault and reads back as "
             "disabled")
     COVERS("DISC-4") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Writes 0 to GUEST_OS_ID, disables the hypercall page, and tries to enable it. Reads "
           "HYPERCALL, then puts everything back.")
     EXPECTS("No write raises an exception, and the enable bit reads as 0.")
     IF_IT_FAILS("The host does not tie the page to an identity, as its specification asks. Guests "
                 "check the bit after enabling to find out whether it worked."))
{
    uint64_t after = HV_HYPERCALL_MSR_ENABLE, original = read_msr(t, HV_MSR_GUEST_OS_ID);
    uint64_t page = read_msr(t, HV_MSR_HYPERCALL);
    enum trap_vector cleared, written;

    if (hypercall_page_is_locked())
        SKIP("the hypercall page is locked where it is");
    cleared = msr_write_safe(HV_MSR_GUEST_OS_ID, 0);
    msr_write_safe(HV_MSR_HYPERCALL, page & ~HV_HYPERCALL_MSR_ENABLE);
    written = msr_write_safe(HV_MSR_HYPERCALL, page | HV_HYPERCALL_MSR_ENABLE);
    msr_read_safe(HV_MSR_HYPERCALL, &after);
    msr_write_safe(HV_MSR_GUEST_OS_ID, original);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");

    CHECK(cleared == TRAP_NONE, "writing 0 to GUEST_OS_ID raised exception %u", (unsigned)cleared);
    CHECK(written == TRAP_NONE, "enabling the page without an OS id raised exception %u",
          (unsigned)written);
    CHECK_EQ(after & HV_HYPERCALL_MSR_ENABLE, 0, "enable bit of HYPERCALL while GUEST_OS_ID is 0");
}

TEST(clearing_os_id_disables,
     PROMISE("Clearing GUEST_OS_ID disables the hypercall page, and a call through it is not "
             "carried out")
     COVERS("DISC-5") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Writes 0 to GUEST_OS_ID while the hypercall page is enabled, reads HYPERCALL and, "
           "where the page lies in memory of the image, makes a call through it. The memory below "
           "was filled with INT3 instructions.")
     EXPECTS("The write raises no exception, the enable bit reads as 0, and the call runs into an "
             "INT3.")
     IF_IT_FAILS("The page stays although the guest has withdrawn. A second kernel that takes the "
                 "machine over has code at a place which it takes for memory."))
{
    uint64_t after = HV_HYPERCALL_MSR_ENABLE, original = read_msr(t, HV_MSR_GUEST_OS_ID);
    bool ours = memory_is_ours(hypercall_init()->page, PAGE_SIZE);
    struct hypercall_registers call = {.rcx = hv_control(HVCALL_GET_IOMMU_CAPABILITIES, 0, 0, 0),
                                       .rdx = gpa_of(hypercall_input_page()),
                                       .r8 = gpa_of(hypercall_output_page())};
    uint64_t below;
    enum trap_vector called = TRAP_BP, cleared;

    if (hypercall_page_is_locked())
        SKIP("the hypercall page is locked where it is");
    cleared = msr_write_safe(HV_MSR_GUEST_OS_ID, 0);
    msr_read_safe(HV_MSR_HYPERCALL, &after);
    below = ours ? *(const volatile uint64_t *)gpa_pointer(hypercall_init()->page) : 0;
    if (ours)
        called = hypercall_raw_registers(&call);
    msr_write_safe(HV_MSR_GUEST_OS_ID, original);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");

    CHECK(cleared == TRAP_NONE, "writing 0 to GUEST_OS_ID raised exception %u", (unsigned)cleared);
    CHECK_EQ(after & HV_HYPERCALL_MSR_ENABLE, 0,
             "enable bit of HYPERCALL after GUEST_OS_ID was cleared");
    CHECK(called == TRAP_BP,
          "the code of the page still runs (vector %u) instead of the INT3 of the memory below, "
          "which begins with 0x%llx",
          (unsigned)called, (unsigned long long)below);
}

TEST(works_again_after_off_and_on,
     PROMISE("A page that was disabled and enabled again carries the same calls as before, and a "
             "domain is as it was or its id is free")
     COVERS("DISC-5 DISC-6 CAP-5") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Creates a domain, disables the hypercall page by clearing GUEST_OS_ID, and enables it "
           "again. Asks for the capabilities, creates the id of the domain again, flushes it where "
           "that was refused, and deletes it.")
     EXPECTS("The capabilities are what they were. The flush and the DELETE succeed.")
     IF_IT_FAILS("The host ends domains half when the hypercall page goes, or the page that is "
                 "enabled again leads elsewhere."))
{
    const struct hv_output_get_iommu_capabilities before = *capabilities(t);
    struct hv_output_get_iommu_capabilities now;
    struct domain *d = domain_paging(t);
    uint64_t original = read_msr(t, HV_MSR_GUEST_OS_ID);

    msr_write_safe(HV_MSR_GUEST_OS_ID, 0);
    msr_write_safe(HV_MSR_GUEST_OS_ID, original);
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");

    CHECK_SUCCESS(pviommu_get_capabilities(&now),
                  "GET_IOMMU_CAPABILITIES through the page enabled again");
    CHECK_EQ(now.iommu_cap, before.iommu_cap, "iommu_cap");
    CHECK_EQ(now.pgsize_bitmap, before.pgsize_bitmap, "pgsize_bitmap");
    CHECK_EQ(now.max_iova_width, before.max_iova_width, "max_iova_width");
    /* A host may end domains with the identity (CON-4). */
    if (iommu_create(d->id) != HV_STATUS_SUCCESS)
        flush(t, d);
    delete_domain(t, d);
}

OBSERVATION(read_only_msrs,
            PROMISE("A write to VP_INDEX or to an MSR that does not exist may fault, and changes "
                    "nothing")
            COVERS("ROB-1") ABI() DEVICES(NONE) KINDS("bad-input")
            STEPS("Writes VP_INDEX, and reads the MSR 0x400000FE, which does not exist.")
            EXPECTS("Either may fault or not, which is recorded. VP_INDEX and HYPERCALL read as "
                    "before.")
            IF_IT_FAILS("A write to an MSR that tells about the processor changes what it tells, "
                        "or a stray access to one hits another."))
{
    uint64_t index = read_msr(t, HV_MSR_VP_INDEX), page = read_msr(t, HV_MSR_HYPERCALL),
             unknown = 0;
    enum trap_vector written = msr_write_safe(HV_MSR_VP_INDEX, index + 1);
    /* No public MSR has this number. */
    enum trap_vector read = msr_read_safe(0x400000FE, &unknown);

    OBSERVE("WRMSR VP_INDEX: exception %u; RDMSR 0x400000FE: exception %u (256 = none)",
            (unsigned)written, (unsigned)read);
    CHECK_EQ(read_msr(t, HV_MSR_VP_INDEX), index, "VP_INDEX after it was written");
    CHECK_EQ(read_msr(t, HV_MSR_HYPERCALL), page, "HYPERCALL after accesses to other MSRs");
}
