/* SPDX-License-Identifier: MIT */
#include "tests/harness/transcript.h"

#include <stdarg.h>

#include "abi/device_domain.h"
#include "abi/hypercall.h"
#include "drivers/dma_engine.h"
#include "drivers/hypercall.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/percpu.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/call_table.h"
#include "tests/harness/report.h"

/* Of the text of one test, and of all tests of a boot: the runner ends a guest that writes without
 * end. */
#define TEXT_BYTES  (768u << 10)
#define TOTAL_BYTES (6u << 20)
#define LINE_MAX    480u
#define BYTES_LINE  192u /* bytes of memory on one line */
#define OTHER_BYTES 64u  /* of parameters of a call that the suite does not know */
#define ROOTS_MAX   64u
#define TABLES_MAX  1024u /* a power of two */
#define WALK_MAX    768u
#define ENTRIES     (PAGE_SIZE / sizeof(uint64_t))
#define DIGEST_SEED 0xCBF29CE484222325ull
#define DIGEST_STEP 0x100000001B3ull

#define ENTRY_PRESENT BIT(0)
#define ENTRY_LARGE   BIT(7)
#define ENTRY_ADDRESS BITS(51, 12)

struct root {
    uint64_t gpa;
    uint32_t domain;
    unsigned levels; /* 0: free */
};

/* A table as it was told last. */
struct told_table {
    uint64_t gpa, digest;
};

static struct {
    bool on, running, full;
    uint32_t lock;
    uint32_t calls, left_out; /* events, when there was no more room */
    size_t used, total;
    unsigned walked; /* tables, before this event */
    char *text;      /* lines, each with its end */
    struct root roots[ROOTS_MAX];
    struct told_table *tables;
} record;

static void lock(void)
{
    while (__atomic_exchange_n(&record.lock, 1, __ATOMIC_ACQUIRE))
        cpu_pause();
}

static void unlock(void)
{
    __atomic_store_n(&record.lock, 0, __ATOMIC_RELEASE);
}

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;
    int length;

    va_start(args, format);
    length = fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length <= 0 || record.full)
        return;
    if (record.used + (size_t)length + 1 > TEXT_BYTES) {
        record.full = true;
        return;
    }
    memcpy(record.text + record.used, line, (size_t)length + 1);
    record.used += (size_t)length + 1;
}

static void add_bytes(const char *word, uint32_t number, uint64_t gpa, size_t size)
{
    for (size_t at = 0; at < size; at += BYTES_LINE) {
        const uint8_t *bytes = gpa_pointer(gpa + at);
        size_t part = size - at < BYTES_LINE ? size - at : BYTES_LINE;
        char text[2 * BYTES_LINE + 1];

        for (size_t i = 0; i < part; i++)
            fmt_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        add("%s n=%u at=%zu bytes=%s", word, number, at, text);
    }
}

static uint64_t digest_of(const uint64_t *table)
{
    uint64_t digest = DIGEST_SEED;

    for (unsigned i = 0; i < ENTRIES; i++)
        digest = (digest ^ __atomic_load_n(&table[i], __ATOMIC_RELAXED)) * DIGEST_STEP;
    return digest;
}

/* Remembers it; false when it was told with this content. A table whose place is taken is told
 * again. */
static bool is_news(uint64_t gpa, uint64_t digest)
{
    struct told_table *t = &record.tables[(gpa >> PAGE_SHIFT) % TABLES_MAX];
    bool news = t->gpa != gpa || t->digest != digest;

    *t = (struct told_table){gpa, digest};
    return news;
}

static void tell_table(uint64_t gpa, unsigned level, uint32_t domain)
{
    const uint64_t *table = gpa_pointer(gpa);
    char text[LINE_MAX - 100];
    size_t used = 0;
    bool first = true;

    text[0] = '\0';
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (used + 32 > sizeof(text)) {
            add("table gpa=0x%llx level=%u domain=0x%x more=%u entries=%s", (unsigned long long)gpa,
                level, domain, !first, text);
            first = false;
            used = 0;
            text[0] = '\0';
        }
        if (table[i] != 0) {
            fmt_snprintf(text + used, sizeof(text) - used, "%s%u:0x%llx", used ? "," : "", i,
                         (unsigned long long)table[i]);
            used += strlen(text + used);
        }
    }
    if (used != 0 || first)
        add("table gpa=0x%llx level=%u domain=0x%x more=%u entries=%s", (unsigned long long)gpa,
            level, domain, !first, text);
}

static void tell_tables(uint64_t gpa, unsigned level, uint32_t domain)
{
    const uint64_t *table = gpa_pointer(gpa);

    if (record.full || record.walked == WALK_MAX || !memory_is_ours(gpa, PAGE_SIZE))
        return;
    record.walked++;
    if (is_news(gpa, digest_of(table)))
        tell_table(gpa, level, domain);
    for (unsigned i = 0; level > 1 && i < ENTRIES; i++) {
        uint64_t entry = table[i];

        if ((entry & ENTRY_PRESENT) && !(level <= 3 && (entry & ENTRY_LARGE)))
            tell_tables(entry & ENTRY_ADDRESS, level - 1, domain);
    }
}

/* All that changed since the last event. */
static void tell_changed_tables(void)
{
    record.walked = 0;
    for (unsigned i = 0; i < ROOTS_MAX; i++)
        if (record.roots[i].levels != 0)
            tell_tables(record.roots[i].gpa, record.roots[i].levels, record.roots[i].domain);
}

static struct root *root_of(uint32_t domain)
{
    struct root *free = NULL;

    for (unsigned i = 0; i < ROOTS_MAX; i++) {
        struct root *r = &record.roots[i];

        if (r->levels != 0 && r->domain == domain)
            return r;
        free = r->levels == 0 && !free ? r : free;
    }
    return free;
}

/* The tables of a domain that a call names from here on, or not any more. */
static void follow(uint16_t code, uint64_t input)
{
    struct hv_input_configure_device_domain configure;
    struct root *root;

    if ((code != HVCALL_CONFIGURE_DEVICE_DOMAIN && code != HVCALL_DELETE_DEVICE_DOMAIN) ||
        !memory_is_ours(input, sizeof(configure)))
        return;
    memcpy(&configure, gpa_pointer(input), sizeof(configure));
    root = root_of(configure.device_domain.domain_id.id);
    if (!root)
        return;
    *root = (struct root){0};
    if (code != HVCALL_CONFIGURE_DEVICE_DOMAIN || configure.settings.page_table_root == 0 ||
        configure.settings.page_table_root % PAGE_SIZE != 0)
        return;
    *root =
        (struct root){configure.settings.page_table_root, configure.device_domain.domain_id.id,
                      configure.settings.flags == HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL ? 5 : 4};
}

static const struct call_table *known_call(uint16_t code)
{
    FOR_EACH_CALL(call)
    if (call_table[call].code == code)
        return &call_table[call];
    return NULL;
}

/* Never across the end of a page, as a parameter list. */
static size_t readable(uint64_t gpa, size_t size)
{
    size_t room = PAGE_SIZE - gpa % PAGE_SIZE;

    size = size < room ? size : room;
    return memory_is_ours(gpa, size) ? size : 0;
}

static size_t input_size(uint64_t control)
{
    const struct call_table *call = known_call(hv_control_code(control));
    uint64_t reps = (control & HV_CONTROL_REP_COUNT_MASK) >> HV_CONTROL_REP_COUNT_SHIFT;

    if (!call)
        return OTHER_BYTES;
    return call->words * sizeof(uint64_t) + (reps > 1 ? (reps - 1) * sizeof(uint64_t) : 0);
}

static uint32_t before_call(const struct hypercall_registers *r)
{
    bool fast = (r->rcx & HV_CONTROL_FAST) != 0;
    uint32_t number;

    if (!record.running)
        return 0;
    lock();
    number = ++record.calls;
    if (!fast)
        follow(hv_control_code(r->rcx), r->rdx);
    tell_changed_tables();
    add("call n=%u processor=%s control=0x%llx rdx=0x%llx r8=0x%llx", number,
        cpu_this() == cpu_at(0) && !hypercall_is_sent_elsewhere() ? "first" : "other",
        (unsigned long long)r->rcx, (unsigned long long)r->rdx, (unsigned long long)r->r8);
    if (fast)
        add_bytes("xmm", number, gpa_of(r->xmm), sizeof(r->xmm));
    else
        add_bytes("in", number, r->rdx, readable(r->rdx, input_size(r->rcx)));
    record.left_out += record.full;
    unlock();
    return number;
}

static void after_call(uint32_t number, const struct hypercall_registers *r,
                       enum trap_vector vector)
{
    const struct call_table *call = known_call(hv_control_code(r->rcx));
    size_t size = call ? call->output_words * sizeof(uint64_t) : OTHER_BYTES;

    if (!record.running || number == 0)
        return;
    lock();
    if (vector == TRAP_NONE)
        add("result n=%u rax=0x%llx", number, (unsigned long long)r->rax);
    else
        add("result n=%u exception=%u", number, (unsigned)vector);
    if (vector == TRAP_NONE && (r->rcx & HV_CONTROL_FAST) == 0 && r->r8 != 0)
        add_bytes("out", number, r->r8, readable(r->r8, size));
    unlock();
}

static void before_dma(const struct dma_engine *e, const char *what, uint64_t iova, size_t length)
{
    if (!record.running)
        return;
    lock();
    tell_changed_tables();
    add("dma device=0x%llx what=%s iova=0x%llx length=%zu", (unsigned long long)e->device_id, what,
        (unsigned long long)iova, length);
    record.left_out += record.full;
    unlock();
}

void transcript_turn_on(void)
{
    static const struct hypercall_recorder recorder = {before_call, after_call};

    if (record.on)
        return;
    record.on = true;
    record.text = memory_boot_pages(TEXT_BYTES / PAGE_SIZE);
    record.tables = memory_boot_pages(TABLES_MAX * sizeof(*record.tables) / PAGE_SIZE);
    hypercall_record_by(&recorder);
    dma_record_by(before_dma);
}

bool transcript_is_on(void)
{
    return record.on;
}

void transcript_begin(void)
{
    if (!record.on)
        return;
    record.running = true;
    record.full = false;
    record.used = record.calls = record.left_out = record.lock = 0;
    memset(record.roots, 0, sizeof(record.roots));
    memset(record.tables, 0, TABLES_MAX * sizeof(*record.tables));
}

void transcript_pause(void)
{
    record.running = false;
}

void transcript_report(void)
{
    if (!record.on)
        return;
    if (record.total + record.used > TOTAL_BYTES) {
        report_comment("transcript: end calls=%u left_out=%u none=1", record.calls, record.calls);
        return;
    }
    record.total += record.used;
    for (size_t at = 0; at < record.used; at += strlen(record.text + at) + 1)
        report_comment("transcript: %s", record.text + at);
    report_comment("transcript: end calls=%u left_out=%u", record.calls, record.left_out);
}
