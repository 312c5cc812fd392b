/* SPDX-License-Identifier: MIT */
/* Ids, types and bits on which the ABI is silent: the host is free in its answer, but a refusal has
 * no effect. */
#define TEST_GROUP "lifecycle"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define BASE_IOVA 0x6000000ull
#define NEVER_ID  UINT32_C(0x00345678)

static enum hv_status send_create(const struct hv_input_create_device_domain *input)
{
    return hypercall_simple(HVCALL_CREATE_DEVICE_DOMAIN, input, sizeof(*input), NULL, 0);
}

static enum hv_status send_delete(const struct hv_input_device_domain *name)
{
    struct hv_input_delete_device_domain input = {.device_domain = *name};

    return hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &input, sizeof(input), NULL, 0);
}

static struct hv_input_create_device_domain good_create(uint32_t id)
{
    struct hv_input_create_device_domain create = {
        .flags = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED};

    pviommu_fill_domain(&create.device_domain, id);
    return create;
}

/*
 * Sends a CREATE with something odd in it. Refused: a good CREATE of that id must succeed, so
 * nothing was left. Accepted: it is a domain under the odd name or under the plain one, and is
 * deleted.
 */
static enum hv_status odd_create(struct test_run *t,
                                 const struct hv_input_create_device_domain *odd, const char *what)
{
    uint32_t id = odd->device_domain.domain_id.id;
    enum hv_status status = send_create(odd);

    STEP("CREATE id 0x%llx, type word 0x%llx, flags 0x%llx, VTL 0x%llx: %s", id,
         odd->device_domain.domain_id.type, odd->flags, odd->device_domain.owner_vtl.value,
         hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        if (send_delete(&odd->device_domain) != HV_STATUS_SUCCESS)
            CHECK_SUCCESS(pviommu_delete(id), "DELETE of a domain that an odd CREATE made");
        return status;
    }
    CHECK(pviommu_create(id) == HV_STATUS_SUCCESS,
          "a CREATE refused for %s left something: a good CREATE fails now", what);
    CHECK_SUCCESS(pviommu_delete(id), "DELETE of a domain just created");
    return status;
}

OBSERVATION(reserved_ids,
            PROMISE("Ids 0 and 0xFFFFFFFF: the statuses of all calls, and that other domains and "
                    "devices stay as they are")
            COVERS("DOM-4") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Makes all calls on the ids 0 and 0xFFFFFFFF.")
            EXPECTS("The statuses are open and recorded; a canary is unchanged.")
            IF_IT_FAILS("A reserved id names something real in the host, and the guest changed "
                        "it."))
{
    static const uint32_t ids[] = {HV_DEVICE_DOMAIN_ID_DEFAULT, HV_DEVICE_DOMAIN_ID_NULL};
    struct canary by = canary(t);

    for (unsigned i = 0; i < 2; i++) {
        enum hv_status created = pviommu_create(ids[i]);
        struct tally others = {0};

        tally_add(&others, pviommu_configure(ids[i], HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0));
        tally_add(&others, pviommu_flush(ids[i]));
        tally_add(&others, pviommu_delete(ids[i]));
        observe_status(t, ids[i] ? "CREATE of 0xFFFFFFFF" : "CREATE of 0", created);
        observe_tally(t, "CONFIGURE, FLUSH, DELETE", &others);
        expect_undisturbed(t, &by, "calls on a reserved domain id");
    }
}

OBSERVATION(other_types,
            PROMISE("Domain types other than stage 1: the statuses, and that a refused one leaves "
                    "no domain")
            COVERS("DOM-5 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Creates a domain with each of the fifteen types other than stage 1.")
            EXPECTS("Accepted or refused, which is recorded; a refused one leaves nothing, so that "
                    "a good CREATE of that id succeeds.")
            IF_IT_FAILS("A refused CREATE has made the domain all the same."))
{
    struct canary by = canary(t);
    uint32_t id = fresh_domain_id(t);
    struct tally tally = {0};

    for (uint32_t type = 0; type <= HV_DEVICE_DOMAIN_TYPE_MASK; type++) {
        struct hv_input_create_device_domain odd = good_create(id);

        odd.device_domain.domain_id.type = type;
        if (type != HV_DEVICE_DOMAIN_TYPE_S1)
            tally_add(&tally, odd_create(t, &odd, "its domain type"));
    }
    observe_tally(t, "types 0 and 2 to 15", &tally);
    expect_undisturbed(t, &by, "CREATE with other domain types");
}

OBSERVATION(reserved_bits,
            PROMISE("Each reserved bit of the type word, of the flags and of the owner VTL: "
                    "refused without a trace, or ignored")
            COVERS("DOM-6 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Creates a domain with each reserved bit of the type word, of the flags and of "
                  "the owner VTL set.")
            EXPECTS("The bit is ignored, or the call is refused and leaves nothing; this is "
                    "recorded.")
            IF_IT_FAILS("A refused CREATE has made the domain, or one that was accepted cannot be "
                        "deleted."))
{
    struct canary by = canary(t);
    struct tally type = {0}, flags = {0}, vtl = {0};
    uint32_t id = fresh_domain_id(t);

    for (unsigned bit = 0; bit < 32; bit++) {
        struct hv_input_create_device_domain odd = good_create(id);

        if (HV_DEVICE_DOMAIN_TYPE_RESERVED >> bit & 1) {
            odd.device_domain.domain_id.type |= 1u << bit;
            tally_add(&type, odd_create(t, &odd, "a reserved bit of its type word"));
        }
        odd = good_create(id);
        if (HV_CREATE_DEVICE_DOMAIN_RESERVED >> bit & 1) {
            odd.flags |= 1u << bit;
            tally_add(&flags, odd_create(t, &odd, "a reserved flag"));
        }
        odd = good_create(id);
        if (bit < 8 && (HV_INPUT_VTL_RESERVED >> bit & 1)) {
            odd.device_domain.owner_vtl.value = (uint8_t)(1u << bit);
            tally_add(&vtl, odd_create(t, &odd, "a reserved bit of its owner VTL"));
        }
    }
    observe_tally(t, "type word", &type);
    observe_tally(t, "flags", &flags);
    observe_tally(t, "owner VTL", &vtl);
    expect_undisturbed(t, &by, "CREATE with reserved bits");
}

OBSERVATION(delete_unknown,
            PROMISE("DELETE of ids that have no domain, some of them beside ids that do: the "
                    "statuses, and no effect")
            COVERS("DOM-8") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Deletes an id that never was, and those that differ from a canary's in one bit.")
            EXPECTS("The statuses are open and recorded; the canary is unchanged and can be "
                    "flushed.")
            IF_IT_FAILS("DELETE finds a domain by a part of its id."))
{
    struct canary by = canary(t);
    struct tally tally = {0};

    tally_add(&tally, pviommu_delete(NEVER_ID));
    for (unsigned bit = 5; bit < 32; bit++)
        tally_add(&tally, pviommu_delete(by.domain->id ^ 1u << bit));
    observe_tally(t, "DELETE of unknown ids", &tally);
    expect_undisturbed(t, &by, "DELETE of ids without a domain");
    flush(t, by.domain);
}

/* All calls that name a domain, on an id that has none. */
static void call_all(struct test_run *t, uint32_t id, uint64_t device_id, uint64_t root,
                     struct tally *tally)
{
    uint64_t element = hv_iommu_range(BASE_IOVA >> HV_PAGE_SHIFT, 0);
    struct {
        const char *name;
        enum hv_status status;
    } calls[] = {
        {"CONFIGURE as identity", pviommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0)},
        {"CONFIGURE as paging",
         pviommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root)},
        {"ATTACH", pviommu_attach(id, device_id)},
        {"FLUSH", pviommu_flush(id)},
        {"FLUSH_LIST", pviommu_flush_list(id, &element, 1, NULL)},
        {"DELETE", pviommu_delete(id)},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
        STEP("%s of unknown domain 0x%llx: %s", calls[i].name, id, hv_status_name(calls[i].status));
        tally_add(tally, calls[i].status);
    }
}

OBSERVATION(calls_on_unknown_domain,
            PROMISE("Every call on a domain that never was or that is deleted: the statuses, and "
                    "no effect on the device")
            COVERS("DOM-9") ABI() DEVICES(ALL) KINDS("dma bad-input")
            STEPS("Makes all calls that name a domain on an id that never was, and on one that is "
                  "deleted; the device writes after each round.")
            EXPECTS("The statuses are open and recorded; the device keeps its domain and mapping "
                    "and never passes through.")
            IF_IT_FAILS("A call on a domain that is not there still finds a part of it, for "
                        "example its tables."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), other = buffer(t, 1);
    struct domain *d = domain_mapping(t, BASE_IOVA, &b),
                  *gone = domain_mapping(t, BASE_IOVA, &other);
    struct tally never = {0}, deleted = {0};
    uint32_t gone_id = gone->id;

    attach(t, d, e);
    warm(t, e, BASE_IOVA, &b, "DMA before the calls");
    track_domain_id(t, NEVER_ID);
    call_all(t, NEVER_ID, e->device_id, stage1_root_gpa(&gone->table), &never);
    expect_write(t, e, BASE_IOVA + 40, &b, 40, 40, "DMA after calls on a domain that never was");
    delete_domain(t, gone);
    call_all(t, gone_id, e->device_id, stage1_root_gpa(&d->table), &deleted);
    expect_write(t, e, BASE_IOVA + 80, &b, 80, 40, "DMA after calls on a deleted domain");
    expect_untouched(t, &other, "target of the domain that was deleted");
    CHECK(!may_write(t, e, gpa_of(b.data), &b, 0, 16, "DMA by GPA after calls on unknown domains"),
          "calls on unknown domains made the device pass through");
    observe_tally(t, "never created", &never);
    observe_tally(t, "deleted", &deleted);
}
