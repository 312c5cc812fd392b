/* SPDX-License-Identifier: MIT */
/* Registers that the host emulates, reached by accesses that no driver makes. */
#define TEST_GROUP "hostile"
#include "abi/dmaprobe.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/hostile/hostile.h"

#define PATTERN 0x1122334455667788ull

/* A function whose registers follow the memory of another one. */
static const struct dma_engine *with_neighbor(enum dma_class class)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t other = 0; e[i].class == class && other < count; other++)
            if ((e[other].class == DMA_CLASS_DMAPROBE ||
                 e[other].class == DMA_CLASS_DMAPROBE_ATS) &&
                e[other].registers + DMAPROBE_BAR_SIZE == e[i].registers)
                return &e[i];
    }
    return NULL;
}

STRESS(access_into_registers,
       PROMISE("An access that begins in memory and ends in the registers of a function reads no "
               "register, and loses no byte")
       COVERS("ISO-3") DEVICES(PROBE) KINDS("bad-input")
       STEPS("The last page of the memory of one virtual function lies before the registers of "
             "another one. Loads and stores of 2, 4 and 8 bytes begin in that memory and end in "
             "the registers.")
       EXPECTS("#GP for each; the memory before the registers is as it was.")
       IF_IT_FAILS("The host takes the address of the fault, which is the first one of the second "
                   "page, for the start of the access."))
{
    const struct dma_engine *e = with_neighbor(t->class);
    uint64_t start, value = 0;

    need_integrity(t, NULL);
    if (!e)
        SKIP("no function of this class has its registers after the memory of another one");
    start = (uint64_t)(uintptr_t)e->registers;
    for (unsigned size = 2; size <= 8; size *= 2) {
        for (unsigned before = 1; before < size; before++) {
            enum trap_vector loaded, stored;
            uint64_t old = 0, now = 0;

            CHECK_EQ(load_caught(start - 8, 8, &old), TRAP_NONE,
                     "exception of a load before the registers");
            loaded = load_caught(start - before, size, &value);
            stored = store_caught(start - before, size, PATTERN);
            CHECK_EQ(load_caught(start - 8, 8, &now), TRAP_NONE,
                     "exception of a load before the registers");
            STEP("%llu bytes, %llu of them before the registers: exceptions %llu and %llu", size,
                 before, loaded, stored);
            CHECK_EQ(loaded, TRAP_GP, "exception of a load into the registers");
            CHECK_EQ(stored, TRAP_GP, "exception of a store into the registers");
            CHECK_EQ(now, old, "memory before the registers");
        }
    }
}

/* --- instructions that no driver uses for registers, each with the address in RDI --- */
#define FORM(name, code)                                                                           \
    static void form_##name(void *at)                                                              \
    {                                                                                              \
        uint64_t a = 0, c = 1, d = 0, s = (uint64_t)(uintptr_t)at, i = s;                          \
                                                                                                   \
        __asm__ volatile("cld\n" code                                                              \
                         : "+a"(a), "+c"(c), "+d"(d), "+D"(i), "+S"(s)                             \
                         :                                                                         \
                         : "rbx", "memory", "cc");                                                 \
    }

FORM(xchg, "xchg %%eax, (%%rdi)")
FORM(lock_add, "lock addl $1, (%%rdi)")
FORM(or_register, "or %%al, (%%rdi)")
FORM(add_load, "add (%%rdi), %%eax")
FORM(cmpxchg, "lock cmpxchg %%edx, (%%rdi)")
FORM(cmpxchg16, "mov $0, %%ebx; lock cmpxchg16b (%%rdi)")
FORM(movs, "rep movsb")
FORM(stos, "rep stosl")
FORM(lods, "rep lodsq")
FORM(scas, "repne scasb")
FORM(cmps, "repe cmpsb")
FORM(push, "push (%%rdi); pop %%rax")
FORM(pop, "push $0; pop (%%rdi)")
FORM(call, "call *(%%rdi)")
FORM(jump, "jmp *%%rdi")
FORM(test, "testl $1, (%%rdi)")
FORM(bit_test, "lock btsl $3, (%%rdi)")
FORM(shift, "shll $1, (%%rdi)")
FORM(negate, "negl (%%rdi)")
FORM(vector_load, "movups (%%rdi), %%xmm0")
FORM(vector_store, "movups %%xmm0, (%%rdi)")
FORM(save_state, "fxsave (%%rdi)")
FORM(far_pointer, "lgdt 8(%%rdi)")
FORM(set, "sete (%%rdi)")
FORM(move_if, "cmovz (%%rdi), %%eax")
FORM(non_temporal, "movnti %%eax, (%%rdi)")
FORM(flush_line, "clflush (%%rdi)")
FORM(prefetch, "prefetcht0 (%%rdi)")
FORM(prefixed_load,
     ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x48, 0x8B, 0x07")
FORM(locked_move, ".byte 0xF0, 0x89, 0x07")

static void (*const forms[])(void *at) = {
    form_xchg,         form_lock_add,   form_or_register, form_add_load,      form_cmpxchg,
    form_cmpxchg16,    form_movs,       form_stos,        form_lods,          form_scas,
    form_cmps,         form_push,       form_pop,         form_call,          form_jump,
    form_test,         form_bit_test,   form_shift,       form_negate,        form_vector_load,
    form_vector_store, form_save_state, form_far_pointer, form_set,           form_move_if,
    form_non_temporal, form_flush_line, form_prefetch,    form_prefixed_load, form_locked_move,
};

STRESS(instruction_forms,
       PROMISE("Any instruction on registers that the host emulates or guards is carried out or "
               "refused")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Executes thirty forms of instructions, from XCHG to FXSAVE and a jump, on the "
             "registers of a virtual function, on an unused page of the host, and on pages whose "
             "stores are checked.")
       EXPECTS("No exception but #GP, #UD and those of the operand; the function's id reads as "
               "before.")
       IF_IT_FAILS("The decoder takes an instruction for another one, or its length for another."))
{
    struct integrity_output host;
    size_t count;
    const struct dma_engine *e = dma_engines(&count);
    uint64_t places[4] = {0}, value;

    need_integrity(t, &host);
    for (size_t i = 0; i < count; i++)
        if (e[i].class == DMA_CLASS_DMAPROBE)
            places[0] = (uint64_t)(uintptr_t)e[i].registers;
    places[1] = host.target;
    places[2] = host.text;
    (void)paging_map_mmio(host.target, PAGE_SIZE);
    (void)paging_map_mmio(host.text, PAGE_SIZE);
    for (unsigned place = 0; place < 3; place++) {
        for (unsigned f = 0; places[place] && f < ARRAY_SIZE(forms); f++) {
            enum trap_vector vector = trap_catch(forms[f], gpa_pointer(places[place]), NULL);

            STEP("form %llu at 0x%llx: exception %llu", f, places[place], vector);
            CHECK(vector == TRAP_NONE || vector == TRAP_GP || vector == TRAP_UD ||
                      vector == TRAP_PF,
                  "form %u at place %u raises exception %u", f, place, (unsigned)vector);
            CHECK(place == 0 || vector != TRAP_NONE || forms[f] == form_flush_line ||
                      forms[f] == form_prefetch,
                  "form %u reaches the host's memory", f);
        }
    }
    if (places[0]) {
        CHECK_EQ(load_caught(places[0] + DMAPROBE_ID, 4, &value), TRAP_NONE,
                 "exception of a load of the id");
        CHECK_EQ(value, DMAPROBE_ID_VALUE, "id of the function");
    }
}

#define BAR_FIRST      0x10u
#define BARS           6u
#define BAR_IO         1u
#define COMMAND        0x04u
#define COMMAND_MEMORY 2u

static void move_registers(const struct pci_function *f, uint32_t command, uint32_t bar)
{
    pci_write32(f, COMMAND, command & ~COMMAND_MEMORY & 0xFFFF);
    pci_write32(f, BAR_FIRST, bar);
    pci_write32(f, COMMAND, (command | COMMAND_MEMORY) & 0xFFFF);
}

STRESS(registers_moved_onto_host,
       PROMISE("Registers of a device that are moved onto the host's memory or registers change "
               "nothing for the host")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Moves the first memory BAR of one DMA device of each class onto the host's code and "
             "unused pages, the VT-d unit, the local APIC, an I/O APIC, the HPET, configuration "
             "space, flash memory and page 0, one after the other, makes a call each time, and "
             "moves it back in the end.")
       EXPECTS("Each call is answered, the host's memory is unchanged, and the device is at its "
               "place in the end.")
       IF_IT_FAILS("A device answers where the host expects its memory: the machine's map puts it "
                   "first."))
{
    struct integrity_output host, found = {0};
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    need_integrity(t, &host);
    for (size_t i = 0; i < count; i++) {
        const uint64_t places[] = {host.text,  host.target, 0xFED90000, 0xFEE00000, 0xFEC00000,
                                   0xFED00000, 0xB0000000,  0xFFFFF000, 0};
        const struct pci_function *f = &e[i].function;
        uint32_t bar = pci_read32(f, BAR_FIRST), command = pci_read32(f, COMMAND);
        bool checked = true;

        if (f->vpci || (bar & BAR_IO) || (i > 0 && e[i - 1].class == e[i].class))
            continue;
        for (unsigned p = 0; p < ARRAY_SIZE(places) && checked; p++) {
            STEP("function 0x%llx: registers moved to 0x%llx", f->device_id, places[p]);
            move_registers(f, command, (uint32_t)places[p]);
            checked = host_integrity_check(false, &found) && found.constants_changed == 0 &&
                      found.words_changed == 0;
        }
        move_registers(f, command, bar);
        pci_write32(f, COMMAND, command & 0xFFFF);
        CHECK_EQ(found.constants_changed + found.words_changed, 0, "changes of the host's memory");
        CHECK(checked, "the host does not answer");
        CHECK_EQ(pci_read32(f, BAR_FIRST), bar, "BAR of the device in the end");
    }
}
