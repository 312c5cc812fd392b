/* SPDX-License-Identifier: MIT */
/* The run as a whole: options, what the machine is, plan, every selected instance, totals. */
#include "tests/harness/suite.h"

#include "abi/dmaprobe.h"
#include "abi/oracle.h"
#include "boot/error_report.h"
#include "drivers/host_integrity.h"
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "kernel/image.h"
#include "kernel/kernel.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/power.h"
#include "kernel/smp.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "lib/text_of.h"
#include "tests/harness/fault_turns.h"

/* First strings of the catalogue in the image; the tests' own follow. */
static const char catalogue_format[] __attribute__((used, section(".pvtcat"))) = "catalogue\t7";
static const char catalogue_version[] __attribute__((used, section(".pvtcat"))) =
    "version\t" PVT_VERSION;
static const char catalogue_oracle[] __attribute__((used, section(".pvtcat"))) =
    "interface\toracle\t" TEXT_OF(HV_ORACLE_VERSION);
static const char catalogue_dmaprobe[] __attribute__((used, section(".pvtcat"))) =
    "interface\tdmaprobe\t" TEXT_OF(DMAPROBE_VERSION_1);
/* The same at the head of the complete declarations, which only the debug file has. */
__asm__(".pushsection .pvttext, \"\"\n"
        ".string \"catalogue\t4\"\n"
        ".string \"version\t" PVT_VERSION "\"\n"
        ".popsection");

static void describe_capabilities(void)
{
    const struct hv_output_get_iommu_capabilities *caps = pviommu_capabilities();

    if (caps) {
        report_comment("pviommu: iova_bits=%u pasid_bits=%u cap=0x%llx page_sizes=0x%llx",
                       caps->max_iova_width, caps->max_pasid_width,
                       (unsigned long long)caps->iommu_cap,
                       (unsigned long long)caps->pgsize_bitmap);
    } else {
        report_comment("pviommu: absent, %s", pviommu_missing());
    }
}

/* A unit that this image drives itself. */
static void describe_unit(void)
{
    const char *problem = iommu_start();
    char text[TEXT_MAX];

    if (problem) {
        report_comment("iommu: name=%s absent=\"%s\"", iommu()->name, problem);
        return;
    }
    iommu()->describe(text, sizeof(text));
    report_comment("iommu: name=%s %s", iommu()->name, text);
    describe_capabilities();
}

static void describe_host(void)
{
    const struct hypercall_discovery *h = hypercall_init();
    struct oracle_info info;

    if (!iommu_promises(IOMMU_HYPERCALLS)) {
        describe_unit();
        return;
    }
    report_comment("hypervisor: vendor=\"%s\" max_leaf=0x%x interface=0x%x state=\"%s\"", h->vendor,
                   h->max_leaf, h->interface, hypercall_state_text(h->state));
    if (h->state != HYPERCALL_READY)
        return;
    describe_capabilities();
    if (oracle_info(&info)) {
        report_comment("host: name=refhost version=%s backend=%s defect=%s variant=%s",
                       info.host_version, info.backend, info.defect[0] ? info.defect : "none",
                       info.variant[0] ? info.variant : "none");
    }
}

/* Large, and .bss is a part of the image file. */
static struct suite *suite;
static struct option_error option_error;
static bool options_ok;

/* A machine without a serial port does not show the messages of suite_main() about them. */
static void report_bad_options(const struct boot_info *info, struct volume *volume)
{
    char text[sizeof(option_error.text) + 64];

    fmt_snprintf(text, sizeof(text), "%s line %u: %s", info->options_source, option_error.line,
                 option_error.text);
    error_report(volume, text);
}

bool suite_prepare(struct boot_info *info, struct volume *volume)
{
    struct suite *s = memory_boot_pages((sizeof(*s) + PAGE_SIZE - 1) / PAGE_SIZE);

    suite = s;
    options_ok = suite_options_parse(&s->options, info, &option_error);
    if (!options_ok) {
        report_bad_options(info, volume);
        return true;
    }
    suite_select(s);
    if (s->instance_count == 0 && !s->options.bench) {
        options_ok = false;
        fmt_snprintf(option_error.text, sizeof(option_error.text),
                     "no test is left: by without=, or because all are about another unit");
        report_bad_options(info, volume);
        return true;
    }
    /* Another restart would end in the same panic. */
    if (s->options.unattended && info->panicked_before)
        return false;
    s->counts.planned = s->options.bench ? 0 : (unsigned)(s->instance_count * s->options.repeat);
    if (fault_turns_given()) {
        s->counts.planned = fault_turns_planned(s);
        options_ok = s->counts.planned > 0;
        if (!options_ok) {
            fmt_snprintf(option_error.text, sizeof(option_error.text),
                         "unit-fault= names a place that no test of this run has");
            report_bad_options(info, volume);
            return true;
        }
    }
    for (size_t i = 0; i < s->instance_count; i++)
        s->counts.wants_transfer = s->counts.wants_transfer || s->instances[i].has_class;
    if (s->options.unattended && !unattended_prepare(s, volume))
        return false;
    /* Not before: a run that is complete, or that keeps no journal, must not start the machine
     * again. */
    error_report_keep_panics(s->unattended.on);
    return true;
}

/* Enough of it to tell builds apart. */
#define BUILD_ID_SHOWN 8

static const char *build_id(char *text, size_t size)
{
    for (unsigned i = 0; i < BUILD_ID_SHOWN; i++)
        fmt_snprintf(text + 2 * i, size - 2 * i, "%02x", image_build_id.hash[i]);
    return text;
}

static void note_processors(void)
{
    unsigned present, used = smp_count(&present);

    if (used < present)
        report_comment("note: %u of the %u processors of this machine are used", used, present);
}

/* NULL, or why no test can run. */
static const char *begin(struct suite *s, const struct boot_info *info)
{
    char text[2 * BUILD_ID_SHOWN + 1];
    uint64_t leaving_us;

    report_begin(s->counts.planned);
    panic_set_witness(NULL);
    unattended_start(s);
    report_comment("pvtest: version=%s build=%s seed=%llu repeat=%llu options=\"%s\" tsc_hz=%llu "
                   "clock=%s image=0x%llx",
                   PVT_VERSION, build_id(text, sizeof(text)), (unsigned long long)s->options.seed,
                   (unsigned long long)s->options.repeat, info->options_source,
                   (unsigned long long)time_tsc_hz(), time_source(),
                   (unsigned long long)image_base());
    describe_host();
    suite_describe_pc_devices();
    note_processors();
    /* A run that was to be on a unit says nothing without it. */
    if (!iommu_promises(IOMMU_HYPERCALLS) && iommu_start())
        return iommu_start();
    suite_describe_buses();
    s->rested = s->options.bench;
    suite_reset(s);
    suite_find_devices(s);
    /* The firmware takes some time to stop several processors; that time is not counted. */
    leaving_us = info->leave_tsc / (time_tsc_hz() / 1000000);
    report_comment("timing: firmware_to_first_test_us=%llu exit_boot_services_us=%llu",
                   (unsigned long long)(time_us() - leaving_us), (unsigned long long)leaving_us);
    unattended_before_tests(s);
    return paging_count_wx() == 0
               ? NULL
               : "the image's own tables have pages that are writable and executable";
}

/* Has the test that just ran ended the run? One whose set-up failed says nothing of its own
 * requirements. */
static bool stops(const struct suite *s)
{
    return (s->position - 1) % s->instance_count < s->options.stop_at_fail &&
           s->run.verdict == VERDICT_FAIL && !s->run.setup;
}

static void run_all(struct suite *s)
{
    /* A guest that is broken half-way is so once; in the place of a test it is so whenever that
     * test runs. */
    bool once =
        s->options.fixture_test[0] == '\0' && (!s->unattended.on || s->unattended.state.boot == 1);

    s->running = true;
    if (s->options.fixture[0] && once)
        suite_broken(s->options.fixture, s);
    while (s->position < s->counts.planned && !iommu_dead()) {
        suite_run_next(s);
        if (stops(s)) {
            report_comment("stopped: test=%s", s->run.instance);
            break;
        }
    }
    if (!iommu_dead())
        unattended_end(s);
}

/* No verdict of a host counts whose own memory a test has changed. */
static bool damaged_host(void)
{
    char text[TEXT_MAX];
    const char *damage = host_integrity_damage(text, sizeof(text));

    if (damage)
        report_bail_out(damage);
    else if (host_integrity_present())
        report_comment("integrity: the host's own memory is unchanged");
    return damage;
}

int suite_main(const struct boot_info *info)
{
    struct suite *s = suite;
    const char *reason;
    uint64_t start;

    if (!options_ok) {
        report_begin(0);
        report_comment("options: %s line %u: %s", info->options_source, option_error.line,
                       option_error.text);
        report_bail_out("bad options");
        return POWER_ERROR;
    }
    if (strcmp(s->options.fixture, "early-crash") == 0)
        panic("broken on purpose before the first result");
    reason = begin(s, info);
    if (reason) {
        unattended_stop(s, reason);
        report_bail_out(reason);
        return POWER_ERROR;
    }
    start = time_us();
    reason = NULL;
    if (s->options.bench)
        suite_bench();
    else if (fault_turns_given())
        reason = fault_turns_run(s);
    else
        run_all(s);
    reason = reason ? reason : iommu_dead();
    if (reason) {
        unattended_stop(s, reason);
        report_bail_out(reason);
        return POWER_ERROR;
    }
    if (damaged_host())
        return POWER_ERROR;
    if (s->options.unattended && !s->unattended.on) {
        struct report_verdict verdict = report_verdict(&s->counts);

        report_comment("verdict: exit=%u planned=%u with_dma=%u text=\"%s\"", verdict.exit_code,
                       s->counts.planned, s->counts.moved, verdict.text);
    }
    report_end(&s->counts, time_us() - start);
    if (s->counts.error)
        return POWER_ERROR;
    return s->counts.fail ? POWER_FAIL : POWER_PASS;
}
