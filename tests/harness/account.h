/* SPDX-License-Identifier: MIT */
/*
 * The domains that calls in memory form have made and not deleted, by the status of each call. A
 * test that makes objects by chance, with random or changed input, may not know all of them; the
 * reset asks here what is left, and which devices may be in another domain than before.
 */
#ifndef PVT_TESTS_HARNESS_ACCOUNT_H
#define PVT_TESTS_HARNESS_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_MAX          512u
#define ACCOUNT_DEVICES_MAX  8u
#define ACCOUNT_ATTACHED_MAX 64u

struct account {
    uint32_t id[ACCOUNT_MAX];
    unsigned count;
    bool overflowed; /* there are more */
    uint64_t device[ACCOUNT_DEVICES_MAX];
    unsigned devices;
    bool any_device;
    uint64_t attached[ACCOUNT_ATTACHED_MAX];
    unsigned attached_count; /* beyond the array: there are more */
};

/* A call of this code on the domain has succeeded. */
void account_note(struct account *account, uint16_t code, uint32_t id);
/* Takes one id out that is none of first .. end - 1 and none of the `others`; false when there is
 * none. */
bool account_take_other(struct account *account, uint32_t first, uint32_t end,
                        const uint32_t *others, unsigned count, uint32_t *id);
/* A call that may have moved this device. */
void account_note_device(struct account *account, uint64_t device_id);
/* A call of which it is not known what it has moved. */
void account_note_any_device(struct account *account);
bool account_may_have_moved(const struct account *account, uint64_t device_id);
/* An ATTACH of this id has succeeded. Several processors may say so at once. */
void account_note_attached(struct account *account, uint64_t device_id);
/* Takes such an id out; false when there is none. More than ACCOUNT_ATTACHED_MAX are not kept. */
bool account_take_attached(struct account *account, uint64_t *device_id);
/* No domain is left, and no device has moved. */
void account_clear(struct account *account);

#endif
