/* SPDX-License-Identifier: MIT */
#include "tests/harness/account.h"

#include "abi/hypercall.h"

static unsigned find(const struct account *account, uint32_t id)
{
    unsigned i = 0;

    while (i < account->count && account->id[i] != id)
        i++;
    return i;
}

static void take_out(struct account *account, unsigned i)
{
    account->id[i] = account->id[--account->count];
}

void account_note(struct account *account, uint16_t code, uint32_t id)
{
    unsigned i = find(account, id);

    if (code == HVCALL_DELETE_DEVICE_DOMAIN && i < account->count)
        take_out(account, i);
    if (code == HVCALL_CREATE_DEVICE_DOMAIN && i == account->count) {
        /* The newest one takes the place of the one before: a test that makes many, one after the
         * other, leaves the last of them when it is stopped. */
        if (account->count == ACCOUNT_MAX) {
            account->overflowed = true;
            account->count--;
        }
        account->id[account->count++] = id;
    }
}

static bool is_one_of(uint32_t id, const uint32_t *others, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (others[i] == id)
            return true;
    return false;
}

bool account_take_other(struct account *account, uint32_t first, uint32_t end,
                        const uint32_t *others, unsigned count, uint32_t *id)
{
    for (unsigned i = 0; i < account->count; i++) {
        *id = account->id[i];
        if ((*id < first || *id >= end) && !is_one_of(*id, others, count)) {
            take_out(account, i);
            return true;
        }
    }
    return false;
}

void account_note_any_device(struct account *account)
{
    account->any_device = true;
}

void account_note_device(struct account *account, uint64_t device_id)
{
    if (account_may_have_moved(account, device_id))
        return;
    if (account->devices == ACCOUNT_DEVICES_MAX)
        account->any_device = true;
    else
        account->device[account->devices++] = device_id;
}

bool account_may_have_moved(const struct account *account, uint64_t device_id)
{
    for (unsigned i = 0; i < account->devices; i++)
        if (account->device[i] == device_id)
            return true;
    return account->any_device;
}

static unsigned attached_count(const struct account *account)
{
    unsigned count = __atomic_load_n(&account->attached_count, __ATOMIC_RELAXED);

    return count < ACCOUNT_ATTACHED_MAX ? count : ACCOUNT_ATTACHED_MAX;
}

void account_note_attached(struct account *account, uint64_t device_id)
{
    const unsigned count = attached_count(account);
    unsigned place;

    for (unsigned i = 0; i < count; i++)
        if (account->attached[i] == device_id)
            return;
    if (count == ACCOUNT_ATTACHED_MAX)
        return;
    place = __atomic_fetch_add(&account->attached_count, 1, __ATOMIC_RELAXED);
    if (place < ACCOUNT_ATTACHED_MAX)
        account->attached[place] = device_id;
}

bool account_take_attached(struct account *account, uint64_t *device_id)
{
    const unsigned count = attached_count(account);

    if (count == 0)
        return false;
    *device_id = account->attached[count - 1];
    account->attached_count = count - 1;
    return true;
}

void account_clear(struct account *account)
{
    account->attached_count = 0;
    account->devices = 0;
    account->any_device = false;
    account->count = 0;
    account->overflowed = false;
}
