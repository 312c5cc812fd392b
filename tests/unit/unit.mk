# SPDX-License-Identifier: MIT
#
# Unit tests on the build machine: cmocka, under the address and undefined-behaviour sanitizers.
#   make unit               builds and runs all of them
#   make unit UNIT_SEED=7   other random numbers (every test prints its seed)
#
# A new test is one line at the end of the list below: its name (tests/unit/test_NAME.c) and the files it tests.

# Sanitizers need the lines alone; variables for a debugger: make clean, then UNIT_DEBUG=-g.
UNIT_DEBUG  := -g1
UNIT_CFLAGS := -std=gnu11 -O1 $(UNIT_DEBUG) $(WARN) -I. -fsanitize=address,undefined -fno-sanitize-recover=all \
               -fno-omit-frame-pointer -ffile-prefix-map="$$PWD"=. -DPVT_VERSION='"$(VERSION)"'
UNIT_LIBS   := -lcmocka -lpthread
UNIT_COMMON := lib/random.c
UNIT_TESTS  :=
UNIT_OBJ    :=
UNIT_SRC     = $(sort $(UNIT_OBJ:$(BUILD)/unit/%.o=%))
BENCH_SRC   := tests/unit/bench_stage1.c tests/unit/bench_softiommu.c
BENCH_CFLAGS := -std=gnu11 -O2 -g $(WARN) -I. -fno-tree-vectorize

unit_objects = $(patsubst %,$(BUILD)/unit/%.o,$(sort $(1) $(UNIT_COMMON)))

# unit_test(name, sources under test)
define unit_test
UNIT_TESTS += $(BUILD)/unit/test_$(1)
UNIT_OBJ += $(call unit_objects,tests/unit/test_$(1).c $(2))
$(BUILD)/unit/test_$(1): $(call unit_objects,tests/unit/test_$(1).c $(2))
endef

STAGE1_SRC := $(sort $(wildcard lib/stage1*.c))
STAGE1_FIXTURE := $(STAGE1_SRC) tests/unit/stage1_fixture.c
# The reference host without hardware: a fake backend, fake guest memory.
HOST_FIXTURE := $(sort $(wildcard host/domains/*.c)) host/defects/defects.c host/variants/variants.c host/defects/flags.c host/iommu/domain_id.c tests/unit/host_fixture.c lib/fmt.c
SOFTIOMMU_FIXTURE := $(sort $(wildcard host/softiommu/*.c)) tests/unit/softiommu_fixture.c
# The same with the seams at which faults are injected.
SEAMS := host/defects/softiommu_seams.ld
SOFTIOMMU_FAULTS := $(SOFTIOMMU_FIXTURE) $(sort $(wildcard host/defects/softiommu_*.c))
HOST_CALLS := $(filter-out host/hypercalls/vmbus_calls.c host/hypercalls/integrity_call.c host/hypercalls/init.c,$(sort $(wildcard host/hypercalls/*.c)))
# The emulated DMA engine on the real software IOMMU.
DMAPROBE_FIXTURE := $(sort $(wildcard host/vdev/dmaprobe*.c)) host/vdev/time.c host/vdev/config_space.c tests/unit/dmaprobe_fixture.c \
                    $(sort $(wildcard host/softiommu/*.c))
# The host's VMBus with fake guest memory.
VMBUS_FIXTURE := $(sort $(wildcard host/vmbus/*.c)) tests/unit/vmbus_fixture.c
VPCI_FIXTURE := $(VMBUS_FIXTURE) tests/unit/vpci_fixture.c host/vdev/config_space.c host/platform/pci_resets.c \
                $(filter-out host/vpci/virtual_function.c,$(sort $(wildcard host/vpci/*.c)))

$(eval $(call unit_test,abi,))
$(eval $(call unit_test,bits,))
$(eval $(call unit_test,return_address,))
$(eval $(call unit_test,string,))
$(eval $(call unit_test,fmt,lib/fmt.c))
$(eval $(call unit_test,glob,lib/glob.c))
$(eval $(call unit_test,patterns,tests/harness/patterns.c tests/harness/journal.c lib/glob.c))
$(eval $(call unit_test,calibrate,lib/calibrate.c))
$(eval $(call unit_test,random,))
$(eval $(call unit_test,options,lib/options.c lib/fmt.c))
$(eval $(call unit_test,option_text,lib/option_text.c lib/fmt.c))
$(eval $(call unit_test,shadow,drivers/units/shadow.c))
$(eval $(call unit_test,vtd_dmar,drivers/units/vtd_dmar.c))
$(eval $(call unit_test,guest_ring,drivers/vmbus/ring.c))
$(eval $(call unit_test,mmio_window,drivers/vpci/mmio_window.c))
$(eval $(call unit_test,nvme_scratch,drivers/nvme_scratch.c drivers/nvme_options.c lib/options.c lib/fmt.c))
$(eval $(call unit_test,tap,lib/tap.c lib/fmt.c))
$(eval $(call unit_test,flush_range,lib/flush_range.c))
$(eval $(call unit_test,iova,lib/iova.c))
$(eval $(call unit_test,stage1_entries,$(STAGE1_FIXTURE)))
$(eval $(call unit_test,stage1_errors,$(STAGE1_FIXTURE)))
$(eval $(call unit_test,stage1_memory,$(STAGE1_FIXTURE)))
$(eval $(call unit_test,stage1_model,$(STAGE1_FIXTURE)))
$(eval $(call unit_test,stage1_concurrent,$(STAGE1_FIXTURE)))
$(eval $(call unit_test,fill,kernel/fill.c))
$(eval $(call unit_test,user_space,$(STAGE1_SRC) kernel/user_space.c))
$(eval $(call unit_test,host_domains,$(HOST_FIXTURE)))
$(eval $(call unit_test,host_hypercalls,$(HOST_FIXTURE) $(HOST_CALLS) tests/unit/host_calls.c))
$(eval $(call unit_test,hints,$(HOST_FIXTURE) $(HOST_CALLS) $(sort $(wildcard host/hints/*.c host/softiommu/*.c)) tests/unit/host_calls.c))
$(eval $(call unit_test,host_variants,$(filter-out host/variants/variants.c,$(HOST_FIXTURE)) $(HOST_CALLS) host/variants/calls.c host/variants/domains.c tests/unit/host_calls.c))
$(eval $(call unit_test,mmio_decode,host/cpu/mmio_decode.c))
$(eval $(call unit_test,config_space,host/vdev/config_space.c))
$(eval $(call unit_test,sriov,tests/unit/host_stubs.c host/vdev/sriov.c host/base/machine_access.c))
$(eval $(call unit_test,dmaprobe,$(DMAPROBE_FIXTURE)))
$(eval $(call unit_test,ioat,$(DMAPROBE_FIXTURE) $(sort $(wildcard host/vdev/ioat*.c))))
$(eval $(call unit_test,softiommu_faults,$(SOFTIOMMU_FAULTS) $(sort $(wildcard tests/unit/softiommu_s[ct]*.c))))
$(eval $(call unit_test,softiommu_model,$(SOFTIOMMU_FAULTS) $(sort $(wildcard tests/unit/softiommu_world*.c))))
$(BUILD)/unit/test_softiommu_faults $(BUILD)/unit/test_softiommu_model: UNIT_LIBS += -Wl,@$(SEAMS)
$(eval $(call unit_test,softiommu_walk,$(SOFTIOMMU_FIXTURE)))
$(eval $(call unit_test,softiommu_policies,$(SOFTIOMMU_FIXTURE)))
$(eval $(call unit_test,softiommu_flush,$(SOFTIOMMU_FIXTURE)))
$(eval $(call unit_test,softiommu_requests,$(SOFTIOMMU_FIXTURE)))
$(eval $(call unit_test,account,tests/harness/account.c))
$(eval $(call unit_test,report_verdict,tests/harness/report_verdict.c))
$(eval $(call unit_test,shrink,tests/harness/shrink.c tests/harness/operations.c lib/options.c lib/fmt.c))
$(eval $(call unit_test,journal,tests/harness/journal.c))
$(eval $(call unit_test,journal_fold,tests/harness/journal.c tests/harness/journal_fold.c))
$(eval $(call unit_test,profiles,tests/harness/profiles.c tests/harness/report_verdict.c lib/fmt.c))
$(eval $(call unit_test,softiommu_cache,host/softiommu/cache.c host/softiommu/tlb.c))
$(eval $(call unit_test,vmbus_ring,$(VMBUS_FIXTURE)))
$(eval $(call unit_test,vmbus,$(VMBUS_FIXTURE)))
$(eval $(call unit_test,vpci,$(VPCI_FIXTURE)))
$(eval $(call unit_test,vpci_machine,$(VPCI_FIXTURE)))
$(eval $(call unit_test,acpi,tests/unit/host_stubs.c host/platform/acpi.c host/platform/madt.c))
$(eval $(call unit_test,generation2,tests/unit/host_stubs.c host/platform/generation2.c host/platform/acpi_generation2.c host/platform/acpi_vmbus.c host/platform/acpi.c host/platform/madt.c drivers/vpci/mmio_window.c))
$(eval $(call unit_test,integrity,tests/unit/host_stubs.c host/base/integrity.c))
$(eval $(call unit_test,guest_walk,host/cpu/guest_walk.c host/cpu/insn_fetch.c host/cpu/guest_state.c))

.PHONY: unit

unit: $(UNIT_TESTS) $(BUILD)/unit/bench_stage1 $(BUILD)/unit/bench_softiommu
	@UNIT_SEED='$(UNIT_SEED)' tests/unit/run.sh $(UNIT_TESTS)
	@$(BUILD)/unit/bench_stage1
	@$(BUILD)/unit/bench_softiommu

$(UNIT_TESTS):
	$(call tell,LINK,unit   $(@F))
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) $^ -o $@ $(UNIT_LIBS)

$(BUILD)/unit/%.c.o: %.c tests/unit/unit.mk
	@mkdir -p $(@D)
	$(call tell,CC,unit   $<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

# Speed is measured without sanitizers, and without vector registers, as in the guest image.
$(BUILD)/unit/bench_stage1: tests/unit/bench_stage1.c $(STAGE1_SRC) $(wildcard lib/*.h) tests/unit/unit.mk
	@mkdir -p $(@D)
	$(call tell,CC,unit   $<)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) $(filter %.c,$^) -o $@

# As in the host, with the seams of faults.
$(BUILD)/unit/bench_softiommu: tests/unit/bench_softiommu.c $(sort $(wildcard host/softiommu/*.c host/defects/softiommu_*.c)) \
                               $(wildcard host/softiommu/*.h host/defects/softiommu_*.h) $(SEAMS) tests/unit/unit.mk
	@mkdir -p $(@D)
	$(call tell,CC,unit   $<)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) $(filter %.c,$^) -Wl,@$(SEAMS) -o $@

-include $(sort $(UNIT_OBJ:.o=.d))
