/* SPDX-License-Identifier: MIT */
/* Stories about switches of a device, the end of a domain, and requests in flight. */
#include "lib/bits.h"
#include "tests/unit/softiommu_scenarios.h"

#include <string.h>

#define IOVA  UINT64_C(0x12345000)
#define OTHER (IOVA + 64 * PAGE_SIZE)
#define OLD   (RAM + 0x10000)
#define NEW   (RAM + 0x20000)
#define DID   8u

/* A write of 8 bytes, translated and not let go. */
static struct softiommu_request *in_flight(struct machine *m, unsigned device,
                                           struct softiommu_piece *piece)
{
    static uint64_t bytes = UINT64_C(0x1122334455667788);
    struct softiommu_request *request = calloc(1, sizeof(*request));

    *request = (struct softiommu_request){.iova = IOVA,
                                          .length = 8,
                                          .access = WRITE,
                                          .buffer = &bytes,
                                          .piece = piece,
                                          .piece_capacity = 1};
    assert_true(softiommu_request_begin(m->iommu, device, request));
    return request;
}

/* Another device, in another domain, uses more pages than the IOTLB holds. */
static void evict_all(struct machine *m)
{
    struct softiommu_translation t = domain_new(m, 4, DID + 1);

    attach(m, 1, &t);
    for (unsigned i = 0; i < m->config.iotlb_entries + 8; i++) {
        map(m, &t, IOVA + i * PAGE_SIZE, NEW, RW);
        (void)target(m, 1, IOVA + i * PAGE_SIZE, READ);
    }
}

static bool held(struct machine *m, unsigned argument, bool evicted)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_piece piece;
    struct softiommu_request *request;
    bool late;

    attach(m, 0, &t);
    request = in_flight(m, 0, &piece);
    if (evicted)
        evict_all(m);
    switch ((enum released_by)argument) {
    case BY_DOMAIN_FLUSH:
        softiommu_flush_domain(m->iommu, DID);
        break;
    case BY_RANGE_FLUSH:
        softiommu_flush_range(m->iommu, DID, IOVA >> 12, 0);
        break;
    case BY_ATTACH:
        attach_blocking(m, 0);
        break;
    case BY_DETACH:
        detach(m, 0);
        break;
    case BY_DELETE:
        softiommu_delete_domain(m->iommu, &t);
        break;
    }
    *at(m, OLD) = 0; /* the guest uses the page for something else */
    softiommu_request_complete(m->iommu, request);
    late = *at(m, OLD) != 0;
    free(request);
    return late;
}

bool story_in_flight(struct machine *m, unsigned argument)
{
    return held(m, argument, false);
}

bool story_in_flight_evicted(struct machine *m, unsigned argument)
{
    return held(m, argument, true);
}

bool story_two_in_flight(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    const unsigned device[2] = {0, argument};
    struct softiommu_piece piece[2];
    struct softiommu_request *request[2];
    bool late;

    attach(m, 0, &t);
    if (argument != 0)
        attach(m, argument, &t);
    for (unsigned i = 0; i < 2; i++)
        request[i] = in_flight(m, device[i], &piece[i]);
    softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = 0;
    for (unsigned i = 0; i < 2; i++)
        softiommu_request_complete(m->iommu, request[i]);
    late = *at(m, OLD) != 0;
    free(request[0]);
    free(request[1]);
    return late;
}

bool story_overtaken(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_piece piece[2];
    struct softiommu_request *request[2];
    bool late;

    attach(m, 0, &t);
    for (unsigned i = 0; i < 2; i++)
        request[i] = in_flight(m, 0, &piece[i]);
    softiommu_request_complete(m->iommu, request[1]);
    if (argument == BY_ATTACH)
        attach_blocking(m, 0);
    else
        softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = 0;
    softiommu_request_complete(m->iommu, request[0]);
    late = *at(m, OLD) != 0;
    free(request[0]);
    free(request[1]);
    return late;
}

bool story_others_begin(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_piece piece[4];
    struct softiommu_request *request[4];
    bool late;

    attach(m, 0, &t);
    attach(m, 1, &t);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 3)
            softiommu_request_complete(m->iommu, request[argument == 2 ? 0 : 2]);
        request[i] = in_flight(m, argument == 1 ? i % 2 : 0, &piece[i]);
    }
    softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = 0;
    for (unsigned i = 0; i < 4; i++)
        softiommu_request_complete(m->iommu, request[i]);
    late = *at(m, OLD) != 0;
    for (unsigned i = 0; i < 4; i++)
        free(request[i]);
    return late;
}

bool story_others_between(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_piece piece[2];
    struct softiommu_request *request;
    bool late;

    attach(m, 0, &t);
    request = in_flight(m, 0, &piece[0]);
    for (unsigned i = 0; i < argument; i++) {
        struct softiommu_request *other = in_flight(m, 0, &piece[1]);

        softiommu_request_complete(m->iommu, other);
        free(other);
    }
    softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = 0;
    softiommu_request_complete(m->iommu, request);
    late = *at(m, OLD) != 0;
    free(request);
    return late;
}

bool story_in_flight_read(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_piece piece;
    uint64_t seen = 0;
    struct softiommu_request request = {.iova = IOVA,
                                        .length = 8,
                                        .access = READ,
                                        .buffer = &seen,
                                        .piece = &piece,
                                        .piece_capacity = 1};

    (void)argument;
    attach(m, 0, &t);
    assert_true(softiommu_request_begin(m->iommu, 0, &request));
    softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = UINT64_C(0x5EC2E7); /* of the page's next owner */
    softiommu_request_complete(m->iommu, &request);
    return seen == UINT64_C(0x5EC2E7);
}

bool story_in_flight_identity(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = {.kind = SOFTIOMMU_IDENTITY, .did = DID};
    struct softiommu_piece piece;
    uint64_t byte = UINT64_MAX;
    struct softiommu_request request = {.iova = OLD,
                                        .length = 8,
                                        .access = WRITE,
                                        .buffer = &byte,
                                        .piece = &piece,
                                        .piece_capacity = 1};

    (void)argument;
    attach(m, 0, &t);
    assert_true(softiommu_request_begin(m->iommu, 0, &request));
    attach_blocking(m, 0);
    *at(m, OLD) = 0;
    softiommu_request_complete(m->iommu, &request);
    return *at(m, OLD) != 0;
}

static void note_identity(struct machine *m, unsigned device)
{
    if (target(m, device, OLD + 0x3000, READ) != REFUSED)
        m->watch[0]++;
}

bool story_passes_through(struct machine *m, unsigned argument)
{
    struct softiommu_translation from = domain_new(m, 4, DID), to = domain_new(m, 4, DID + 2);

    (void)argument;
    attach(m, 0, &from);
    m->on_switch_step = note_identity;
    attach(m, 0, &to);
    return m->watch[0] != 0;
}

bool story_unblocks_first(struct machine *m, unsigned argument)
{
    struct softiommu_translation to = domain_new(m, 4, DID + 2);

    (void)argument;
    attach_blocking(m, 0);
    m->on_switch_step = note_identity;
    attach(m, 0, &to);
    return m->watch[0] != 0;
}

static void note_blocked(struct machine *m, unsigned device)
{
    uint64_t seen = target(m, device, IOVA, READ);

    assert_true(m->watched < ARRAY_SIZE(m->watch));
    m->watch[m->watched++] = seen;
}

bool story_blocks(struct machine *m, unsigned argument)
{
    struct softiommu_translation from = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_translation to = domain_mapping(m, 4, DID + 2, IOVA, NEW);
    bool wrong = false;

    (void)argument;
    attach(m, 0, &from);
    m->on_switch_step = note_blocked;
    attach(m, 0, &to);
    assert_true(m->watched >= 2);
    assert_int_equal(m->watch[0], OLD);
    assert_int_equal(m->watch[m->watched - 1], NEW);
    for (unsigned i = 0; i < m->watched; i++)
        wrong = wrong || (m->watch[i] != OLD && m->watch[i] != NEW);
    return wrong;
}

/* One page old, another new. The flush makes the second one go through the tables, from the top. */
static void note_mix(struct machine *m, unsigned device)
{
    bool first_old = target(m, device, IOVA, READ) == OLD;
    bool second_old;

    softiommu_flush_range(m->iommu, DID, OTHER >> 12, 0);
    second_old = target(m, device, OTHER, READ) == OLD;
    if (first_old != second_old)
        m->watch[0]++;
}

bool story_two_steps(struct machine *m, unsigned argument)
{
    struct softiommu_translation from = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_translation to = domain_mapping(m, 4, DID + 2, IOVA, NEW);

    (void)argument;
    map(m, &from, OTHER, OLD, RW);
    map(m, &to, OTHER, NEW, RW);
    attach(m, 0, &from);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    m->on_switch_step = note_mix;
    attach(m, 0, &to);
    return m->watch[0] != 0;
}

bool story_keeps_tag(struct machine *m, unsigned argument)
{
    struct softiommu_translation from = domain_mapping(m, 4, DID, IOVA, OLD);
    struct softiommu_translation to = domain_mapping(m, 4, DID + 2, IOVA, NEW);

    (void)argument;
    attach(m, 0, &from);
    assert_int_equal(target(m, 0, IOVA, READ), OLD);
    attach(m, 0, &to);
    return target(m, 0, IOVA, READ) != NEW;
}

bool story_kept_root(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);

    (void)argument;
    attach(m, 0, &t);
    attach_blocking(m, 0);
    softiommu_delete_domain(m->iommu, &t);
    t = domain_new(m, 4, DID);
    map(m, &t, IOVA, NEW, RW);
    attach(m, 0, &t);
    return target(m, 0, IOVA, READ) != NEW;
}

bool story_delete_reads(struct machine *m, unsigned argument)
{
    struct softiommu_translation t = domain_mapping(m, 4, DID, IOVA, OLD);
    bool changed;

    (void)argument;
    attach(m, 0, &t);
    attach_blocking(m, 0);
    memset(at(m, t.root), 0x11, PAGE_SIZE); /* the memory is data again */
    softiommu_delete_domain(m->iommu, &t);
    changed = *at(m, t.root) != UINT64_C(0x1111111111111111);
    return changed;
}

bool story_tag_shared(struct machine *m, unsigned distance)
{
    struct softiommu_translation a = domain_mapping(m, 4, DID, IOVA, OLD),
                                 b = domain_mapping(m, 4, (uint16_t)(DID + distance), IOVA, NEW);

    attach(m, 0, &a);
    attach(m, 1, &b);
    return target(m, 0, IOVA, READ) != OLD || target(m, 1, IOVA, READ) != NEW;
}

#define LARGE UINT64_C(0x4040000000) /* aligned for every size; OLD is at the same place of RAM */

static struct softiommu_translation large(struct machine *m, unsigned level)
{
    struct softiommu_translation t = domain_new(m, 4, DID);

    *entry_of(m, &t, LARGE, level) = RAM | RW | PS;
    attach(m, 0, &t);
    return t;
}

bool story_large_in_flight(struct machine *m, unsigned argument)
{
    struct softiommu_piece piece;
    uint64_t bytes = UINT64_MAX;
    struct softiommu_request request = {.iova = LARGE + (OLD - RAM),
                                        .length = 8,
                                        .access = WRITE,
                                        .buffer = &bytes,
                                        .piece = &piece,
                                        .piece_capacity = 1};

    large(m, argument >> 4);
    assert_true(softiommu_request_begin(m->iommu, 0, &request));
    softiommu_flush_domain(m->iommu, DID);
    *at(m, OLD) = 0;
    softiommu_request_complete(m->iommu, &request);
    return *at(m, OLD) != 0;
}

static void use_large(struct machine *m, unsigned device)
{
    (void)target(m, device, LARGE + (OLD - RAM), READ);
}

bool story_large_during_attach(struct machine *m, unsigned argument)
{
    struct softiommu_translation to = domain_mapping(m, 4, DID + 2, LARGE + (OLD - RAM), NEW);

    softiommu_set_ats(m->iommu, 0, argument >> 8 != 0);
    large(m, argument >> 4 & 15u);
    m->on_switch_step = use_large;
    attach(m, 0, &to);
    m->on_switch_step = NULL;
    return target(m, 0, LARGE + (OLD - RAM), READ) != NEW;
}
