/* SPDX-License-Identifier: MIT */
/*
 * One field of a right call is wrong, bit by bit or value by value. Each test has an id of its own
 * for each call that has the field: malformed.create_reserved_bits, malformed.attach_reserved_bits,
 * ...
 */
#define TEST_GROUP "malformed"
#include "abi/device_id.h"
#include "lib/bits.h"
#include "tests/harness/calls/mutated_call.h"

static void change_field(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                         const struct call_field *field, const char *how, uint64_t number,
                         uint64_t flip)
{
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, m->call, body);
    body[field->word] ^= flip;
    m->what = field->name;
    m->how = how;
    m->number = number;
    mutated_call_send_body(t, f, m, body);
}

/* Each bit of each field of that kind, and then all bits of the field. */
static void flip_bits(struct test_run *t, struct call_fixture *f, enum call_id call,
                      enum field_kind kind, enum rule rule)
{
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(f, call, body);
    const struct call_field *field;

    m.rule = rule;
    for (unsigned n = 0; (field = call_field(call, n)); n++) {
        for (unsigned bit = 0; bit < 64 && field->kind == kind; bit++)
            if (field->mask >> bit & 1)
                change_field(t, f, &m, field, "bit", bit, UINT64_C(1) << bit);
        if (field->kind == kind)
            change_field(t, f, &m, field, "bits", field->mask, field->mask);
    }
}

/* Lowest bit of a field. */
static unsigned shift_of(const struct call_field *field)
{
    return (unsigned)__builtin_ctzll(field->mask);
}

/* The field gets a value in place of its own. */
static void set_value(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                      const struct call_field *field, uint64_t value)
{
    uint64_t body[CALL_WORDS_MAX];

    call_body(f, m->call, body);
    change_field(t, f, m, field, "value", value,
                 (body[field->word] & field->mask) ^ (value << shift_of(field) & field->mask));
}

static const struct call_field *field_of_kind(enum call_id call, enum field_kind kind)
{
    const struct call_field *field;
    unsigned n = 0;

    while ((field = call_field(call, n)) && field->kind != kind)
        n++;
    return field;
}

static void reserved_bits(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);

    flip_bits(t, &f, call, FIELD_RESERVED, RULE_REFUSE_OR_IGNORE);
    flip_bits(t, &f, call, FIELD_OPEN, RULE_OPEN);
    mutated_call_end(t, &f, call, "reserved bits");
}

#define WITH_RESERVED_BITS(ROW, test)                                                              \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("DOM-6 GEN-10"))                    \
    ROW(test, attach, CALL_ATTACH,                                                                 \
        WORD(call, "ATTACH") COVERS("DOM-6 GEN-10 ATT-1") KINDS("device"))                         \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DOM-6 GEN-10"))                    \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("CFG-5 DOM-6 GEN-10"))     \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("DOM-6 GEN-10 FL-1"))                  \
    ROW(test, flush_list, CALL_FLUSH_LIST,                                                         \
        WORD(call, "FLUSH_LIST") COVERS("LS-6 LS-7 DOM-6 GEN-10"))                                 \
    ROW(test, capabilities, CALL_CAPABILITIES,                                                     \
        WORD(call, "GET_CAPABILITIES") COVERS("CAP-7 GEN-10"))                                     \
    ROW(test, property, CALL_PROPERTY,                                                             \
        WORD(call, "GET_PROPERTY") COVERS("PROP-1 GEN-10") KINDS("device"))

VARIANTS(const enum call_id, with_reserved_bits, WITH_RESERVED_BITS);

EACH_TEST(WITH_RESERVED_BITS, reserved_bits,
          PROMISE("{call} with a reserved bit set is refused without effect, or carried out as if "
                  "it were clear")
          ABI() DEVICES(NONE) KINDS("dma bad-input") LEVEL(observe)
          STEPS("Each bit of each reserved field is set in an otherwise right {call}, one at a "
                "time, then all of a field. Bits whose meaning is not public are set as well.")
          EXPECTS("An error, and nothing has changed; or SUCCESS, and the call did just what it "
                  "does without the bit.")
          IF_IT_FAILS("The host acts before it has checked the whole list, or ends half way and "
                      "reports success."))
{
    reserved_bits(t, VARIANT(with_reserved_bits));
}

static void padding(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);

    flip_bits(t, &f, call, FIELD_PADDING, RULE_ACCEPT);
    mutated_call_end(t, &f, call, "padding");
}

#define WITH_PADDING(ROW, test)                                                                    \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE"))                                           \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") KINDS("device"))                           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE"))                                           \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE"))                                  \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH"))                                              \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST"))

VARIANTS(const enum call_id, with_padding, WITH_PADDING);

EACH_TEST(WITH_PADDING, padding,
          PROMISE("{call} is carried out whatever its padding holds")
          COVERS("GEN-17") ABI() DEVICES(NONE) KINDS("dma")
          STEPS("Each bit of the padding is set in an otherwise right {call}, one at a time, then "
                "all of them.")
          EXPECTS("SUCCESS each time, and the call did what it does without the bit.")
          IF_IT_FAILS("The host takes padding for a reserved field, or for a part of the field "
                      "before it. A guest that knows an older, shorter structure leaves there what "
                      "was in the page."))
{
    padding(t, VARIANT(with_padding));
}

/* Another partition may be asked for its capabilities and properties, and is not there. */
static enum rule rule_of_partition(enum call_id call)
{
    return call == CALL_CAPABILITIES || call == CALL_PROPERTY ? RULE_OPEN : RULE_REFUSE;
}

static void foreign_partition(struct test_run *t, enum call_id call)
{
    static const uint64_t others[] = {0,    1,      2,         3,          4,
                                      0xFF, 0xFFFF, INT32_MAX, UINT32_MAX, INT64_MAX};
    struct call_fixture f = mutated_call_fixture(t, call);
    const struct call_field *field = field_of_kind(call, FIELD_PARTITION);
    uint64_t body[CALL_WORDS_MAX], own = own_partition_id();
    struct mutated_call m = mutated_call_begin(&f, call, body);

    m.rule = rule_of_partition(call);
    for (unsigned bit = 0; bit < 64; bit++)
        change_field(t, &f, &m, field, "SELF but for bit", bit, UINT64_C(1) << bit);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i] != own)
            set_value(t, &f, &m, field, others[i]);
    mutated_call_end(t, &f, call, "a foreign partition");
}

#define WITH_PARTITION(ROW, test)                                                                  \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("ISO-3 GEN-10"))                    \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("ISO-3 GEN-10") KINDS("device"))    \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") COVERS("ISO-3 GEN-10") KINDS("device"))    \
    ROW(test, detach_fast, CALL_DETACH_FAST,                                                       \
        WORD(call, "DETACH in registers") COVERS("ISO-3 GEN-10 GEN-15") KINDS("device"))           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("ISO-3 GEN-10"))                    \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("ISO-3 GEN-10"))           \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("ISO-3 GEN-10"))                       \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("ISO-3 GEN-10"))        \
    ROW(test, capabilities, CALL_CAPABILITIES,                                                     \
        WORD(call, "GET_CAPABILITIES") COVERS("CAP-6 GEN-10"))                                     \
    ROW(test, property, CALL_PROPERTY,                                                             \
        WORD(call, "GET_PROPERTY") COVERS("ISO-3 GEN-10") KINDS("device"))

VARIANTS(const enum call_id, with_partition, WITH_PARTITION);

EACH_TEST(WITH_PARTITION, foreign_partition,
          PROMISE("{call} for a partition that is not the caller's has no effect")
          ABI() DEVICES(NONE) KINDS("dma bad-input")
          STEPS("A right {call} names, instead of SELF, each number that differs from SELF in one "
                "bit, and small and large numbers of partitions.")
          EXPECTS("An error each time, and nothing has changed.")
          IF_IT_FAILS("The host compares a part of the partition id, or none of it: a guest could "
                      "act for another one."))
{
    foreign_partition(t, VARIANT(with_partition));
}

static void other_names(struct test_run *t, enum call_id call)
{
    /* Another type, or another VTL, names another domain: one that was never created. */
    enum rule rule = call == CALL_CREATE ? RULE_OPEN : RULE_NO_EFFECT;
    struct call_fixture f = mutated_call_fixture(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);
    const struct call_field *field = field_of_kind(call, FIELD_TYPE);

    m.rule = rule;
    for (unsigned type = 0; type <= HV_DEVICE_DOMAIN_TYPE_MASK; type++)
        if (type != HV_DEVICE_DOMAIN_TYPE_S1)
            set_value(t, &f, &m, field, type);
    field = field_of_kind(call, FIELD_VTL);
    for (unsigned vtl = 1; vtl <= field->mask; vtl++) {
        bool another = vtl > HV_INPUT_VTL_USE_TARGET;

        m.rule =
            another ? rule
                    : RULE_REFUSE_OR_IGNORE; /* without the bit the number of a VTL means nothing */
        set_value(t, &f, &m, field, vtl);
    }
    mutated_call_end(t, &f, call, "another type or VTL");
}

#define WITH_DOMAIN_NAME(ROW, test)                                                                \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("DOM-5 DOM-6 GEN-10"))              \
    ROW(test, attach, CALL_ATTACH,                                                                 \
        WORD(call, "ATTACH") COVERS("DOM-5 DOM-9 GEN-10") KINDS("device"))                         \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DOM-5 DOM-9 GEN-10"))              \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("DOM-5 DOM-9 GEN-10"))     \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("DOM-5 DOM-9 GEN-10"))                 \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("DOM-5 DOM-9 GEN-10"))

VARIANTS(const enum call_id, with_domain_name, WITH_DOMAIN_NAME);

EACH_TEST(WITH_DOMAIN_NAME, types_and_vtls,
          PROMISE("{call} with another domain type or for another VTL leaves the stage-1 domain of "
                  "that id alone")
          ABI() DEVICES(NONE) KINDS("dma bad-input") LEVEL(observe)
          STEPS("A right {call} is sent with each of the fifteen other domain types, and with each "
                "value of the owner VTL.")
          EXPECTS("Whatever the status: the stage-1 domain with that number, which the call does "
                  "not name, is as it was.")
          IF_IT_FAILS("The host leaves the type or the VTL out when it looks a domain up, so that "
                      "two names lead to one domain."))
{
    other_names(t, VARIANT(with_domain_name));
}

/* Beside the number of a domain by one bit; never one of the two that a host may give a meaning. */
static void unknown_domains(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);
    const struct call_field *field = field_of_kind(call, FIELD_DOMAIN);

    m.rule = RULE_NO_EFFECT;
    for (unsigned bit = 5; bit < 32; bit++) { /* below it are the ids of this test */
        change_field(t, &f, &m, field, "its own but for bit", bit,
                     UINT64_C(1) << (bit + shift_of(field)));
    }
    mutated_call_end(t, &f, call, "unknown domain ids");
}

#define WITH_DOMAIN(ROW, test)                                                                     \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("DOM-9 ATT-8") KINDS("device"))     \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DOM-8 DOM-9"))                     \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("DOM-9"))                  \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("DOM-9 FL-8"))                         \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("DOM-9 FL-8"))

VARIANTS(const enum call_id, with_domain, WITH_DOMAIN);

EACH_TEST(WITH_DOMAIN, unknown_domains,
          PROMISE("{call} with the id of no domain leaves the domain alone whose id differs in one "
                  "bit")
          ABI() DEVICES(NONE) KINDS("dma bad-input") LEVEL(observe)
          STEPS("A right {call} names ids that differ from that of a domain in one bit, and that "
                "no domain has.")
          EXPECTS("Whatever the status: the domain beside that id is as it was.")
          IF_IT_FAILS("The host compares a part of the id, or takes it modulo the size of a "
                      "table."))
{
    unknown_domains(t, VARIANT(with_domain));
}

/* The host reports this id as managed: it is a device that no bus shows, or another name of the
 * device of the calls, which is in HOME. It is released again. */
static void expect_device_of_its_own(struct test_run *t, struct call_fixture *f, uint64_t device_id)
{
    enum hv_status status = pviommu_attach(f->place[PLACE_ELSEWHERE].domain->id, device_id);

    STEP("ATTACH of device 0x%llx, which no bus shows: %s", device_id, hv_status_name(status));
    CHECK_SUCCESS(status, "ATTACH of a device that is reported as managed");
    CHECK(call_landing(t, f, PLACE_HOME) == LANDED_TARGET,
          "ATTACH of device 0x%llx moved device 0x%llx", (unsigned long long)device_id,
          (unsigned long long)f->engine->device_id);
    CHECK_SUCCESS(pviommu_detach(device_id), "DETACH of an attached device");
    CHECK(call_landing(t, f, PLACE_HOME) == LANDED_TARGET,
          "DETACH of device 0x%llx moved device 0x%llx", (unsigned long long)device_id,
          (unsigned long long)f->engine->device_id);
}

static void unknown_devices(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);
    const struct call_field *field = field_of_kind(call, FIELD_DEVICE);

    m.rule = RULE_NO_EFFECT;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t id = f.engine->device_id ^ UINT64_C(1) << bit;

        if (hv_device_id_type(id) == HV_DEVICE_ID_LOGICAL && device_is_reported(id)) {
            if (!device_exists(id))
                expect_device_of_its_own(t, &f, id);
        } else if (!device_exists(id)) {
            change_field(t, &f, &m, field, "its own but for bit", bit, UINT64_C(1) << bit);
        }
    }
    change_field(t, &f, &m, field, "complement of", f.engine->device_id, field->mask);
    mutated_call_end(t, &f, call, "unknown device ids");
}

#define WITH_DEVICE(ROW, test)                                                                     \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("ATT-8 GEN-10"))                    \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") COVERS("ATT-8 GEN-10"))                    \
    ROW(test, detach_fast, CALL_DETACH_FAST,                                                       \
        WORD(call, "DETACH in registers") COVERS("ATT-8 GEN-10 GEN-15"))                           \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") COVERS("PROP-2 PROP-3 PROP-5"))

VARIANTS(const enum call_id, with_device, WITH_DEVICE);

EACH_TEST(WITH_DEVICE, unknown_devices,
          PROMISE("{call} with the id of no device leaves the device alone whose id differs in one "
                  "bit")
          ABI() DEVICES(NONE) KINDS("dma bad-input device") LEVEL(observe)
          STEPS("A right {call} names ids that differ from that of a device in one bit, the type "
                "bits 62 and 63 among them, and that no device has. An id that the host reports as "
                "managed is attached and detached.")
          EXPECTS("Whatever the status: the device beside that id is where it was, and is not "
                  "reported under that id. An id that is reported as managed is that of another "
                  "device, which no bus shows.")
          IF_IT_FAILS("The host compares a part of the device id, or masks the type away."))
{
    unknown_devices(t, VARIANT(with_device));
}
