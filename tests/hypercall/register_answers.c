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
