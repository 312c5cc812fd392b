/* SPDX-License-Identifier: MIT */
/* The invalidation queue: waits, wrap, and errors (VT-d 6.5.2, 6.5.2.9, 6.5.2.11). */
#include "lib/string.h"
#include "tests/vtd/vtd_test.h"

#define TEST_GROUP "vtd"

#define DATA     0x5A5A0001u
#define FILLED   (POISON_FRESH * 0x01010101u)
#define WAITS    (2u * VTD_QUEUE_ENTRIES + 3u)
#define TYPE_12  12ull /* no descriptor has this type */
#define TYPE_17  (BIT(9) | VTD_INVALIDATE_CONTEXT)
#define RESERVED BIT(40)

static volatile uint32_t *words_of(const struct buffer *b)
{
    return (volatile uint32_t *)(void *)b->data;
}

TEST(wait_writes_its_status,
     PROMISE("A wait descriptor writes its status data to its status address, and nothing else")
     UNIT(vtd) COVERS("VTD-Q-1") DEVICES(NONE) KINDS("none")
     STEPS("Two waits with different data and addresses, with and without the fence flag, are "
           "handed over together.")
     EXPECTS("Both double words hold their data, and the words around them what they held.")
     IF_IT_FAILS("A driver that polls for the end of an invalidation goes on too early, or never."))
{
    struct buffer b = buffer(t, 1);
    volatile uint32_t *words = words_of(&b);

    take_unit(t);
    vtd_push_wait(&words[1], DATA, 0);
    vtd_push_wait(&words[4], DATA + 1, VTD_WAIT_FENCE);
    carry_out(t, "two waits");
    for (unsigned i = 0; i < 6; i++) {
        uint32_t expected = i == 1 ? DATA : i == 4 ? DATA + 1 : FILLED;

        CHECK_EQ(words[i], expected, "double word at or beside a status address");
    }
}

TEST(wait_with_fence_alone,
     PROMISE("A wait descriptor may ask for neither a status write nor an interrupt")
     UNIT(vtd) COVERS("VTD-Q-2") DEVICES(NONE) KINDS("none")
     STEPS("A wait with the fence flag and no other flag is handed over, then one that writes a "
           "status.")
     EXPECTS("No queue error, and the status is written.")
     IF_IT_FAILS("A driver that orders two descriptors by a fence finds its queue stopped."))
{
    take_unit(t);
    vtd_push(VTD_INVALIDATE_WAIT | VTD_WAIT_FENCE, 0);
    CHECK(!queue_fails(t), "FSTS.IQE for a wait descriptor with FN alone");
    carry_out(t, "the next wait");
}

TEST(wait_reports_an_event,
     PROMISE("A wait descriptor with the interrupt flag sets the completion status")
     UNIT(vtd) COVERS("VTD-Q-3") DEVICES(NONE) KINDS("none")
     STEPS("With the completion interrupt masked, a wait with the flag IF is handed over, and the "
           "completion status cleared by writing 1.")
     EXPECTS("ICS.IWC is set after the wait and clear after the write; IECTL.IP is set between.")
     IF_IT_FAILS("A driver that sleeps until the completion interrupt sleeps for ever."))
{
    take_unit(t);
    vtd_write32(VTD_IECTL, (uint32_t)VTD_EVENT_MASKED);
    vtd_write32(VTD_ICS, VTD_ICS_COMPLETE);
    vtd_push(VTD_INVALIDATE_WAIT | VTD_WAIT_EVENT, 0);
    carry_out(t, "a wait with IF");
    CHECK_EQ(vtd_read32(VTD_ICS) & VTD_ICS_COMPLETE, VTD_ICS_COMPLETE, "ICS.IWC after the wait");
    CHECK(vtd_read32(VTD_IECTL) & (uint32_t)VTD_EVENT_PENDING, "IECTL.IP is clear");
    vtd_write32(VTD_ICS, VTD_ICS_COMPLETE);
    CHECK_EQ(vtd_read32(VTD_ICS) & VTD_ICS_COMPLETE, 0, "ICS.IWC after writing 1");
    CHECK(!(vtd_read32(VTD_IECTL) & (uint32_t)VTD_EVENT_PENDING), "IECTL.IP stays set");
}

TEST(queue_wraps,
     PROMISE("The queue goes on at its first place after its last one")
     UNIT(vtd) COVERS("VTD-Q-4") DEVICES(NONE) KINDS("none")
     STEPS("More than twice as many waits as the queue has places are handed over one by one, and "
           "then as many at once as it takes, across its end.")
     EXPECTS("Each writes its own status data; at the end head and tail are equal.")
     IF_IT_FAILS("The head stops or jumps at the end of the ring: descriptors are lost or carried "
                 "out twice."))
{
    struct buffer b = buffer(t, 1);
    volatile uint32_t *words = words_of(&b);

    take_unit(t);
    for (uint32_t i = 0; i < WAITS; i++) {
        vtd_push_wait(words, i, 0);
        CHECK(!queue_fails(t), "FSTS.IQE for wait %u", i);
        CHECK_EQ(*words, i, "status data of the last wait");
        CHECK_EQ(vtd_read64(VTD_IQH) >> VTD_IQT_SHIFT, vtd_tail(), "head after one descriptor");
    }
    for (uint32_t i = 0; i < VTD_QUEUE_ENTRIES - 1; i++)
        vtd_push_wait(&words[i], i, 0);
    CHECK(!queue_fails(t), "FSTS.IQE for a full queue");
    for (uint32_t i = 0; i < VTD_QUEUE_ENTRIES - 1; i++)
        CHECK_EQ(words[i], i, "status data of a wait in the full queue");
}

/* One descriptor with a flaw. */
struct flawed {
    uint64_t words[DESCRIPTOR_WORDS];
};
#define FLAWED(...) ((struct flawed){{__VA_ARGS__}})

#define FLAWS(ROW, test)                                                                           \
    ROW(test, type_0, FLAWED(0), WORD(flaw, "of type 0") COVERS("VTD-QE-1"))                       \
    ROW(test, type_12, FLAWED(TYPE_12), WORD(flaw, "of type 12") COVERS("VTD-QE-1"))               \
    ROW(test, type_17, FLAWED(TYPE_17 | VTD_GLOBAL),                                               \
        WORD(flaw, "of type 17, whose upper bits are apart") COVERS("VTD-QE-1"))                   \
    ROW(test, context_granularity, FLAWED(VTD_INVALIDATE_CONTEXT),                                 \
        WORD(flaw, "of the context cache with granularity 0") COVERS("VTD-QE-2"))                  \
    ROW(test, iotlb_granularity, FLAWED(VTD_INVALIDATE_IOTLB),                                     \
        WORD(flaw, "of the IOTLB with granularity 0") COVERS("VTD-QE-2"))                          \
    ROW(test, pasid_tlb_granularity, FLAWED(VTD_INVALIDATE_PASID_TLB | 1ull << 4),                 \
        WORD(flaw, "of the PASID-based IOTLB with granularity 1") COVERS("VTD-QE-2"))              \
    ROW(test, pasid_granularity, FLAWED(VTD_INVALIDATE_PASID | 2ull << 4),                         \
        WORD(flaw, "of the PASID cache with granularity 2") COVERS("VTD-QE-2"))                    \
    ROW(test, context_reserved, FLAWED(VTD_INVALIDATE_CONTEXT | VTD_GLOBAL | BIT(6)),              \
        WORD(flaw, "of the context cache with bit 6 set") COVERS("VTD-QE-3"))                      \
    ROW(test, iotlb_reserved, FLAWED(VTD_INVALIDATE_IOTLB | VTD_GLOBAL | RESERVED),                \
        WORD(flaw, "of the IOTLB with bit 40 set") COVERS("VTD-QE-3"))                             \
    ROW(test, pasid_tlb_reserved,                                                                  \
        FLAWED(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | BIT(6)),                          \
        WORD(flaw, "of the PASID-based IOTLB with bit 6 set") COVERS("VTD-QE-3"))                  \
    ROW(test, pasid_reserved, FLAWED(VTD_INVALIDATE_PASID | VTD_PASID_GLOBAL | BIT(6)),            \
        WORD(flaw, "of the PASID cache with bit 6 set") COVERS("VTD-QE-3"))                        \
    ROW(test, wait_reserved, FLAWED(VTD_INVALIDATE_WAIT | VTD_WAIT_FENCE | BIT(8)),                \
        WORD(flaw, "of a wait with bit 8 set") COVERS("VTD-QE-3"))                                 \
    ROW(test, iotlb_upper_half, FLAWED(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0, 1),                   \
        WORD(flaw, "of the IOTLB with its upper half in use") COVERS("VTD-QE-3"))                  \
    ROW(test, wait_upper_half, FLAWED(VTD_INVALIDATE_WAIT | VTD_WAIT_EVENT, 0, 0, 1),              \
        WORD(flaw, "of a wait with its upper half in use") COVERS("VTD-QE-3"))

VARIANTS(const struct flawed, flaws, FLAWS);

TEST_EACH(flawed_descriptor, FLAWS,
          PROMISE("A descriptor {flaw} stops the queue with an error, from which it recovers")
          UNIT(vtd) COVERS("VTD-QE-4 VTD-QE-5") DEVICES(NONE) KINDS("bad-input")
          STEPS("A wait, the flawed descriptor and another wait are handed over. Then the flawed "
                "one is replaced, the error is cleared by writing 1, and the tail written again.")
          EXPECTS("FSTS.IQE is set, the head points to the flawed descriptor, the first wait is "
                  "done and the second one is not. Writing the tail changes nothing of that. "
                  "After the repair the second wait is done.")
          IF_IT_FAILS("The unit carries out a descriptor that it must refuse, skips it, or does "
                      "not get out of the error: the driver's queue is lost."))
{
    static const uint64_t right[DESCRIPTOR_WORDS] = {VTD_INVALIDATE_IOTLB | VTD_GLOBAL};
    struct buffer b = buffer(t, 1);
    volatile uint32_t *words = words_of(&b);
    unsigned at;

    take_unit(t);
    vtd_push_wait(&words[0], DATA, 0);
    at = vtd_tail();
    vtd_push_wide(VARIANT(flaws).words);
    vtd_push_wait(&words[1], DATA, 0);
    CHECK(queue_fails(t), "the unit accepts the descriptor: FSTS.IQE stays clear");
    CHECK_EQ(vtd_read64(VTD_IQH) >> VTD_IQT_SHIFT, at, "head at the error");
    CHECK_EQ(words[0], DATA, "the wait ahead of the flawed descriptor");
    vtd_submit();
    CHECK_EQ(words[1], FILLED, "the wait after it, with the tail written again");
    mend_queue(t, at, right);
    CHECK(!queue_fails(t), "FSTS.IQE again after the repair");
    CHECK_EQ(words[1], DATA, "the wait after the repair");
}

TEST(queue_goes_on_by_itself,
     PROMISE("The queue goes on when its error is cleared, without another write of the tail")
     UNIT(vtd) COVERS("VTD-QE-6") DEVICES(NONE) KINDS("bad-input")
     STEPS("A flawed descriptor and a wait are handed over; the flawed one is replaced, and the "
           "error cleared.")
     EXPECTS("The wait is done soon.")
     IF_IT_FAILS("A driver that repairs its queue and waits, as the specification describes it, "
                 "waits for ever."))
{
    static const uint64_t right[DESCRIPTOR_WORDS] = {VTD_INVALIDATE_IOTLB | VTD_GLOBAL};
    struct buffer b = buffer(t, 1);
    volatile uint32_t *words = words_of(&b);
    unsigned at;

    take_unit(t);
    at = vtd_tail();
    vtd_push(TYPE_12, 0);
    vtd_push_wait(words, DATA, 0);
    CHECK(queue_fails(t), "the unit accepts a descriptor of type 12");
    mend_queue(t, at, right);
    expect_word(t, words, DATA, "the wait after the repair");
}

TEST(device_tlb_without_support,
     PROMISE("A unit without support for device TLBs refuses their descriptors")
     UNIT(vtd) COVERS("VTD-QE-1") DEVICES(NONE) KINDS("bad-input")
     STEPS("A device-TLB invalidation is handed over although ECAP.DT is clear.")
     EXPECTS("FSTS.IQE is set.")
     IF_IT_FAILS("A driver learns nothing of an invalidation that no device gets."))
{
    take_unit(t);
    if (vtd_extended() & VTD_ECAP_DT)
        SKIP("the unit supports device TLBs");
    vtd_push(VTD_INVALIDATE_DEVICE, 0);
    CHECK(queue_fails(t), "the unit accepts the descriptor: FSTS.IQE stays clear");
}

#define TAILS(ROW, test)                                                                           \
    ROW(test, beyond, (uint64_t)VTD_QUEUE_ENTRIES << VTD_IQT_SHIFT,                                \
        WORD(tail, "right after the end of the queue"))                                            \
    ROW(test, unaligned, VTD_IQT_HALF, WORD(tail, "in the middle of a descriptor of 256 bits"))

VARIANTS(const uint64_t, tails, TAILS);

TEST_EACH(tail, TAILS,
          PROMISE("A tail {tail} is a queue error")
          UNIT(vtd) COVERS("VTD-QE-7") DEVICES(NONE) KINDS("bad-input")
          STEPS("The queue is empty, and the tail is written.")
          EXPECTS("FSTS.IQE is set. After a right tail and with the error cleared the queue works.")
          IF_IT_FAILS("The unit fetches descriptors from memory after the queue, or a driver's "
                      "mistake goes unnoticed."))
{
    take_unit(t);
    vtd_write64(VTD_IQT, VARIANT(tails));
    CHECK(vtd_read32(VTD_FSTS) & (uint32_t)VTD_FSTS_QUEUE, "FSTS.IQE stays clear");
    vtd_submit();
    vtd_write32(VTD_FSTS, (uint32_t)VTD_FSTS_QUEUE);
    carry_out(t, "a wait after the error");
}
