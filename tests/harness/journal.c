/* SPDX-License-Identifier: MIT */
#include "tests/harness/journal.h"

#include "lib/string.h"

#define RECORD_MAGIC 0x52545650u /* "PVTR" */
#define STATE_MAGIC  0x53545650u /* "PVTS" */
#define VERSION      2

#define KIND_MASK 0x0Fu

/* An entry: kind and flags in a byte, then varints: index and duration of a result, index of a
 * BEGIN, length of a text, then the text. */
#define VARINT_MAX  5 /* bytes of 32 bits, seven in each */
#define VARINT_MORE 0x80u

#define FNV_OFFSET 0xCBF29CE484222325ull
#define FNV_PRIME  0x100000001B3ull

uint64_t journal_digest(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    digest ^= FNV_OFFSET;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * FNV_PRIME;
    return digest;
}

static uint32_t checksum_of(uint64_t digest)
{
    return (uint32_t)(digest ^ digest >> 32);
}

static bool is_result(enum journal_kind kind)
{
    return kind >= JOURNAL_PASS && kind <= JOURNAL_ERROR;
}

static bool has_index(enum journal_kind kind)
{
    return is_result(kind) || kind == JOURNAL_BEGIN;
}

static size_t put_varint(uint8_t *to, uint32_t value)
{
    size_t count = 0;

    for (; value >= VARINT_MORE; value >>= 7)
        to[count++] = (uint8_t)(value | VARINT_MORE);
    to[count++] = (uint8_t)value;
    return count;
}

static bool get_varint(struct journal_cursor *c, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < VARINT_MAX && c->at < c->end; i++) {
        uint8_t byte = *c->at++;

        *value |= (uint32_t)(byte & ~VARINT_MORE) << (7 * i);
        if ((byte & VARINT_MORE) == 0)
            return true;
    }
    return false;
}

void journal_begin(struct journal_record *r, void *memory, size_t capacity)
{
    *r = (struct journal_record){
        .bytes = memory, .capacity = capacity, .used = sizeof(struct journal_header)};
}

bool journal_add(struct journal_record *r, const struct journal_entry *e)
{
    uint8_t head[1 + 3 * VARINT_MAX];
    unsigned flags = e->flags & (JOURNAL_RAW | JOURNAL_CUT | JOURNAL_DMA);
    bool same = e->text_length != 0 && e->text_length == r->last_length &&
                memcmp(r->bytes + r->last_text, e->text, e->text_length) == 0;
    size_t length = 1, text_length = same ? 0 : e->text_length;

    head[0] = (uint8_t)(e->kind | flags | (same ? JOURNAL_SAME : 0));
    if (has_index(e->kind))
        length += put_varint(head + length, e->index);
    if (is_result(e->kind))
        length += put_varint(head + length, e->duration_us);
    length += put_varint(head + length, (uint32_t)text_length);
    if (r->used + length + text_length > r->capacity)
        return false;
    memcpy(r->bytes + r->used, head, length);
    r->used += length;
    if (text_length != 0) {
        memcpy(r->bytes + r->used, e->text, text_length);
        r->last_text = r->used;
        r->last_length = text_length;
        r->used += text_length;
    }
    r->entries++;
    return true;
}

static uint32_t record_checksum(struct journal_header header, const void *entries)
{
    header.checksum = 0;
    return checksum_of(
        journal_digest(journal_digest(0, &header, sizeof(header)), entries, header.length));
}

void journal_seal(struct journal_record *r, uint64_t run, unsigned boot, unsigned sequence)
{
    struct journal_header header = {.magic = RECORD_MAGIC,
                                    .version = VERSION,
                                    .boot = (uint16_t)boot,
                                    .sequence = sequence,
                                    .length = (uint32_t)(r->used - sizeof(header)),
                                    .run = run};

    header.checksum = record_checksum(header, r->bytes + sizeof(header));
    memcpy(r->bytes, &header, sizeof(header));
}

size_t journal_check(const void *bytes, size_t size, struct journal_header *header)
{
    if (size < sizeof(*header))
        return 0;
    memcpy(header, bytes, sizeof(*header));
    if (header->magic != RECORD_MAGIC || header->version != VERSION ||
        header->length > size - sizeof(*header) ||
        header->checksum != record_checksum(*header, (const uint8_t *)bytes + sizeof(*header)))
        return 0;
    return sizeof(*header) + header->length;
}

void journal_entries(struct journal_cursor *cursor, const void *record)
{
    struct journal_header header;

    memcpy(&header, record, sizeof(header));
    *cursor = (struct journal_cursor){.at = (const uint8_t *)record + sizeof(header)};
    cursor->end = cursor->at + header.length;
}

bool journal_next(struct journal_cursor *c, struct journal_entry *e)
{
    uint32_t length;
    uint8_t head;

    *e = (struct journal_entry){0};
    if (c->at == c->end)
        return false;
    head = *c->at++;
    e->kind = (enum journal_kind)(head & KIND_MASK);
    e->flags = head & ~KIND_MASK;
    if (e->kind == JOURNAL_UNEXPLAINED || e->kind > JOURNAL_STOP ||
        (has_index(e->kind) && !get_varint(c, &e->index)) ||
        (is_result(e->kind) && !get_varint(c, &e->duration_us)) || !get_varint(c, &length) ||
        length > (size_t)(c->end - c->at))
        return false;
    if (e->flags & JOURNAL_SAME) {
        e->text = c->last_text;
        e->text_length = c->last_length;
    } else if (length != 0) {
        c->last_text = e->text = (const char *)c->at;
        c->last_length = e->text_length = length;
        c->at += length;
    }
    return true;
}

static uint32_t state_checksum(struct journal_state state)
{
    state.checksum = 0;
    return checksum_of(journal_digest(0, &state, sizeof(state)));
}

void journal_state_seal(struct journal_state *state)
{
    state->magic = STATE_MAGIC;
    state->version = VERSION;
    state->checksum = state_checksum(*state);
}

const char *journal_state_check(const struct journal_state *state, size_t size)
{
    if (size != sizeof(*state) || state->magic != STATE_MAGIC)
        return "is not a record of this suite";
    if (state->version != VERSION)
        return "has the format of another version";
    return state->checksum == state_checksum(*state) ? NULL : "is damaged";
}
