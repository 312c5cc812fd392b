/* SPDX-License-Identifier: MIT */
/* Reports which devices of a PC answer: a generation 2 VM has none of them but, on request, COM1.
 */
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/fadt.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "tests/harness/report.h"
#include "tests/harness/suite.h"

#define ABSENT 0xFFu

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_ENABLE  0x80000000u
#define PIC_MASK       0x21
#define PIC_CASCADE    0xFBu /* only the other controller, all of whose inputs are masked */
#define RTC_INDEX      0x70
#define RTC_STATUS_D   0x8Du /* with NMI off */

static bool has_config_ports(void)
{
    cpu_out32(CONFIG_ADDRESS, CONFIG_ENABLE);
    return cpu_in32(CONFIG_ADDRESS) == CONFIG_ENABLE;
}

static bool has_pic(void)
{
    bool found;

    cpu_out8(PIC_MASK, PIC_CASCADE);
    found = cpu_in8(PIC_MASK) == PIC_CASCADE;
    cpu_out8(PIC_MASK, ABSENT);
    return found;
}

static bool has_rtc(void)
{
    cpu_out8(RTC_INDEX, RTC_STATUS_D);
    return cpu_in8(RTC_INDEX + 1) != ABSENT;
}

static bool has_pit(void)
{
    return cpu_in8(0x61) != ABSENT;
}

static bool has_keyboard(void)
{
    return cpu_in8(0x64) != ABSENT;
}

static bool has_com1(void)
{
    return cpu_in8(0x3FD) != ABSENT;
}

static bool has_pm_timer(void)
{
    const struct fadt *fadt = acpi_fadt();
    struct acpi_address timer;

    return fadt && FADT_REGISTER(fadt, pm_timer, &timer);
}

static bool has_hpet(void)
{
    return acpi_find("HPET", 0);
}

static bool has_mcfg(void)
{
    return acpi_find("MCFG", 0);
}

void suite_describe_pc_devices(void)
{
    static const struct {
        bool (*present)(void);
        const char *name;
    } device[] = {
        {has_mcfg, "mcfg"},         {has_config_ports, "config-ports"},
        {has_pic, "pic"},           {has_pit, "pit"},
        {has_rtc, "rtc"},           {has_keyboard, "keyboard"},
        {has_pm_timer, "pm-timer"}, {has_hpet, "hpet"},
        {has_com1, "com1"},
    };
    char text[96] = "";
    size_t length = 0;

    for (size_t i = 0; i < ARRAY_SIZE(device); i++)
        if (device[i].present())
            length += fmt_snprintf(text + length, sizeof(text) - length, "%s%s",
                                   length != 0 ? " " : "", device[i].name);
    report_comment("machine: pc=\"%s\"", text);
}
