/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_STATUS_H
#define PVT_ABI_STATUS_H

/*
 * Hypercall status codes (Reference 2.4).
 *
 * One list, so that the enumeration and every table of names made from it cannot drift apart. A
 * host may return a value that is not listed: code that prints a status must fall back to the
 * number.
 */
#define HV_STATUS_LIST(X)                                                                          \
    X(SUCCESS, 0x00)                                                                               \
    X(INVALID_HYPERCALL_CODE, 0x02)                                                                \
    X(INVALID_HYPERCALL_INPUT, 0x03)                                                               \
    X(INVALID_ALIGNMENT, 0x04)                                                                     \
    X(INVALID_PARAMETER, 0x05)                                                                     \
    X(ACCESS_DENIED, 0x06)                                                                         \
    X(INVALID_PARTITION_STATE, 0x07)                                                               \
    X(OPERATION_DENIED, 0x08)                                                                      \
    X(UNKNOWN_PROPERTY, 0x09)                                                                      \
    X(PROPERTY_VALUE_OUT_OF_RANGE, 0x0A)                                                           \
    X(INSUFFICIENT_MEMORY, 0x0B)                                                                   \
    X(PARTITION_TOO_DEEP, 0x0C)                                                                    \
    X(INVALID_PARTITION_ID, 0x0D)                                                                  \
    X(INVALID_VP_INDEX, 0x0E)                                                                      \
    X(NOT_FOUND, 0x10)                                                                             \
    X(INVALID_PORT_ID, 0x11)                                                                       \
    X(INVALID_CONNECTION_ID, 0x12)                                                                 \
    X(INSUFFICIENT_BUFFERS, 0x13)                                                                  \
    X(NOT_ACKNOWLEDGED, 0x14)                                                                      \
    X(INVALID_VP_STATE, 0x15)                                                                      \
    X(ACKNOWLEDGED, 0x16)                                                                          \
    X(INVALID_SAVE_RESTORE_STATE, 0x17)                                                            \
    X(INVALID_SYNIC_STATE, 0x18)                                                                   \
    X(OBJECT_IN_USE, 0x19)                                                                         \
    X(INVALID_PROXIMITY_DOMAIN_INFO, 0x1A)                                                         \
    X(NO_DATA, 0x1B)                                                                               \
    X(INACTIVE, 0x1C)                                                                              \
    X(NO_RESOURCES, 0x1D)                                                                          \
    X(FEATURE_UNAVAILABLE, 0x1E)                                                                   \
    X(PARTIAL_PACKET, 0x1F)                                                                        \
    X(PROCESSOR_FEATURE_NOT_SUPPORTED, 0x20)                                                       \
    X(INSUFFICIENT_BUFFER, 0x33)                                                                   \
    X(INSUFFICIENT_DEVICE_DOMAINS, 0x38)                                                           \
    X(INVALID_LP_INDEX, 0x41)                                                                      \
    X(INVALID_REGISTER_VALUE, 0x50)                                                                \
    X(INVALID_VTL_STATE, 0x51)                                                                     \
    X(INVALID_DEVICE_ID, 0x57)                                                                     \
    X(INVALID_DEVICE_STATE, 0x58)                                                                  \
    X(PENDING_PAGE_REQUESTS, 0x59)                                                                 \
    X(PAGE_REQUEST_INVALID, 0x60)                                                                  \
    X(KEY_ALREADY_EXISTS, 0x65)                                                                    \
    X(DEVICE_ALREADY_IN_DOMAIN, 0x66)                                                              \
    X(OPERATION_FAILED, 0x71)                                                                      \
    X(NOT_ALLOWED_WITH_NESTED_VIRT_ACTIVE, 0x72)                                                   \
    X(INSUFFICIENT_ROOT_MEMORY, 0x73)                                                              \
    X(INSUFFICIENT_CONTIGUOUS_MEMORY, 0x75)                                                        \
    X(TIME_OUT, 0x78)                                                                              \
    X(CALL_PENDING, 0x79)                                                                          \
    X(INSUFFICIENT_CONTIGUOUS_ROOT_MEMORY, 0x83)                                                   \
    X(VTL_ALREADY_ENABLED, 0x86)                                                                   \
    X(UNKNOWN_REGISTER_NAME, 0x87)

enum hv_status {
#define HV_STATUS_ENUMERATOR(name, value) HV_STATUS_##name = (value),
    HV_STATUS_LIST(HV_STATUS_ENUMERATOR)
#undef HV_STATUS_ENUMERATOR
};

#endif
