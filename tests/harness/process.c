/* SPDX-License-Identifier: MIT */
#include "tests/harness/process.h"

#include "kernel/paging_bits.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* Bits of a page fault's error code (APM volume 2, 8.4.2). */
#define FAULT_PRESENT (1u << 0)
#define FAULT_WRITE   (1u << 1)
#define FAULT_USER    (1u << 2)
#define FAULT_FETCH   (1u << 4)

#define LEVELS_5    5u
#define PROBE_IOVA  0x03000000ull
#define PROBE_BYTES 16u

/* Of a device's scratch in the GiB of a process, far from what tests map there. */
#define STAGING_OFFSET (USER_SPACE_SIZE / 8 * 7)
#define SHARES_OFFSET  (STAGING_OFFSET + USER_SPACE_SIZE / 16)

static struct process *process_at(struct test_run *t, uint64_t limit)
{
    struct process *p = page_alloc((sizeof(*p) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);

    REQUIRE(p, "no memory for a process");
    if (!user_space_place(&p->space, limit))
        SKIP("the kernel leaves no GiB free below 0x%llx", (unsigned long long)limit);
    p->next = p->space.base + USER_DATA_OFFSET;
    return p;
}

static void build_table(struct test_run *t, struct process *p, struct stage1 *table)
{
    REQUIRE(stage1_init(table, &p->space.format, p->space.levels, PAGE_SIZE,
                        pviommu_table_memory()) == STAGE1_OK,
            "no memory for a page table");
    user_space_use(&p->space, table);
    REQUIRE(user_process_init(&p->user, &p->space), "no memory for a process");
}

struct process *process_new(struct test_run *t)
{
    struct process *p = process_at(t, UINT64_MAX);

    build_table(t, p, &p->own);
    return p;
}

/* A leaf without XD works and one with it does not: the host takes it for a reserved bit, as it may
 * (TR-7). */
static void need_execute_disable(struct test_run *t, struct dma_engine *e)
{
    struct domain *d = domain_paging_with(t, 0, PAGE_SIZE);
    struct buffer b = buffer(t, 2);
    bool plain;

    map(t, d, PROBE_IOVA, &b, RW);
    *leaf_entry(t, d, PROBE_IOVA + PAGE_SIZE) |= PTE_NX;
    attach(t, d, e);
    plain = may_write(t, e, PROBE_IOVA, &b, 0, PROBE_BYTES, "leaf without XD");
    if (plain &&
        !may_write(t, e, PROBE_IOVA + PAGE_SIZE, &b, PAGE_SIZE, PROBE_BYTES, "leaf with XD"))
        SKIP("the host refuses leaves with XD, so no device can share the page table of a process");
}

struct process_share {
    struct test_run *t;
    struct process *process;
    uint64_t base;
};

static bool map_share(void *argument, uint64_t offset, uint64_t gpa, uint64_t length)
{
    const struct process_share *s = argument;

    process_map_at(s->t, s->process, s->base + offset, gpa, length, USER_READ_WRITE);
    return true;
}

/* Maps the memory that devices take their commands from into domains of their own. */
static uint64_t map_shares(struct test_run *t, struct process *p)
{
    struct process_share s = {t, p, p->space.base + SHARES_OFFSET};

    return domain_shares(map_share, &s) ? s.base : 0;
}

static struct domain *share(struct test_run *t, struct process *p)
{
    struct domain *d;
    uint64_t flags = HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL;

    d = domain_room(t);
    *d = (struct domain){.kind = DOMAIN_PAGING, .id = fresh_domain_id(t)};
    build_table(t, p, &d->table);
    if (p->space.levels == LEVELS_5)
        flags = HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL;
    CHECK_SUCCESS(iommu_create(d->id), "creating a domain for a process");
    d->live = true;
    CHECK_SUCCESS(iommu_configure(d->id, flags, user_space_root(&p->space)),
                  "configuring a domain with the page table of a process");
    STEP("process and paging domain 0x%llx share the tree at GPA 0x%llx; the program's GiB is at "
         "0x%llx",
         d->id, user_space_root(&p->space), p->space.base);
    return d;
}

struct process *process_shared(struct test_run *t, struct dma_engine *e)
{
    const struct hv_output_get_iommu_capabilities *caps = capabilities(t);
    struct process *p;

    if (e)
        need_execute_disable(t, e);
    p = process_at(t, caps->max_iova_width < 64 ? BIT(caps->max_iova_width) : UINT64_MAX);
    if (p->space.levels == LEVELS_5 && !(caps->iommu_cap & HV_IOMMU_CAP_S1_5LVL))
        SKIP("the processor walks five levels, and the host takes tables of four");
    p->domain = share(t, p);
    p->domain->shares = map_shares(t, p);
    return p;
}

void process_map_at(struct test_run *t, struct process *p, uint64_t address, uint64_t gpa,
                    uint64_t length, enum user_access access)
{
    static const char *const words[] = {"read", "read and write", "execute", "registers"};
    enum stage1_status status = user_space_map(&p->space, address, gpa, length, access);

    STEP("process maps 0x%llx -> GPA 0x%llx, 0x%llx bytes, %s", address, gpa, length,
         words[access]);
    REQUIRE(status == STAGE1_OK, "mapping 0x%llx in a process: %s", (unsigned long long)address,
            stage1_status_name(status));
}

uint64_t process_map(struct test_run *t, struct process *p, const struct buffer *b,
                     enum user_access access)
{
    uint64_t address = p->next;

    p->next += b->size;
    process_map_at(t, p, address, gpa_of(b->data), b->size, access);
    return address;
}

void process_stage(struct test_run *t, struct process *p, struct domain *d, struct dma_engine *e)
{
    uint64_t address = p->space.base + STAGING_OFFSET;

    if (!(e->ops->features & DMA_STAGED) || (e->ops->features & DMA_QUEUED))
        return;
    process_map_at(t, p, address, gpa_of(e->scratch), e->scratch_size, USER_READ_WRITE);
    staged_at(t, d, e, address);
}

void process_flush(struct test_run *t, struct process *p, uint64_t address, uint64_t length)
{
    user_process_flush(&p->user, address, length);
    STEP("INVLPG 0x%llx, 0x%llx bytes", address, length);
}

void process_unmap(struct test_run *t, struct process *p, uint64_t address, uint64_t length)
{
    if (p->domain) {
        unmap(t, p->domain, address, length);
    } else {
        REQUIRE(stage1_unmap(&p->own, address, length, NULL, NULL) == STAGE1_OK,
                "unmapping in a process");
    }
    process_flush(t, p, address, length);
}

void process_end(struct test_run *t, struct process *p)
{
    user_process_leave();
    user_space_remove_kernel(&p->space);
    if (p->domain)
        delete_domain(t, p->domain);
    else
        stage1_destroy(&p->own);
}

void process_start(struct test_run *t, struct process *p, const char *name, user_program *program,
                   uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    STEP("program %s(0x%llx, 0x%llx, 0x%llx, 0x%llx) starts at CPL 3", name, a, b, c, d);
    user_process_start(&p->user, program, a, b, c, d);
}

/*
 * The program's registers are what the report shows. A wrong stop is an error of the suite, except
 * if the host can write the tables: then it may be that the host has changed them.
 */
static void __attribute__((noreturn))
stopped_wrongly(struct test_run *t, const struct process *p, const char *wanted)
{
    const struct trap_frame *f = &p->user.frame;
    char text[TEXT_MAX];

    t->trap = (struct trap_report){.frame = *f, .cr2 = p->user.fault_address};
    t->trapped = true;
    fmt_snprintf(
        text, sizeof(text),
        "program at CPL 3: %s, but it got vector %llu (error 0x%llx) at 0x%llx, CR2 0x%llx", wanted,
        (unsigned long long)f->vector, (unsigned long long)f->error, (unsigned long long)f->rip,
        (unsigned long long)p->user.fault_address);
    if (p->domain)
        test_fail(t, PVT_WHERE, "%s", text);
    test_error(t, PVT_WHERE, "%s", text);
}

struct system_call process_run(struct test_run *t, struct process *p, uint64_t result)
{
    struct system_call call;

    if (p->user.frame.vector == VECTOR_USER_CALL)
        p->user.frame.rax = result;
    if (user_process_run(&p->user) != VECTOR_USER_CALL)
        stopped_wrongly(t, p, "a system call was expected");
    call = (struct system_call){
        .number = p->user.frame.rax, .first = p->user.frame.rdi, .second = p->user.frame.rsi};
    STEP("system call %llu (0x%llx, 0x%llx)", call.number, call.first, call.second);
    return call;
}

uint64_t process_finish(struct test_run *t, struct process *p)
{
    struct system_call call = process_run(t, p, 0);

    if (call.number != USER_CALL_EXIT)
        stopped_wrongly(t, p, "its end was expected");
    return call.first;
}

uint64_t process_call(struct test_run *t, struct process *p, const char *name,
                      user_program *program, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    process_start(t, p, name, program, a, b, c, d);
    return process_finish(t, p);
}

void process_expect_fault(struct test_run *t, struct process *p, uint64_t address, bool write,
                          bool present)
{
    uint64_t expected = FAULT_USER | (write ? FAULT_WRITE : 0) | (present ? FAULT_PRESENT : 0);
    unsigned vector = user_process_run(&p->user);

    STEP("program stops with vector %llu, error 0x%llx, CR2 0x%llx", vector, p->user.frame.error,
         p->user.fault_address);
    if (vector != TRAP_PF || p->user.fault_address != address ||
        (p->user.frame.error & ~FAULT_FETCH) != expected)
        stopped_wrongly(t, p, "a page fault was expected");
}
