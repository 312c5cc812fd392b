/* SPDX-License-Identifier: MIT */
/*
 * Calls with an answer in register form (GEN-15). Whether a host has that form is up to it; but
 * when it reports success the answer has to be where the form puts it, which is in registers, and
 * memory whose address happens to equal a word of the input is none of its business. And statuses
 * of refusals: one that is made of parameters can be 0.
 */
#define TEST_GROUP "hypercall"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define ANSWER sizeof(struct hv_output_get_iommu_capabilities)

/* RDX, R8 and XMM0 to XMM5, as the register form orders its words. */
struct words {
    uint8_t byte[16 + 6 * 16];
};

static struct words words_of(const struct hypercall_registers *registers)
{
    struct words w = {{0}};

    memcpy(w.byte, &registers->rdx, 8);
    memcpy(w.byte + 8, &registers->r8, 8);
    memcpy(w.byte + 16, registers->xmm, sizeof(registers->xmm));
    return w;
}

static bool holds(const struct words *w, const struct hv_output_get_iommu_capabilities *answer)
{
    for (size_t at = 0; at + ANSWER <= sizeof(w->byte); at += 8)
        if (memcmp(w->byte + at, answer, ANSWER) == 0)
            return true;
    return false;
}

TEST(answer_of_register_form,
     PROMISE("GET_IOMMU_CAPABILITIES in register form is refused, or its answer is in registers "
             "and in no memory")
     COVERS("GEN-15") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Asks for the capabilities in memory form. Asks again in register form, with a second "
           "word of 0, and with one that is the address of a guarded buffer.")
     EXPECTS("A call in register form is refused, also by #UD; or it succeeds, and the registers "
             "that carry words hold the whole answer of the memory form. The buffer is never "
             "written.")
     IF_IT_FAILS("Success without an answer: a guest takes what it finds for the capabilities. Or "
                 "the host takes a word of the input for the address of the output, and writes to "
                 "memory that the call does not name."))
{
    struct hv_output_get_iommu_capabilities answer = *capabilities(t);
    struct buffer b = buffer(t, 1);
    const uint64_t second[] = {0, gpa_of(b.data), gpa_of(b.data) + 64};

    for (unsigned i = 0; i < ARRAY_SIZE(second); i++) {
        struct hypercall_registers registers = {.rcx =
                                                    HVCALL_GET_IOMMU_CAPABILITIES | HV_CONTROL_FAST,
                                                .rdx = HV_PARTITION_ID_SELF,
                                                .r8 = second[i]};
        enum trap_vector trap = hypercall_raw_registers(&registers);
        struct words words = words_of(&registers);

        STEP("GET_IOMMU_CAPABILITIES in register form, RDX SELF, R8 0x%llx: exception %llu, RAX "
             "0x%llx",
             second[i], trap == TRAP_NONE ? 0 : trap, registers.rax);
        expect_untouched(t, &b, "memory at an address that equals a word of the input");
        if (trap == TRAP_NONE && hv_result_status(registers.rax) == HV_STATUS_SUCCESS) {
            CHECK(holds(&words, &answer),
                  "success in register form, and no register has the answer");
        }
    }
}

/* DETACH in register form; false: #UD, or refused. */
static bool detach_in_registers(struct test_run *t, uint64_t partition_id, uint64_t device_id)
{
    struct hypercall_registers registers = {
        .rcx = HVCALL_DETACH_DEVICE_DOMAIN | HV_CONTROL_FAST, .rdx = partition_id, .r8 = device_id};
    enum trap_vector trap = hypercall_raw_registers(&registers);

    STEP("DETACH in register form, RDX 0x%llx, R8 0x%llx: exception %llu, RAX 0x%llx", partition_id,
         device_id, trap == TRAP_NONE ? 0 : trap, registers.rax);
    return trap == TRAP_NONE && hv_result_status(registers.rax) == HV_STATUS_SUCCESS;
}

TEST(register_form_keeps_no_parameters,
     PROMISE("A call in register form takes its parameters from the registers, whatever the calls "
             "before it named")
     COVERS("GEN-15") ABI() DEVICES(ALL) KINDS("dma bad-input")
     STEPS("The property of an attached device is asked for in memory form, which names the "
           "partition and the device. Then DETACH in register form names another partition, or a "
           "device that does not exist; the same after a DETACH in register form of the device, "
           "and an ATTACH. Last, the property of a device that does not exist is asked for before "
           "a right DETACH.")
     EXPECTS("The device stays attached after each wrong call. The right DETACH is refused and the "
             "device stays attached, or it succeeds and the device is blocked.")
     IF_IT_FAILS("The host leaves a register out when it fetches the parameters, and works on what "
                 "is left of the call before: a device that the call does not name loses its "
                 "domain."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    const uint64_t none = e->device_id ^ 0xFF00, foreign = 0x1234567;
    struct hv_output_get_logical_device_property property;

    if (device_exists(none) || own_partition_id() == foreign)
        SKIP("the device or the partition that should not exist does");
    for (unsigned after = 0; after < 2; after++) {
        attach(t, d, e);
        if (after == 1 && detach_in_registers(t, HV_PARTITION_ID_SELF, e->device_id))
            attach(t, d, e);
        for (unsigned wrong = 0; wrong < 2; wrong++) {
            if (after == 0)
                (void)pviommu_get_device_property(e->device_id, &property);
            (void)detach_in_registers(t, wrong ? foreign : HV_PARTITION_ID_SELF,
                                      wrong ? e->device_id : none);
            expect_write(t, e, IOVA, &b, 0, 8, "after a wrong DETACH in register form");
        }
    }
    (void)pviommu_get_device_property(none, &property);
    if (detach_in_registers(t, HV_PARTITION_ID_SELF, e->device_id))
        expect_write_fault(t, e, IOVA, 8, &b, ORACLE_FAULT_CLASS_BLOCKED, "after DETACH");
    else
        expect_write(t, e, IOVA, &b, 0, 8, "after a refused DETACH");
}

TEST(refusal_is_no_number_of_the_call,
     PROMISE("Calls for unknown domains are refused whatever the low 16 bits of their ids are")
     COVERS("DOM-9 FL-8 DOM-8 ATT-8") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Sends FLUSH, FLUSH_LIST, CONFIGURE and DELETE for domains that do not exist, with ids "
           "whose low 16 bits are 0, 1 and others.")
     EXPECTS("Each call is refused.")
     IF_IT_FAILS("The status is made of a parameter, or of a register that was left over, which "
                 "can be 0."))
{
    static const uint32_t ids[] = {0x00450000, 0x7FFF0000, 0x00450001, 0x0045FFFF};
    const uint64_t element = 0;

    capabilities(t);
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        STEP("calls for domain 0x%llx, which does not exist", ids[i]);
        CHECK_REFUSED(pviommu_flush(ids[i]), "FLUSH of an unknown domain");
        CHECK_REFUSED(pviommu_flush_list(ids[i], &element, 1, NULL),
                      "FLUSH_LIST of an unknown domain");
        CHECK_REFUSED(pviommu_configure(ids[i], HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0),
                      "CONFIGURE of an unknown domain");
        CHECK_REFUSED(pviommu_delete(ids[i]), "DELETE of an unknown domain");
    }
}
