/* SPDX-License-Identifier: MIT */
/* Registers, commands and data structures of an NVMe controller, as far as the engine uses them
 * (NVM Express Base Specification 2.0, sections 3.1.3, 3.3.3, 4.1.2, 5.16 and 5.17). */
#ifndef PVT_DRIVERS_DMA_NVME_REGISTERS_H
#define PVT_DRIVERS_DMA_NVME_REGISTERS_H

#include <stdint.h>

/* Memory BAR 0. CAP, ASQ and ACQ have 64 bits. */
#define NVME_CAP       0x00
#define NVME_INTMS     0x0C
#define NVME_CC        0x14
#define NVME_CSTS      0x1C
#define NVME_AQA       0x24
#define NVME_ASQ       0x28
#define NVME_ACQ       0x30
#define NVME_DOORBELLS 0x1000

/* Fields of CAP. */
#define NVME_CAP_MQES(cap) ((unsigned)((cap)&0xFFFFu) + 1) /* entries of a queue at most */
#define NVME_CAP_TO_MS(cap)                                                                        \
    ((unsigned)((cap) >> 24 & 0xFFu) * 500) /* for CSTS.RDY to follow CC.EN */
#define NVME_CAP_STRIDE(cap)                                                                       \
    (4u << ((cap) >> 32 & 0xFu))                       /* bytes from one doorbell to the next      \
                                                        */
#define NVME_CAP_NVM(cap)    (((cap) >> 37 & 1u) != 0) /* NVM command set */
#define NVME_CAP_MPSMIN(cap) ((unsigned)((cap) >> 48 & 0xFu)) /* 0: pages of 4 KiB */

#define NVME_CC_EN (1u << 0)
#define NVME_CC_QUEUE_SIZES                                                                        \
    (6u << 16 | 4u << 20) /* IOSQES and IOCQES: entries of 64 and 16 bytes */

#define NVME_CSTS_RDY  (1u << 0)
#define NVME_CSTS_CFS  (1u << 1)
#define NVME_CSTS_GONE 0xFFFFFFFFu /* no device answers */

enum nvme_admin_opcode {
    NVME_CREATE_SQ = 0x01,
    NVME_GET_LOG_PAGE = 0x02,
    NVME_CREATE_CQ = 0x05,
    NVME_IDENTIFY = 0x06,
    NVME_VIRTUALIZATION = 0x1C,
};
enum nvme_io_opcode { NVME_WRITE = 0x01, NVME_READ = 0x02, NVME_COMPARE = 0x05 };

#define NVME_QUEUE_CONTIGUOUS 1u
#define NVME_ALL_NAMESPACES   0xFFFFFFFFu
#define NVME_CNS_NAMESPACE    0u
#define NVME_CNS_CONTROLLER   1u
#define NVME_CNS_ACTIVE       2u /* list of 1024 namespaces; 0 ends it */

#define NVME_CNS_SECONDARY 0x15u

/* Virtualization Management (5.28): what is done, and to which resources of a controller. */
#define NVME_PRIMARY_FLEXIBLE 0x1u
#define NVME_SECONDARY_ASSIGN 0x8u
#define NVME_SECONDARY_ONLINE 0x9u
#define NVME_RESOURCE_QUEUES  0u
#define NVME_RESOURCE_VECTORS 1u
#define NVME_VIRTUALIZATION_CDW10(controller, resource, action)                                    \
    ((uint32_t)(controller) << 16 | (uint32_t)(resource) << 8 | (action))

/* Bytes of the Secondary Controller List. */
#define NVME_SECONDARY_COUNT 0
#define NVME_SECONDARY_FIRST 32
#define NVME_SECONDARY_SIZE  32 /* of an entry, which begins with the controller's number */

/* Changed Namespace List: zeros where no namespace has changed. It is read without clearing its
 * event. */
#define NVME_LOG_CHANGED_NAMESPACES 0x04u
#define NVME_LOG_RETAIN_EVENT       (1u << 15)
#define NVME_LOG_DWORDS(bytes)      (((uint32_t)((bytes) / 4) - 1) << 16)

#define NVME_BY_SGL           0x40u /* of the flags of a command */
#define NVME_SGL_DATA         0x00u
#define NVME_SGL_LAST_SEGMENT 0x30u

struct nvme_sgl {
    uint64_t address;
    uint32_t length;
    uint8_t reserved[3];
    uint8_t type;
};
_Static_assert(sizeof(struct nvme_sgl) == 16, "SGL descriptor");

struct nvme_command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint64_t reserved, metadata;
    union {
        uint64_t prp[2];
        struct nvme_sgl sgl;
    };
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "submission queue entry");

struct nvme_completion {
    uint32_t result, reserved;
    uint16_t sq_head, sq_id, command_id;
    uint16_t status; /* bit 0 is the phase tag */
};
_Static_assert(sizeof(struct nvme_completion) == 16, "completion queue entry");

#define NVME_PHASE(status)       ((unsigned)(status)&1u)
#define NVME_STATUS_CODE(status) ((unsigned)(status) >> 1 & 0x7FFu) /* type and code */
#define NVME_COMPARE_FAILURE     0x285u

/* Bytes of the data of Identify, controller. */
#define NVME_ID_SERIAL       4
#define NVME_ID_SERIAL_SIZE  20
#define NVME_ID_MODEL        24
#define NVME_ID_MODEL_SIZE   40
#define NVME_ID_CNTLID       78  /* 16 bits */
#define NVME_ID_ONCS         520 /* 16 bits */
#define NVME_ID_ONCS_COMPARE 1u
#define NVME_ID_SGLS         536 /* 32 bits; 01b or 10b in bits 1:0: SGLs, by byte or by dword */
#define NVME_ID_SGLS_BY_BYTE 1u
#define NVME_ID_SGLS_MASK    3u

/* Bytes of the data of Identify, namespace. */
#define NVME_NS_SIZE  0 /* 64 bits, blocks */
#define NVME_NS_FLBAS 26
#define NVME_NS_FORMATS                                                                            \
    128 /* 32 bits for each format: metadata size 15:0, log2 of the block size 23:16 */
#define NVME_NS_FORMAT_MASK    0xFu
#define NVME_NS_METADATA(lbaf) ((lbaf)&0xFFFFu)
#define NVME_NS_SHIFT(lbaf)    ((lbaf) >> 16 & 0xFFu)

#endif
