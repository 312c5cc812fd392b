/* SPDX-License-Identifier: MIT */
/* A device that is in no domain, never attached or detached, and refused calls that leave it so. */
#ifndef PVT_TESTS_ATTACH_NO_DOMAIN_H
#define PVT_TESTS_ATTACH_NO_DOMAIN_H

#include "tests/harness/fixture.h"

struct no_domain {
    struct dma_engine *e;
    uint64_t iova;           /* of its DMA: the GPA of `open` */
    struct buffer open;      /* where it lands untranslated, */
    struct buffer paged;     /* and by the tables of `domain` */
    struct domain *domain;   /* the device was never in it */
    struct domain *five;     /* with five levels, and the same page; NULL: none here */
    uint32_t bare, unknown;  /* ids: of a domain without settings, and of none */
    bool lands;              /* untranslated, before the calls */
    enum hv_status answered; /* of the property call, before */
    uint64_t property;       /* what it says */
    bool moved;              /* a host may move it by a call that it accepts; nothing is compared
                                any more */
};

/* The device is in no domain. */
struct no_domain no_domain_begin(struct test_run *t, struct dma_engine *e);
/* Looks at its DMA and at its property, as they are before the next call. */
void no_domain_look(struct test_run *t, struct no_domain *s);

enum no_domain_calls {
    NO_DOMAIN_DETACH,
    NO_DOMAIN_ATTACH,
    NO_DOMAIN_FLUSH,
    NO_DOMAIN_OTHERS, /* CREATE, CONFIGURE, DELETE */
    NO_DOMAIN_CALLS
};
/* Makes the calls, and looks after each. */
void no_domain_try(struct test_run *t, struct no_domain *s, enum no_domain_calls calls);

#endif
