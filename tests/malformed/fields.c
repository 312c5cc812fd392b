/* SPDX-License-Identifier: MIT */
/*
 * One field of a right call is wrong, bit by bit or value by value. Each test has an id of its own for each call that
 * has the field: malformed.create_reserved_bits, malformed.attach_reserved_bits, ...
 */
#define TEST_GROUP "malformed"
#include "tests/harness/calls/malformed.h"

#define KINDS "dma,bad-input"

static void damage_field(struct test_run *t, struct world *w, struct damage *d, const struct call_field *f,
                         const char *how, uint64_t number, uint64_t flip)
{
    uint64_t body[CALL_WORDS_MAX];

    world_body(w, d->call, body);
    body[f->word] ^= flip;
    d->what = f->name;
    d->how = how;
    d->number = number;
    damage_send_body(t, w, d, body);
}

/* Each bit of each field of that kind, and then all bits of the field. */
static void flip_bits(struct test_run *t, struct world *w, enum call_id call, enum field_kind kind, enum rule rule)
{
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(w, call, body);
    const struct call_field *f;

    d.rule = rule;
    for (unsigned n = 0; (f = call_field(call, n)) != NULL; n++) {
        for (unsigned bit = 0; bit < 64 && f->kind == kind; bit++) {
            if (f->mask >> bit & 1) {
                damage_field(t, w, &d, f, "bit", bit, UINT64_C(1) << bit);
            }
        }
        if (f->kind == kind) {
            damage_field(t, w, &d, f, "bits", f->mask, f->mask);
        }
    }
}

/* Lowest bit of a field. */
static unsigned shift_of(const struct call_field *f)
{
    return (unsigned)__builtin_ctzll(f->mask);
}

/* The field gets a value in place of its own. */
static void set_value(struct test_run *t, struct world *w, struct damage *d, const struct call_field *f, uint64_t value)
{
    uint64_t body[CALL_WORDS_MAX];

    world_body(w, d->call, body);
    damage_field(t, w, d, f, "value", value, (body[f->word] & f->mask) ^ (value << shift_of(f) & f->mask));
}

static const struct call_field *field_of_kind(enum call_id call, enum field_kind kind)
{
    const struct call_field *f;
    unsigned n = 0;

    while ((f = call_field(call, n)) != NULL && f->kind != kind) {
        n++;
    }
    return f;
}

static void reserved_bits(struct test_run *t, enum call_id call)
{
    struct world w = world_open(t, call);

    flip_bits(t, &w, call, FIELD_RESERVED, RULE_REFUSE_OR_IGNORE);
    flip_bits(t, &w, call, FIELD_OPEN, RULE_OPEN);
    damage_end(t, &w, call, "reserved bits");
}

#define RESERVED_BITS(symbol, call, name, requirements)                                                                \
    STORY(symbol "_reserved_bits",                                                                                     \
          "Each bit of each reserved field and of the padding is set in an otherwise right " name                      \
          ", one at a time, then all of a field. Bits whose meaning is not public are set as well.",                   \
          "An error, and nothing has changed; or SUCCESS, and the call did just what it does without the bit.",        \
          "The host acts before it has checked the whole list, or ends half way and reports success.");                \
    OBSERVATION(reserved_##call, symbol "_reserved_bits", requirements, NO_DEVICE, KINDS,                              \
                name " with a reserved bit set is refused without effect, or carried out as if it were clear")         \
    {                                                                                                                  \
        reserved_bits(t, CALL_##call);                                                                                 \
    }

RESERVED_BITS("create", CREATE, "CREATE", "DOM-6 GEN-10")
RESERVED_BITS("attach", ATTACH, "ATTACH", "DOM-6 GEN-10 ATT-1")
RESERVED_BITS("delete", DELETE, "DELETE", "DOM-6 GEN-10")
RESERVED_BITS("configure", CONFIGURE, "CONFIGURE", "CFG-5 DOM-6 GEN-10")
RESERVED_BITS("flush", FLUSH, "FLUSH", "DOM-6 GEN-10 FL-1")
RESERVED_BITS("flush_list", FLUSH_LIST, "FLUSH_LIST", "LS-6 LS-7 DOM-6 GEN-10")
RESERVED_BITS("capabilities", CAPABILITIES, "GET_CAPABILITIES", "CAP-7 GEN-10")
RESERVED_BITS("property", PROPERTY, "GET_PROPERTY", "PROP-1 GEN-10")

static void foreign_partition(struct test_run *t, enum call_id call, enum rule rule)
{
    static const uint64_t others[] = {0, 1, 2, 3, 4, 0xFF, 0xFFFF, INT32_MAX, UINT32_MAX, INT64_MAX};
    struct world w = world_open(t, call);
    const struct call_field *f = field_of_kind(call, FIELD_PARTITION);
    uint64_t body[CALL_WORDS_MAX], own = own_partition_id();
    struct damage d = damage_begin(&w, call, body);

    d.rule = rule;
    for (unsigned bit = 0; bit < 64; bit++) {
        damage_field(t, &w, &d, f, "SELF but for bit", bit, UINT64_C(1) << bit);
    }
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] != own) {
            set_value(t, &w, &d, f, others[i]);
        }
    }
    damage_end(t, &w, call, "a foreign partition");
}

#define FOREIGN_PARTITION(symbol, call, name, requirements, rule)                                                      \
    STORY(symbol "_foreign_partition",                                                                                 \
          "A right " name " names, instead of SELF, each number that differs from SELF in one bit, and small and "     \
          "large numbers of partitions.",                                                                              \
          "An error each time, and nothing has changed.",                                                              \
          "The host compares a part of the partition id, or none of it: a guest could act for another one.");          \
    TEST(partition_##call, symbol "_foreign_partition", requirements, NO_DEVICE, KINDS,                                \
         name " for a partition that is not the caller's has no effect")                                               \
    {                                                                                                                  \
        foreign_partition(t, CALL_##call, rule);                                                                       \
    }

FOREIGN_PARTITION("create", CREATE, "CREATE", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("attach", ATTACH, "ATTACH", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("detach", DETACH, "DETACH", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("detach_fast", DETACH_FAST, "DETACH in registers", "ISO-3 GEN-10 GEN-15", RULE_REFUSE)
FOREIGN_PARTITION("delete", DELETE, "DELETE", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("configure", CONFIGURE, "CONFIGURE", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("flush", FLUSH, "FLUSH", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("flush_list", FLUSH_LIST, "FLUSH_LIST", "ISO-3 GEN-10", RULE_REFUSE)
FOREIGN_PARTITION("capabilities", CAPABILITIES, "GET_CAPABILITIES", "CAP-6 GEN-10", RULE_OPEN)
FOREIGN_PARTITION("property", PROPERTY, "GET_PROPERTY", "ISO-3 GEN-10", RULE_OPEN)

static void other_names(struct test_run *t, enum call_id call)
{
    /* Another type, or another VTL, names another domain: one that was never created. */
    enum rule rule = call == CALL_CREATE ? RULE_OPEN : RULE_NO_EFFECT;
    struct world w = world_open(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(&w, call, body);
    const struct call_field *f = field_of_kind(call, FIELD_TYPE);

    d.rule = rule;
    for (unsigned type = 0; type <= HV_DEVICE_DOMAIN_TYPE_MASK; type++) {
        if (type != HV_DEVICE_DOMAIN_TYPE_S1) {
            set_value(t, &w, &d, f, type);
        }
    }
    f = field_of_kind(call, FIELD_VTL);
    for (unsigned vtl = 1; vtl <= f->mask; vtl++) {
        bool another = vtl > HV_INPUT_VTL_USE_TARGET;

        d.rule = another ? rule : RULE_REFUSE_OR_IGNORE; /* without the bit the number of a VTL means nothing */
        set_value(t, &w, &d, f, vtl);
    }
    damage_end(t, &w, call, "another type or VTL");
}

#define OTHER_NAMES(symbol, call, name, requirements)                                                                  \
    STORY(symbol "_types_and_vtls",                                                                                    \
          "A right " name " is sent with each of the fifteen other domain types, and with each value of the owner "    \
          "VTL.",                                                                                                      \
          "Whatever the status: the stage-1 domain with that number, which the call does not name, is as it was.",     \
          "The host leaves the type or the VTL out when it looks a domain up, so that two names lead to one domain."); \
    OBSERVATION(names_##call, symbol "_types_and_vtls", requirements, NO_DEVICE, KINDS,                                \
                name " with another domain type or for another VTL leaves the stage-1 domain of that id alone")        \
    {                                                                                                                  \
        other_names(t, CALL_##call);                                                                                   \
    }

OTHER_NAMES("create", CREATE, "CREATE", "DOM-5 DOM-6 GEN-10")
OTHER_NAMES("attach", ATTACH, "ATTACH", "DOM-5 DOM-9 GEN-10")
OTHER_NAMES("delete", DELETE, "DELETE", "DOM-5 DOM-9 GEN-10")
OTHER_NAMES("configure", CONFIGURE, "CONFIGURE", "DOM-5 DOM-9 GEN-10")
OTHER_NAMES("flush", FLUSH, "FLUSH", "DOM-5 DOM-9 GEN-10")
OTHER_NAMES("flush_list", FLUSH_LIST, "FLUSH_LIST", "DOM-5 DOM-9 GEN-10")

/* Beside the number of a domain by one bit; never one of the two that a host may give a meaning. */
static void unknown_domains(struct test_run *t, enum call_id call)
{
    struct world w = world_open(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(&w, call, body);
    const struct call_field *f = field_of_kind(call, FIELD_DOMAIN);

    d.rule = RULE_NO_EFFECT;
    for (unsigned bit = 5; bit < 32; bit++) { /* below it are the ids of this test */
        damage_field(t, &w, &d, f, "its own but for bit", bit, UINT64_C(1) << (bit + shift_of(f)));
    }
    damage_end(t, &w, call, "unknown domain ids");
}

#define UNKNOWN_DOMAINS(symbol, call, name, requirements)                                                              \
    STORY(symbol "_unknown_domains",                                                                                   \
          "A right " name " names ids that differ from that of a domain in one bit, and that no domain has.",          \
          "Whatever the status: the domain beside that id is as it was.",                                              \
          "The host compares a part of the id, or takes it modulo the size of a table.");                              \
    OBSERVATION(domains_##call, symbol "_unknown_domains", requirements, NO_DEVICE, KINDS,                             \
                name " with the id of no domain leaves the domain alone whose id differs in one bit")                  \
    {                                                                                                                  \
        unknown_domains(t, CALL_##call);                                                                               \
    }

UNKNOWN_DOMAINS("attach", ATTACH, "ATTACH", "DOM-9 ATT-8")
UNKNOWN_DOMAINS("delete", DELETE, "DELETE", "DOM-8 DOM-9")
UNKNOWN_DOMAINS("configure", CONFIGURE, "CONFIGURE", "DOM-9")
UNKNOWN_DOMAINS("flush", FLUSH, "FLUSH", "DOM-9 FL-8")
UNKNOWN_DOMAINS("flush_list", FLUSH_LIST, "FLUSH_LIST", "DOM-9 FL-8")

static void unknown_devices(struct test_run *t, enum call_id call)
{
    struct world w = world_open(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(&w, call, body);
    const struct call_field *f = field_of_kind(call, FIELD_DEVICE);

    d.rule = RULE_NO_EFFECT;
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!device_exists(w.subject->device_id ^ UINT64_C(1) << bit)) {
            damage_field(t, &w, &d, f, "its own but for bit", bit, UINT64_C(1) << bit);
        }
    }
    damage_field(t, &w, &d, f, "complement of", w.subject->device_id, f->mask);
    damage_end(t, &w, call, "unknown device ids");
}

#define UNKNOWN_DEVICES(symbol, call, name, requirements)                                                              \
    STORY(symbol "_unknown_devices",                                                                                   \
          "A right " name " names ids that differ from that of a device in one bit, the type bits 62 and 63 among "    \
          "them, and that no device has.",                                                                             \
          "Whatever the status: the device beside that id is where it was, and is not reported under that id.",        \
          "The host compares a part of the device id, or masks the type away.");                                       \
    OBSERVATION(devices_##call, symbol "_unknown_devices", requirements, NO_DEVICE, KINDS,                             \
                name " with the id of no device leaves the device alone whose id differs in one bit")                  \
    {                                                                                                                  \
        unknown_devices(t, CALL_##call);                                                                               \
    }

UNKNOWN_DEVICES("attach", ATTACH, "ATTACH", "ATT-8 GEN-10")
UNKNOWN_DEVICES("detach", DETACH, "DETACH", "ATT-8 GEN-10")
UNKNOWN_DEVICES("detach_fast", DETACH_FAST, "DETACH in registers", "ATT-8 GEN-10 GEN-15")
UNKNOWN_DEVICES("property", PROPERTY, "GET_PROPERTY", "PROP-2 PROP-3 PROP-5")
