/* SPDX-License-Identifier: MIT */
#include "tests/harness/shrink.h"

#include "lib/string.h"

/* The same of the list without `length` of them from `at` on. */
static unsigned shows_without(struct shrink *s, const struct operation *list, unsigned count,
                              unsigned at, unsigned length)
{
    if (s->tried == s->most)
        return 0;
    s->tried++;
    memcpy(s->trial, list, at * sizeof(*list));
    memcpy(s->trial + at, list + at + length, (count - at - length) * sizeof(*list));
    return s->shows(s->context, s->trial, count - length);
}

/* One way through it, in pieces of a length. */
static unsigned pass(struct shrink *s, struct operation *list, unsigned count, unsigned length)
{
    unsigned at = 0;

    while (at < count) {
        unsigned piece = length < count - at ? length : count - at;
        unsigned left = piece < count ? shows_without(s, list, count, at, piece) : 0;

        if (left != 0) {
            memcpy(list, s->trial, left * sizeof(*list));
            count = left;
        } else {
            at += piece;
        }
    }
    return count;
}

unsigned shrink(struct shrink *s, struct operation *list, unsigned count)
{
    unsigned before;

    for (unsigned length = count / 2; length > 1; length /= 2)
        count = pass(s, list, count, length);
    do {
        before = count;
        count = pass(s, list, count, 1);
    } while (count < before);
    return count;
}
