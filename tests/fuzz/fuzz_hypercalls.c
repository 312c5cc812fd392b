/* SPDX-License-Identifier: MIT */
/*
 * A guest that makes any calls: the input is a list of them, each with its control word, where its
 * parameters are, and bytes for the page of the input. Domains, devices, the flush decoder, and the
 * hints at mistakes of a driver are the host's; the backend only writes down what it is told.
 */
#include <string.h>

#include "abi/hypercall.h"
#include "host/hints/hints.h"
#include "host/iommu/soft_backend.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/unit/host_calls.h"
#include "tests/unit/host_fixture.h"

#define CALLS_MAX 64u
#define CODES     10u

struct soft_options soft_options;

/* No device is behind a software IOMMU. */
void soft_lock(void)
{
}

void soft_unlock(void)
{
}

struct softiommu *soft_iommu(void)
{
    return NULL;
}

uint64_t soft_device_id(unsigned device)
{
    return device;
}

static const uint16_t codes[CODES] = {
    HVCALL_CREATE_DEVICE_DOMAIN,        HVCALL_CONFIGURE_DEVICE_DOMAIN,
    HVCALL_ATTACH_DEVICE_DOMAIN,        HVCALL_DETACH_DEVICE_DOMAIN,
    HVCALL_DELETE_DEVICE_DOMAIN,        HVCALL_FLUSH_DEVICE_DOMAIN,
    HVCALL_FLUSH_DEVICE_DOMAIN_LIST,    HVCALL_GET_IOMMU_CAPABILITIES,
    HVCALL_GET_LOGICAL_DEVICE_PROPERTY, HVCALL_GET_PARTITION_ID,
};

/* Half of the control words have the code of a call alone, or with a count of elements. */
static uint64_t control(struct input *in)
{
    uint64_t choice = take(in, 1), code = codes[choice % CODES];

    if (choice & 0x80)
        return take(in, 8);
    return choice & 0x40 ? code | take(in, 2) << 32 | take(in, 1) << 48 : code;
}

/* The page of the input or output, a place near its end or near the hole, or any number. */
static uint64_t place(struct input *in, uint64_t page)
{
    uint64_t choice = take(in, 1);

    switch (choice % 4) {
    case 0:
    case 1:
        return page;
    case 2:
        return (choice & 0x80 ? GUEST_HOLE : page + HV_PAGE_SIZE) - 8 * take(in, 1);
    default:
        return take(in, 8);
    }
}

/* Any bytes of the guest's memory: tables, as far as the host walks them. */
static void scribble(struct input *in)
{
    size_t at = take(in, 2) % GUEST_RAM_SIZE, count = take(in, 1) % 16;

    for (size_t i = 0; i < count && at + i < GUEST_RAM_SIZE; i++)
        guest_memory[at + i] = (uint8_t)take(in, 1);
}

/* The right names at their places, then bytes by chance over some of them. */
static void parameters(struct input *in)
{
    uint8_t *page = host_calls_input();
    size_t at = take(in, 1) * 8, count = take(in, 1);

    host_calls_name((struct hv_input_device_domain *)(void *)page, (uint32_t)take(in, 1) % 4);
    page[sizeof(struct hv_input_device_domain)] = (uint8_t)FIXTURE_BDF(take(in, 1) % 4);
    for (size_t i = 0; i < count && at + i < HV_PAGE_SIZE; i++)
        page[at + i] = (uint8_t)take(in, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    hints_install();
    fixture_reset(NULL);
    for (unsigned i = 0; in.size != 0 && i < CALLS_MAX; i++) {
        uint64_t word = control(&in), rdx = place(&in, HOST_CALLS_INPUT),
                 r8 = place(&in, HOST_CALLS_OUTPUT);

        fixture.ranges = 0; /* it has room for those of one call */
        parameters(&in);
        if (take(&in, 1) % 4 == 0)
            scribble(&in);
        (void)host_call(word, rdx, r8);
    }
    fixture_free(NULL);
    return 0;
}
