# SPDX-License-Identifier: MIT
#
# Builds two UEFI images under build/:
#   pvtest.efi   the conformance image (guest)          refhost.efi  the reference host
# Each has its debug ELF beside it (.debug). Objects carry no path of the machine, so that two builds are identical.

SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BUILD   := build
CC      := gcc
HOSTCC  := gcc
LD      := ld
OBJCOPY := objcopy
PYTHON  := /usr/bin/python3
export SOURCE_DATE_EPOCH := 0

VERSION := $(shell cat VERSION)

EFI_INC := /usr/include/efi
EFI_LIB := $(firstword $(wildcard /usr/lib/crt0-efi-x86_64.o /usr/lib64/gnuefi/crt0-efi-x86_64.o /usr/lib/gnuefi/crt0-efi-x86_64.o))
EFI_DIR := $(patsubst %/,%,$(dir $(EFI_LIB)))

WARN   := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow
CFLAGS := -std=gnu11 -O2 -g $(WARN) -I. -I$(BUILD)/gen -isystem $(EFI_INC) -isystem $(EFI_INC)/x86_64 \
          -DGNU_EFI_USE_MS_ABI -DPVT_VERSION='"$(VERSION)"' -maccumulate-outgoing-args -ffreestanding -fno-stack-protector -fpic -fshort-wchar \
          -mno-red-zone -fcf-protection=none -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-asynchronous-unwind-tables \
          -ffile-prefix-map=$(CURDIR)=. -fno-ident -fvisibility=hidden
# The host must leave the guest's vector registers alone; the guest uses none outside its own assembly.
CFLAGS += -mgeneral-regs-only

GUEST_SRC := $(sort $(wildcard boot/*.c boot/*.S kernel/*.c kernel/*.S drivers/*.c drivers/*.S lib/*.c tests/harness/*/*.c) \
             $(filter-out tests/unit/%,$(wildcard tests/*/*.c tests/*/*.S)))
HOST_SRC  := $(sort $(wildcard host/*/*.c host/*/*.S host/*/*/*.c)) \
             lib/fmt.c lib/string.c lib/options.c lib/glob.c lib/calibrate.c
GUEST_OBJ := $(patsubst %,$(BUILD)/guest/%.o,$(GUEST_SRC))
HOST_OBJ  := $(patsubst %,$(BUILD)/host/%.o,$(HOST_SRC))

# Tests are many and each runs for a moment: small code matters more than fast code there, and in what is not hot.
$(BUILD)/guest/tests/%.o: CFLAGS += -Oz -ffunction-sections -mpreferred-stack-boundary=3
$(BUILD)/guest/kernel/%.o: CFLAGS += -Oz
$(BUILD)/guest/drivers/%.o $(BUILD)/guest/boot/%.o: CFLAGS += -Os -ffunction-sections
# Texts, options, discovery.
SMALL := $(basename $(wildcard boot/*.c)) drivers/dma_edu drivers/dma_edu_device drivers/dma_engine lib/random lib/flush_range lib/fmt \
         lib/tap lib/glob lib/calibrate drivers/pci_config drivers/pci_header drivers/pci_enumerate drivers/pci_ecam drivers/dma_probe \
         drivers/hypercall_discovery drivers/hypercall_status drivers/oracle drivers/pviommu_capabilities
$(SMALL:%=$(BUILD)/guest/%.c.o): CFLAGS += -Oz
$(BUILD)/guest/tests/bench/%.o: CFLAGS += -O2

# What the PE file keeps of the ELF file.
SECTIONS := .text .rodata .pvtcat .rela .dynsym .dynstr .reloc .data.rel.ro .dynamic .data

# A budget for the code of this project as Debian 12's gcc compiles it. Other compilers make larger images, and a limit must not
# stop their users: `make test` enforces it where gcc is that one; everywhere else a larger image is a warning.
GUEST_LIMIT := 655360
HOST_LIMIT  := 393216
LIMITS      := warn

.PHONY: all image test lint unit clean check-catalogue docs sizes

all: image

image: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi check-catalogue sizes

$(BUILD)/guest/%.o: % Makefile VERSION
	@mkdir -p $(@D)
	@echo "  CC    guest  $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/host/%.o: % Makefile VERSION
	@mkdir -p $(@D)
	@echo "  CC    host   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# link(image, objects, script)
define link
	@echo "  LINK  $(1)"
	@$(LD) -nostdlib -znocombreloc --gc-sections --build-id=none -T $(3) -shared -Bsymbolic --no-undefined -L$(EFI_DIR) $(EFI_DIR)/crt0-efi-x86_64.o $(2) \
	    -o $(BUILD)/$(1).debug -lgnuefi
	@$(OBJCOPY) $(SECTIONS:%=-j %) --target efi-app-x86_64 $(BUILD)/$(1).debug $(BUILD)/$(1).efi
endef

$(BUILD)/pvtest.efi: $(GUEST_OBJ) linker/guest.lds
	$(call link,pvtest,$(GUEST_OBJ),linker/guest.lds)

$(BUILD)/refhost.efi: $(HOST_OBJ) linker/host.lds
	$(call link,refhost,$(HOST_OBJ),linker/host.lds)

# Unknown requirement ids, duplicate test ids and bad declarations fail the build.
check-catalogue: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	@cd tools && $(PYTHON) -m pvtest check-catalogue

# Pages that are made from the requirements, the declarations of the tests and their stories; the manual page; the completion of bash.
docs: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	@cd tools && $(PYTHON) -m pvtest.dev.docs
	@echo "  DOCS  $(BUILD)/docs: catalogue.md requirements.md pvtest.1 completion.bash"

# size_check(image, limit in bytes): LIMITS=enforce makes a larger image an error
define size_check
	@size=$$(stat -c %s $(BUILD)/$(1)); echo "  SIZE  $(1): $$size bytes ($$((size / 1024)) of $$(($(2) / 1024)) KiB)"; \
	    [ $$size -lt $(2) ] || { echo "$(LIMITS): $(1) is larger than its limit of $(2) bytes" >&2; [ $(LIMITS) = warn ]; }
endef

sizes: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	$(call size_check,pvtest.efi,$(GUEST_LIMIT))
	$(call size_check,refhost.efi,$(HOST_LIMIT))

include tests/unit/unit.mk

# Everything that CI checks; each step says what it does. Sets up what is missing first.
test:
	@tools/setup.sh test
	@PYTHONPATH=tools $(PYTHON) -m pvtest.dev.ci

C_FILES  := $(sort $(shell git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]' -not -path './build/*'))
SH_FILES := run.sh .ci/run $(sort $(wildcard tools/*.sh tools/bundle/*.sh tests/unit/*.sh tests/runner/*.sh))
TIDY     := $(patsubst %,$(BUILD)/lint/%.tidy,$(GUEST_SRC) $(HOST_SRC))
TIDY     := $(sort $(filter %.c.tidy,$(TIDY)))

lint: lint-format lint-cppcheck lint-shell lint-python $(TIDY)
	@echo "  LINT  clean"

.PHONY: lint-format lint-cppcheck lint-shell lint-python
lint-format:
	@echo "  LINT  clang-format"
	@clang-format --dry-run -Werror $(C_FILES)

lint-cppcheck:
	@echo "  LINT  cppcheck"
	@mkdir -p $(BUILD)/lint/cppcheck
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingInclude --suppress=unusedStructMember -DGNU_EFI_USE_MS_ABI '-DPVT_VERSION="0"' -I. \
	    --cppcheck-build-dir=$(BUILD)/lint/cppcheck kernel drivers lib $(filter-out tests/unit tests/runner,$(wildcard tests/*)) host

lint-shell:
	@echo "  LINT  shellcheck"
	@shellcheck $(SH_FILES)

lint-python:
	@echo "  LINT  flake8, mypy"
	@$(PYTHON) -m flake8 tools tests
	@$(PYTHON) -m mypy --cache-dir $(BUILD)/lint/mypy tools/pvtest

# One stamp per file, so that only what changed is looked at again.
$(BUILD)/lint/%.tidy: % .clang-tidy $(wildcard abi/*.h boot/*.h kernel/*.h drivers/*.h lib/*.h tests/*/*.h tests/harness/*/*.h host/*/*.h)
	@mkdir -p $(@D)
	@echo "  TIDY  $<"
	@clang-tidy --quiet $< -- $(filter-out -Werror -maccumulate-outgoing-args -fno-ident,$(CFLAGS)) -Wno-unknown-warning-option \
	    2>$@.log >$@.out || { cat $@.out $@.log; exit 1; }
	@touch $@

clean:
	rm -rf $(BUILD)

-include $(GUEST_OBJ:.o=.d) $(HOST_OBJ:.o=.d)
