# SPDX-License-Identifier: MIT
#
# Fuzzing of all that takes apart what a guest gives the host: libFuzzer, with the address and undefined-behavior sanitizers.
#   make fuzz                   builds the targets and runs each for its part of FUZZ_SECONDS (10)
#   make -j2 fuzz                runs two at a time
#   make fuzz FUZZ_SECONDS=600  looks longer; what was found is kept in build/fuzz/NAME.corpus
# A failure leaves the input in build/fuzz/ and says its name: build/fuzz/fuzz_NAME FILE repeats it.

FUZZ_CC      := clang
FUZZ_SECONDS := 10
FUZZ_CFLAGS  := -std=gnu11 -O1 -g $(WARN) -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
                -fno-omit-frame-pointer -DPVT_VERSION='"$(VERSION)"'
FUZZ_TARGETS :=

# fuzz_target(name, part, sources under test). A part of 6 looks for a sixth of the time: a parser without a state finds its
# last branch within two seconds, and one of a table, a ring or a text within five; what goes through states finds some after 30 s, for which
# the nightly job has the time.
define fuzz_target
FUZZ_TARGETS += $(BUILD)/fuzz/fuzz_$(1)
$(BUILD)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(sort $(3))
$(BUILD)/fuzz/fuzz_$(1).run: FUZZ_PART := $(2)
endef

$(eval $(call fuzz_target,vmbus_control,6,host/vmbus/control_parse.c))
$(eval $(call fuzz_target,vmbus_ring,3,$(VMBUS_FIXTURE)))
$(eval $(call fuzz_target,vpci_request,6,host/vpci/request_parse.c))
$(eval $(call fuzz_target,retarget,6,host/vpci/retarget_parse.c))
$(eval $(call fuzz_target,vmbus,1,$(VPCI_FIXTURE)))
$(eval $(call fuzz_target,functions,1,$(DMAPROBE_FIXTURE) $(wildcard host/vdev/ioat*.c)))
$(eval $(call fuzz_target,hypercalls,1,$(HOST_FIXTURE) $(HOST_CALLS) $(wildcard host/hints/*.c host/softiommu/*.c) tests/unit/host_calls.c))
$(eval $(call fuzz_target,mmio_decode,6,host/cpu/mmio_decode.c))
$(eval $(call fuzz_target,guest_walk,6,host/cpu/guest_walk.c host/cpu/insn_fetch.c host/cpu/guest_state.c))
$(eval $(call fuzz_target,options,3,host/launch/host_options.c host/defects/defects.c host/variants/variants.c host/defects/flags.c lib/options.c lib/fmt.c))
$(eval $(call fuzz_target,acpi,3,host/platform/acpi.c host/platform/madt.c))

$(FUZZ_TARGETS): tests/fuzz/fuzz.mk tests/fuzz/fuzz.h tests/fuzz/input.h $(wildcard abi/*.h lib/*.h host/vmbus/*.h host/vpci/*.h host/cpu/*.h host/platform/*.h host/launch/*.h host/vdev/*.h host/softiommu/*.h host/hints/*.h host/hypercalls/*.h tests/unit/*_fixture.h)
	@mkdir -p $(@D)
	@echo "  FUZZ  build  $(@F)"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) $(filter %.c,$^) -o $@ $(FUZZ_LIBS)
# Their fixtures are those of unit tests.
$(BUILD)/fuzz/fuzz_functions $(BUILD)/fuzz/fuzz_hypercalls: FUZZ_LIBS := -lcmocka

FUZZ_RUNS := $(FUZZ_TARGETS:%=%.run)
.PHONY: fuzz $(FUZZ_RUNS)
fuzz: $(FUZZ_RUNS)

# A target of make for each, so that -j has them look side by side.
$(FUZZ_RUNS): %.run: %
	@mkdir -p $<.corpus
	@$< -max_total_time=$$((($(FUZZ_SECONDS) + $(FUZZ_PART) - 1) / $(FUZZ_PART))) -max_len=4096 -timeout=5 -artifact_prefix=$(BUILD)/fuzz/ -print_final_stats=1 $<.corpus \
	    >$<.log 2>&1 || { cat $<.log; exit 1; }
	@echo "  FUZZ  $(<F): $$(sed -n 's/^stat::number_of_executed_units: *//p' $<.log) inputs"
