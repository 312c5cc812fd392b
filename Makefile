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
# Python finds the runner by this alone: the folder that make runs in may have any name, and PYTHONSAFEPATH may be set.
RUNNER  := PYTHONPATH=tools $(if $(filter-out build,$(BUILD)),PVTEST_BUILD=$(BUILD)) $(PYTHON) -m pvtest

VERSION := $(shell cat VERSION)

# V=1 shows the commands instead of what they are for.
V    := 0
Q    := $(if $(filter 1,$(V)),,@)
tell  = @$(if $(Q),printf '  %-5s %s\n' '$(1)' '$(2)',:)

COMPILER := $(shell $(CC) --version 2>/dev/null | head -n 1)
CLANG    := $(findstring clang,$(COMPILER))

# efi_file(name): where gnu-efi has it: the compiler's folders of libraries, what pkg-config says, any folder of libraries.
efi_file = $(or $(filter /%,$(shell $(CC) -print-file-name=$(1) 2>/dev/null)), \
           $(wildcard $(shell pkg-config --variable=libdir gnu-efi 2>/dev/null)/$(1)), \
           $(firstword $(shell find /usr/lib /usr/lib64 /usr/local/lib -name $(1) 2>/dev/null | sort)))
EFI_CRT0 := $(call efi_file,crt0-efi-x86_64.o)
EFI_LIB  := $(call efi_file,libgnuefi.a)
EFI_INC  := $(patsubst %/efi.h,%,$(or $(wildcard /usr/include/efi/efi.h), \
            $(wildcard $(shell pkg-config --variable=includedir gnu-efi 2>/dev/null)/efi/efi.h), \
            $(firstword $(shell find /usr/include /usr/local/include -path '*/efi/efi.h' 2>/dev/null | sort))))

WARN   := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wdeclaration-after-statement
CFLAGS := -std=gnu11 -g $(WARN) -I. -isystem $(EFI_INC) -isystem $(EFI_INC)/x86_64 \
          -DGNU_EFI_USE_MS_ABI -DPVT_VERSION='"$(VERSION)"' -ffreestanding -fno-stack-protector -fpic -fshort-wchar -ffunction-sections \
          -mno-red-zone -fcf-protection=none -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-asynchronous-unwind-tables \
          -ffile-prefix-map="$$PWD"=. -fno-ident -fvisibility=hidden
# The host must leave the guest's vector registers alone; the guest uses none outside its own assembly.
CFLAGS += -mgeneral-regs-only
CFLAGS += $(if $(CLANG),,-maccumulate-outgoing-args)
# Tests are many, and their functions small: the space that aligns stack frames to 16 bytes is a tenth of their code.
NARROW := $(if $(CLANG),,-mpreferred-stack-boundary=3)

TEST_SRC  := $(filter-out tests/unit/% tests/fuzz/% tests/runner/%,$(wildcard tests/*/*.c tests/*/*.S tests/*/*/*.c))
GUEST_SRC := $(sort $(wildcard boot/*.c boot/*.S kernel/*.c kernel/*.S drivers/*.c drivers/*.S drivers/*/*.c lib/*.c) $(TEST_SRC))
# It tells the unit tests about the software IOMMU; the host never asks.
HOST_TOLD := host/softiommu/statistics.c
HOST_SRC  := $(sort $(filter-out $(HOST_TOLD),$(wildcard host/*.c host/*.S host/*/*.c host/*/*.S host/*/*/*.c))) \
             lib/fmt.c lib/string.c lib/options.c lib/calibrate.c
GUEST_OBJ := $(patsubst %,$(BUILD)/guest/%.o,$(GUEST_SRC))
HOST_OBJ  := $(patsubst %,$(BUILD)/host/%.o,$(HOST_SRC))

# In the guest small code is the rule: most of it runs for a moment, once. These are the exceptions, because the benchmarks measure them
# or whole pages go through them: page tables, IOVA allocation, copies, the calls and flushes of the pvIOMMU, the DMA API. All of the
# host is compiled for speed: every exit of the guest and every DMA of a virtual function goes through it.
HOT := $(wildcard kernel/fill.c lib/stage1*.c lib/iova.c lib/string.c drivers/hypercall_raw.c drivers/pviommu_*.c drivers/dma_api*.c tests/bench/*.c)
HOT_OPT   := -O2
SMALL_OPT := -Oz
$(BUILD)/guest/%.o: OPT := $(SMALL_OPT)
$(BUILD)/guest/tests/%.o: OPT := $(SMALL_OPT) $(NARROW)
$(HOT:%=$(BUILD)/guest/%.o): OPT := $(HOT_OPT)
$(BUILD)/host/%.o: OPT := $(HOT_OPT)

# Sections of the ELF file that the PE file keeps. Its symbols stay behind: they are an eighth of it, and only debuggers read them.
SECTIONS := .text .rodata .pvtcat .buildid .relr .rela .reloc .data.rel.ro .dynamic .data .bss

# A budget for the code of this project as Debian 12's gcc compiles it. Other compilers make larger images, and a limit must not
# stop their users: `make test` enforces it where gcc is that one; everywhere else a larger image is a warning.
GUEST_LIMIT := 704512
HOST_LIMIT  := 360448
LIMITS      := warn

.PHONY: all image test test-distributions test-hyper-v test-unit-faults lint unit clean check-catalogue docs sizes help FORCE

all: image

image: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi $(BUILD)/checked-$(LIMITS)

help:
	@echo 'Targets:'
	@echo '  image       both images and their checks (also: all, or no target)'
	@echo '  test        everything that CI checks; sets up what is missing'
	@echo '  test-distributions'
	@echo '              builds and runs with gcc and clang of other Debian releases (SUITES), as root'
	@echo '  test-hyper-v  the script for Hyper-V against doubles of the cmdlets; needs PowerShell (pwsh)'
	@echo '  test-unit-faults  faults of units: in one boot the verdicts of a boot each; 4 minutes'
	@echo '  unit        unit tests of the C libraries; UNIT_SEED=N: other random numbers'
	@echo '  fuzz        input of a guest at random, with clang; FUZZ_SECONDS=N for each parser (10)'
	@echo '  lint        formatting and static checks of C, shell and Python; TIDY_NODES=225000: a longer look'
	@echo '  lint-words  words that docs/style.md keeps out of comments and documents'
	@echo '  format      lays the C files out as the formatter has it'
	@echo '  docs        catalogue, requirements, manual page, completion, in $(BUILD)/docs'
	@echo '  sizes       sizes of the images and their limits; LIMITS=enforce: a larger one is an error'
	@echo '  clean       removes $(BUILD)'
	@echo 'Variables:'
	@echo '  V=1          shows the commands'
	@echo '  CC=clang     compiler of the images (gcc); HOSTCC: of the unit tests'
	@echo '  BUILD=DIR    where to build (build); no blanks'
	@echo '  PYTHON=FILE  interpreter of the runner (/usr/bin/python3)'
	@echo 'Runs: ./run.sh --help'

# record(text): the file changes when the text does, so that what depends on it is made again
define record
	@mkdir -p $(@D)
	@printf '%s\n' "$$$(1)" | cmp -s - $@ || printf '%s\n' "$$$(1)" >$@
endef

# Another compiler or other flags compile everything again; a source file that comes or goes links the image again.
export PVT_FLAGS := $(COMPILER): $(CFLAGS); $(SMALL_OPT) $(NARROW); $(HOT_OPT) $(HOT)
export PVT_GUEST := $(GUEST_OBJ)
export PVT_HOST := $(HOST_OBJ)
$(BUILD)/flags: FORCE
	@[ -n '$(COMPILER)' ] || { echo '$(CC): this compiler does not run' >&2; exit 1; }
	@for file in '$(EFI_CRT0)' '$(EFI_LIB)' '$(EFI_INC)'; do [ -n "$$file" ] || { \
	    echo 'gnu-efi was not found: its crt0-efi-x86_64.o, libgnuefi.a and efi/efi.h are needed (Debian: package gnu-efi)' >&2; exit 1; }; done
	$(call record,PVT_FLAGS)
$(BUILD)/guest.list: FORCE
	$(call record,PVT_GUEST)
$(BUILD)/host.list: FORCE
	$(call record,PVT_HOST)

$(BUILD)/guest/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(call tell,CC,guest  $<)
	$(Q)$(CC) $(CFLAGS) $(OPT) -MMD -MP -c $< -o $@

$(BUILD)/host/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(call tell,CC,host   $<)
	$(Q)$(CC) $(CFLAGS) $(OPT) -MMD -MP -c $< -o $@

# nx_compat(image): objcopy cannot set IMAGE_DLLCHARACTERISTICS_NX_COMPAT, which is true of the image: no section is writable and
# executable, and each begins on a page (PE format, DllCharacteristics: 94 bytes after the signature that the word at 60 points to).
define nx_compat
	$(Q)printf '\000\001' | dd of=$(1) bs=1 seek=$$(($$(od -An -tu4 -j60 -N4 $(1)) + 94)) conv=notrunc status=none
endef

# link(image, objects and options, script)
define link
	$(call tell,LINK,$(1))
	$(Q)$(LD) -nostdlib -znocombreloc --gc-sections --build-id=sha1 -T $(3) -shared -Bsymbolic --no-undefined $(EFI_CRT0) $(2) $(EFI_LIB) \
	    -Map=$(BUILD)/$(1).map -o $(BUILD)/$(1).debug
	$(Q)$(OBJCOPY) --strip-all $(SECTIONS:%=-j %) -O efi-app-x86_64 $(BUILD)/$(1).debug $(BUILD)/$(1).efi
	$(call nx_compat,$(BUILD)/$(1).efi)
endef

$(BUILD)/pvtest.efi: $(GUEST_OBJ) linker/guest.lds $(BUILD)/guest.list
	$(call link,pvtest,-z pack-relative-relocs $(GUEST_OBJ),linker/guest.lds)

$(BUILD)/refhost.efi: $(HOST_OBJ) linker/host.lds host/defects/softiommu_seams.ld $(BUILD)/host.list
	$(call link,refhost,@host/defects/softiommu_seams.ld $(HOST_OBJ),linker/host.lds)

# Unknown requirement ids, duplicate test ids and bad declarations fail the build.
check-catalogue: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	@$(RUNNER) check-catalogue

# Pages that are made from the requirements, the declarations of the tests and their stories; the manual page; the completion of bash.
docs: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	@$(RUNNER).dev.docs
	$(call tell,DOCS,$(BUILD)/docs: catalogue.md requirements.md pvtest.1 completion.bash)

# size_check(image, limit in bytes): LIMITS=enforce makes a larger image an error
define size_check
	@size=$$(stat -c %s $(BUILD)/$(1)); echo "  SIZE  $(1): $$size bytes ($$((size / 1024)) of $$(($(2) / 1024)) KiB)"; \
	    [ $$size -lt $(2) ] || { echo "$(LIMITS): $(1) is larger than its limit of $(2) bytes" >&2; [ $(LIMITS) = warn ]; }
endef

define sizes
	$(call size_check,pvtest.efi,$(GUEST_LIMIT))
	$(call size_check,refhost.efi,$(HOST_LIMIT))
endef

sizes: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	$(sizes)

# Both checks, of images that they have not seen yet.
$(BUILD)/checked-$(LIMITS): $(BUILD)/pvtest.efi $(BUILD)/refhost.efi abi/requirements.toml $(wildcard tools/pvtest/*.py tools/pvtest/*/*.py)
	@$(RUNNER) check-catalogue
	$(sizes)
	@touch $@

include tests/unit/unit.mk
include tests/fuzz/fuzz.mk

# Everything that CI checks; each step says what it does. Sets up what is missing first.
test:
	@tools/setup.sh test
	@$(RUNNER).dev.ci

TREE     := $(sort $(shell git ls-files 2>/dev/null || find * -type f -not -path '$(BUILD)/*'))
# Not a part of make test: installs other releases of Debian, as root.
test-distributions:
	@tools/test-distributions.sh $(SUITES)

# Not a part of make test either: needs PowerShell, which few machines with QEMU have.
test-hyper-v:
	@PVTEST_NEED_POWERSHELL=1 PYTHONPATH=tools $(PYTHON) -m pytest -q --junitxml=$(BUILD)/pytest-hyper-v.xml \
	    tests/runner/test_hyper_v.py tests/runner/test_hyper_v_double.py

# Nor is this: `make test` runs them in one boot, and checks each turn there.
test-unit-faults: image
	@$(RUNNER).gate.unit_faults --compare

C_FILES  := $(wildcard $(filter %.c %.h,$(TREE)))
SH_FILES := run.sh .ci/run $(sort $(wildcard tools/*.sh tools/bundle/*.sh tests/unit/*.sh tests/linux/*.sh tests/runner/*.sh)) tests/linux/init
# Files in both images are looked at once.
# TIDY_NODES: states of a function that the static analyzer follows. It gives up on some fifty functions, which have most of its time;
# its own limit, for a nightly job, is 225000.
TIDY_NODES  := 60000
TIDY_STAMPS := $(BUILD)/lint/$(TIDY_NODES)
TIDY_GUEST  := $(patsubst %,$(TIDY_STAMPS)/%.tidy,$(filter %.c,$(GUEST_SRC)))
TIDY_HOST   := $(filter-out $(TIDY_GUEST),$(patsubst %,$(TIDY_STAMPS)/%.tidy,$(filter %.c,$(HOST_SRC))))

lint: lint-format lint-dialect lint-words lint-names lint-includes lint-unused lint-cppcheck lint-shell lint-python lint-tidy
	$(call tell,LINT,clean)

.PHONY: format lint-words lint-dialect lint-format lint-includes lint-names lint-unused lint-cppcheck lint-shell lint-python lint-tidy tidy-begin
lint-format:
	$(call tell,LINT,clang-format)
	$(Q)clang-format --dry-run -Werror $(C_FILES)

# The layout that lint-format asks for.
format:
	$(Q)clang-format -i $(C_FILES)

# Rules of docs/style.md for C that neither the formatter nor the compilers check.
lint-dialect:
	$(call tell,LINT,dialect of C)
	$(Q)$(RUNNER).dev.style dialect $(C_FILES)

lint-includes:
	$(call tell,LINT,include rules)
	$(Q)$(RUNNER).dev.include_rules

lint-names:
	$(call tell,LINT,names of defects)
	$(Q)$(RUNNER).dev.named_defects

lint-unused: $(BUILD)/pvtest.efi $(BUILD)/refhost.efi
	$(call tell,LINT,unused files)
	$(Q)$(RUNNER).dev.unused_files --map $(BUILD)/pvtest.map $(BUILD)/refhost.map \
	    --programs $(UNIT_SRC) $(BENCH_SRC) $(wildcard tests/fuzz/*.c) --tree $(TREE)

lint-cppcheck:
	$(call tell,LINT,cppcheck)
	@mkdir -p $(BUILD)/lint/cppcheck
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingInclude --suppress=unusedStructMember -DGNU_EFI_USE_MS_ABI '-DPVT_VERSION="0"' -I. \
	    --cppcheck-build-dir=$(BUILD)/lint/cppcheck kernel drivers lib $(filter-out tests/unit tests/fuzz tests/linux tests/runner,$(wildcard tests/*)) host

# Words that docs/style.md keeps out of comments and documents.
lint-words:
	$(call tell,LINT,words)
	$(Q)$(RUNNER).dev.style words $(TREE)

lint-shell:
	$(call tell,LINT,shellcheck)
	$(Q)shellcheck $(SH_FILES)

lint-python:
	$(call tell,LINT,flake8 and mypy)
	$(Q)$(PYTHON) -m flake8 tools tests
	$(Q)$(PYTHON) -m mypy --cache-dir $(BUILD)/lint/mypy tools/pvtest

# Each file has a stamp, which is older than its object when the file, a header that it includes or a flag has changed. Files with
# such a stamp are written into a list, and clang-tidy starts once for TIDY_FILES of them: in a short file the start takes longer than
# the checks. The static analyzer needs much memory, and asks for it in large pieces, which huge pages can hold.
TIDY_FILES  := 18
TIDY_STALE  := $(BUILD)/lint/stale
TIDY_MEMORY := GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864:glibc.malloc.trim_threshold=1073741824
tidy-begin:
	@mkdir -p $(BUILD)/lint
	@rm -f $(TIDY_STALE) $(TIDY_STALE)-* $(TIDY_STALE).*

$(TIDY_GUEST): $(TIDY_STAMPS)/%.tidy: $(BUILD)/guest/%.o .clang-tidy | tidy-begin
	$(file >>$(TIDY_STALE),$*)
$(TIDY_HOST): $(TIDY_STAMPS)/%.tidy: $(BUILD)/host/%.o .clang-tidy | tidy-begin
	$(file >>$(TIDY_STALE),$*)

# Lists of files that stand far from each other: those of a folder are alike, and with -j no list is much longer than another. A file
# with variable arguments has a list to itself: the check of va_list in LLVM 14 keeps names of the first file of a process, and
# reports every va_arg() in a later one.
lint-tidy: $(TIDY_GUEST) $(TIDY_HOST)
	+@[ ! -e $(TIDY_STALE) ] || { { grep -lE 'va_(arg|copy|list|start)' $$(<$(TIDY_STALE)) >$(TIDY_STALE)-alone || true; } && \
	    { grep -vxFf $(TIDY_STALE)-alone $(TIDY_STALE) >$(TIDY_STALE)-together || true; } && \
	    split -l 1 -a 3 -d $(TIDY_STALE)-alone $(TIDY_STALE).alone && count=$$(wc -l <$(TIDY_STALE)-together) && \
	    { [ $$count -eq 0 ] || split -n r/$$(((count + $(TIDY_FILES) - 1) / $(TIDY_FILES))) -a 3 -d $(TIDY_STALE)-together $(TIDY_STALE).; } && \
	    lists=($(TIDY_STALE).*) && $(MAKE) --no-print-directory "$${lists[@]/%/-clean}"; }

$(TIDY_STALE).%-clean: FORCE
	$(call tell,TIDY,$(shell paste -sd' ' $(@:-clean=)))
	$(Q)files=$$(<$(@:-clean=)); $(TIDY_MEMORY) clang-tidy --quiet $$files \
	    -- $(filter-out -Werror -maccumulate-outgoing-args -fno-ident,$(CFLAGS)) -Wno-unknown-warning-option \
	    -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>$@.log >$@.out || { cat $@.out $@.log; exit 1; }; \
	    stamps=($$files); stamps=("$${stamps[@]/#/$(TIDY_STAMPS)/}"); stamps=("$${stamps[@]/%/.tidy}"); \
	    mkdir -p $$(dirname "$${stamps[@]}" | sort -u); touch "$${stamps[@]}"

clean:
	rm -rf $(BUILD)

-include $(GUEST_OBJ:.o=.d) $(HOST_OBJ:.o=.d)
