/* SPDX-License-Identifier: MIT */
/* Event flags that the guest has not looked at yet, while the host sets another one (reference 2.2
 * and 2.5). */
#include "abi/msr.h"
#include "abi/synic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define TURNS 3u

/* But for `own`, all flags of all SINTs are set. */
static void expect_others(struct test_run *t, const struct hv_event_flags *page, uint32_t own)
{
    for (unsigned sint = 0; sint < HV_SINTS; sint++)
        for (uint32_t i = 0; i < ARRAY_SIZE(page->word); i++) {
            const uint32_t hole = sint == VMBUS_SINT && own / 32 == i ? UINT32_C(1) << own % 32 : 0;
            const uint32_t word = __atomic_load_n(&page[sint].word[i], __ATOMIC_SEQ_CST) | hole;

            CHECK(word == UINT32_MAX, "flags of SINT %u from %u on were set, and are 0x%x now",
                  sint, 32 * i, word);
        }
}

TEST(event_flags_stay,
     PROMISE("Event flags that are set stay set until the guest clears them, whatever the host "
             "signals meanwhile")
     COVERS("BUS-8") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A channel of the first bus, and one of the second if there is one, are open. The test "
           "sets all flags of the page but that of the channel, and a request is sent on it; then "
           "two more, with its own flag set as well. The same happens on the other channel.")
     EXPECTS("The flag of the channel comes, and all others stay, those of other SINTs among them. "
             "Nothing clears a flag that is set already.")
     IF_IT_FAILS("The host writes a word, or the whole page, where it has to set one bit, or "
                 "inverts that bit. When two devices have something to say at the same time, the "
                 "driver of one of them does not hear of it and waits forever."))
{
    const struct vmbus_opening opening = {.interrupts = true};
    struct vmbus_channel *channel[2] = {NULL, NULL};
    static const uint8_t guid[16] = VPCI_INTERFACE_GUID;
    struct hv_event_flags *page;

    client_connect(t);
    for (unsigned n = 0; n < ARRAY_SIZE(channel) && (n == 0 || vmbus_offer(guid, n)); n++)
        channel[n] = client_open(t, n, n, &opening);
    page = gpa_pointer(client_msr(HV_MSR_SIEFP) & HV_SYNIC_PAGE_GPFN);
    for (unsigned n = 0; n < ARRAY_SIZE(channel) && channel[n]; n++) {
        const uint32_t own = channel[n]->offer->channel_id;

        STEP("channel %u", own);
        memset(page, 0xFF, PAGE_SIZE);
        (void)__atomic_and_fetch(&page[VMBUS_SINT].word[own / 32], ~(UINT32_C(1) << own % 32),
                                 __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < TURNS; i++) {
            client_round_trip(t, channel[n]);
            CHECK(client_flag(page, own, CLIENT_WAIT_US), "the flag is not set");
            expect_others(t, page, own);
        }
    }
    memset(page, 0, PAGE_SIZE);
}
