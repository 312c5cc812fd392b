/* SPDX-License-Identifier: MIT */
/* Which function a device id names, among functions of one bus and of buses that are hard to tell
 * apart. */
#include "lib/bits.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "bus"

struct pair {
    struct dma_engine *e[2];
    struct buffer b[2];
    struct domain *d[2];
};

static bool on_one_bus(const struct dma_engine *a, const struct dma_engine *b)
{
    return a->function.vpci && a->function.vpci == b->function.vpci;
}

/* Of two buses, by ids of which one bit differs. */
static bool one_bit_apart(const struct dma_engine *a, const struct dma_engine *b)
{
    uint64_t difference = a->device_id ^ b->device_id;

    return a->function.vpci && b->function.vpci && !on_one_bus(a, b) &&
           (difference & (difference - 1)) == 0;
}

static void write_both(struct test_run *t, struct pair *p, const char *when)
{
    for (unsigned i = 0; i < 2; i++)
        expect_write(t, p->e[i], IOVA, &p->b[i], 0, 16, when);
}

/* Each in a domain of its own, in which one IOVA leads to memory of its own. */
static void with_pair(struct test_run *t, struct dma_engine *first, struct dma_engine *second)
{
    struct pair p = {.e = {first, second}};

    for (unsigned i = 0; i < 2; i++) {
        p.b[i] = buffer(t, 1);
        p.d[i] = domain_mapping(t, IOVA, &p.b[i]);
        attach(t, p.d[i], p.e[i]);
    }
    write_both(t, &p, "each in its domain");
    attach(t, p.d[1], p.e[0]);
    expect_write(t, p.e[0], IOVA, &p.b[1], 0, 16, "in the domain of the other one");
    attach(t, p.d[0], p.e[0]);
    write_both(t, &p, "each in its domain again");
    attach(t, domain_blocked(t), p.e[0]);
    expect_write(t, p.e[1], IOVA, &p.b[1], 0, 16, "beside a blocked one");
    fill_by_device(t, p.e[0], IOVA, 16, "blocked");
    drain_faults(t, p.e[0]);
    expect_untouched(t, &p.b[0], "blocked");
    expect_untouched(t, &p.b[1], "blocked");
}

typedef bool is_pair(const struct dma_engine *a, const struct dma_engine *b);

#define PAIRS(ROW, test)                                                                           \
    ROW(test, of_one_bus, on_one_bus, WORD(which, "of one bus"))                                   \
    ROW(test, one_bit_apart, one_bit_apart,                                                        \
        WORD(which, "of two buses whose device ids differ in one bit"))

VARIANTS(is_pair *const, pairs, PAIRS);

TEST_EACH(two_functions, PAIRS,
          PROMISE("Two functions {which} are in domains of their own")
          COVERS("ISO-2 ATT-1") DEVICES(NONE) KINDS("dma fault device")
          STEPS("For up to eight such pairs of functions on vPCI buses: each is attached to a "
                "domain in which one IOVA leads to memory of its own, and writes. The first one "
                "moves to the domain of the other one, back, and to a blocking domain; both write.")
          EXPECTS("Each write lands in the domain of its device, and that of the blocked one "
                  "nowhere.")
          IF_IT_FAILS("The host takes the bus for the device, or a part of the id of the bus."))
{
    enum { PAIRS_MAX = 8 };
    struct dma_engine *list[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, list, 2), found = 0;

    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < count && found < PAIRS_MAX; k++) {
            if (i == k || !VARIANT(pairs)(list[i], list[k]))
                continue;
            STEP("functions 0x%llx and 0x%llx", list[i]->device_id, list[k]->device_id);
            with_pair(t, list[i], list[k]);
            found++;
        }
    }
    if (found == 0)
        SKIP("no two functions on vPCI buses are such a pair");
}

TEST(changed_bits_name_nothing,
     PROMISE("The id of a function on a vPCI bus with one bit changed names nothing, unless "
             "another function has that id")
     COVERS("ATT-8 PROP-2") ABI() DEVICES(dmaprobe) KINDS("dma bad-input")
     STEPS("The device is attached to a domain and writes. Then for each of the 64 bits: ATTACH to "
           "a blocking domain, and DETACH, with the id of the device with that bit changed. Ids of "
           "other functions are left out, and ids that the host reports as managed.")
     EXPECTS("All these calls are refused. The device writes after each of them as before.")
     IF_IT_FAILS("The host compares a part of the device id only."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocking = domain_blocked(t);

    if (!e->function.vpci)
        SKIP("the device is on no vPCI bus");
    attach(t, d, e);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t id = e->device_id ^ BIT(bit);

        if (device_exists(id) || device_is_reported(id))
            continue;
        STEP("device id 0x%llx", id);
        CHECK_REFUSED(pviommu_attach(blocking->id, id), "ATTACH of an id with one bit changed");
        CHECK_REFUSED(pviommu_detach(id), "DETACH of an id with one bit changed");
        expect_write(t, e, IOVA, &b, 0, 16, "after calls with another id");
    }
}
