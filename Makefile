# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile, no configure. `make help` lists targets and variables. A new applet is applets/NAME.c and nothing here:
# its //applet: and //config: heads are read, and it is built when CONFIG_<NAME> is on.

# Which compiler, which libc, and the folder that belongs to the two: objects of different kinds never mix.
LIBC ?= musl
ifneq ($(SAN)$(FUZZ),)
override LIBC := glibc
endif
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifneq ($(FUZZ),)
override CC := $(if $(findstring clang,$(CC)),$(CC),clang)
endif
CC_IS_CLANG := $(findstring clang,$(CC))
ifneq ($(and $(CC_IS_CLANG),$(CROSS_COMPILE)),)
CC_TARGET := --target=$(notdir $(CROSS_COMPILE:-=))
endif
O ?= build$(if $(FUZZ),-fuzz,$(if $(SAN),-san,$(if $(filter glibc,$(LIBC)),-glibc)))$(if $(CROSS_COMPILE),-$(notdir \
	$(CROSS_COMPILE:-=)))$(if $(FUZZ),,$(if $(CC_IS_CLANG),-clang))
HOSTCC ?= cc
CLANG ?= clang
STRIP ?= $(CROSS_COMPILE)strip
PKG_CONFIG ?= pkg-config
CONFIG_PREFIX ?= /usr/local
Q := $(if $(V),,@)
, := ,
say = $(if $(V),,@printf '  %-7s %s\n' '$1' '$2')
same_or_move = cmp -s $@.new $@ && rm $@.new || mv $@.new $@

ifneq ($(and $(filter %config,$(MAKECMDGOALS)),$(filter-out %config,$(MAKECMDGOALS))),)
# `make tiny_defconfig all`: one after the other, each knowing the configuration that the one before made.
.NOTPARALLEL:
$(MAKECMDGOALS):
	+@$(MAKE) --no-print-directory $@
else
all:

# The configuration, made from configs/defconfig when there is none.
KCONFIG := $(O)/host/kconfig
NEEDS_CONFIG := $(if $(MAKECMDGOALS),$(filter-out %config clean distclean help unit fuzz fuzz-build,$(MAKECMDGOALS)),all)
ifneq ($(NEEDS_CONFIG),)
-include $(O)/auto.mk
endif

$(KCONFIG): scripts/kconfig-lang.c scripts/kconfig.h
$(O)/host/bpfpack: scripts/bpfpack.h scripts/bpflz.h scripts/bpfwrite.h lib/collect/bpflz.h
$(O)/host/%: scripts/%.c
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D) && $(HOSTCC) -O2 -Wall -Wextra -o $@ $(filter %.c,$^)

$(O)/Kconfig.applets: applets $(wildcard applets/*.c) Makefile
	$(Q)mkdir -p $(@D) && cat applets/*.c 2>/dev/null | sed -n 's,^//config:,,p' > $@.new && $(same_or_move)

$(O)/.config: | $(KCONFIG) $(O)/Kconfig.applets
	$(call say,CONFIG,configs/defconfig)
	$(Q)$(KCONFIG) defconfig Kconfig configs/defconfig $@

$(O)/auto.mk: $(O)/.config $(O)/Kconfig.applets Kconfig $(KCONFIG)
	$(Q)mkdir -p $(O)/include && $(KCONFIG) sync Kconfig $(O)/.config $(O)/include/autoconf.h $@
$(O)/include/autoconf.h: $(O)/auto.mk ;
%_defconfig: configs/% $(KCONFIG) $(O)/Kconfig.applets
	$(Q)$(KCONFIG) defconfig Kconfig $< $(O)/.config
defconfig: defconfig_defconfig ;
allnoconfig allyesconfig randconfig oldconfig olddefconfig: $(KCONFIG) $(O)/Kconfig.applets
	$(Q)$(KCONFIG) $@ Kconfig $(O)/.config
savedefconfig: $(KCONFIG) $(O)/Kconfig.applets
	$(Q)$(KCONFIG) $@ Kconfig $(O)/.config $(O)/defconfig && echo "wrote $(O)/defconfig"
menuconfig: $(O)/.config
	$(Q)O=$(O) scripts/kconfig-menu

# How it is compiled and linked. A musl toolchain (Buildroot, OpenWrt) or a given SYSROOT is used as it is, through pkg-config;
# otherwise the distribution's musl is named flag by flag, alike for gcc and clang, with the libraries of scripts/sysroot.
MACHINE := $(or $(CC_TARGET:--target=%=%),$(shell $(CC) -dumpmachine))
ARCH := $(firstword $(subst -, ,$(MACHINE)))
IS_MUSL := $(findstring musl,$(MACHINE))
SMALL := -Os -g -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables -fno-pie
LINK_PRE := -no-pie -Wl,--gc-sections,--as-needed $(if $(CC_IS_CLANG),-Wno-unused-command-line-argument)
ifeq ($(LIBC),glibc)
pkg = $(PKG_CONFIG)
HAVE_MNL := $(shell $(PKG_CONFIG) --exists libmnl && echo y)
ifneq ($(SAN)$(FUZZ),)
SMALL := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined$(if $(FUZZ),$(,)fuzzer-no-link)
LINK_PRE := -fsanitize=address,undefined
endif
else
LINK_PRE += -static -Wl,--build-id=none,-z,noseparate-code,-z,norelro,-z,common-page-size=64,--no-eh-frame-hdr
ifneq ($(SYSROOT)$(IS_MUSL),)
pkg = $(if $(SYSROOT),PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/pkgconfig:$(SYSROOT)/lib/pkgconfig) $(PKG_CONFIG) --static
HAVE_MNL := $(wildcard $(SYSROOT)/usr/lib/libmnl.a $(SYSROOT)/lib/libmnl.a)$(filter /%,$(shell $(CC) -print-file-name=libmnl.a))
else
OWN_ROOT := $(or $(SYSROOT_DIR),sysroot)/$(ARCH)
OWN_MK := $(OWN_ROOT)/$(if $(CONFIG_BPF),libs,headers).mk
-include $(if $(wildcard $(O)/auto.mk),$(OWN_MK))
$(OWN_ROOT)/headers.mk $(OWN_ROOT)/libs.mk: scripts/sysroot
	$(Q)SYSROOT_DIR=$(OWN_ROOT:/$(ARCH)=) CC='$(CC) $(CC_TARGET)' MUSL_LIB=$(MUSL_LIB) MUSL_INC=$(MUSL_INC) AR=$(AR) \
		scripts/sysroot $(if $(findstring headers,$@),--headers) $(ARCH)
EXT_CFLAGS := -isystem $(OWN_ROOT)/include
EXT_LIBS := -L$(OWN_ROOT)/lib $(if $(CONFIG_BPF),-lbpf) $(if $(HAVE_MNL),-lmnl)
endif
ifeq ($(IS_MUSL),)
MUSL_TRIPLE := $(subst -pc-,-,$(subst -unknown-,-,$(subst -gnu,-musl,$(MACHINE))))
MUSL_LIB ?= /usr/lib/$(MUSL_TRIPLE)
MUSL_INC ?= /usr/include/$(MUSL_TRIPLE)
MUSL_CFLAGS := -nostdinc -isystem $(MUSL_INC) -isystem $(shell $(CC) $(CC_TARGET) -print-file-name=include)
LINK_PRE += -nostdlib $(MUSL_LIB)/crt1.o $(MUSL_LIB)/crti.o -L$(MUSL_LIB)
LINK_POST := -Wl,--start-group -lc $(shell $(CC) $(CC_TARGET) -print-libgcc-file-name) -Wl,--end-group $(MUSL_LIB)/crtn.o
endif
endif
MNL ?= $(if $(HAVE_MNL),system,own)
ifdef pkg
PKGS := $(if $(CONFIG_BPF),libbpf) $(if $(filter system,$(MNL)),libmnl)
EXT_CFLAGS := $(if $(strip $(PKGS)),$(shell $(pkg) --cflags $(PKGS)))
EXT_LIBS := $(if $(strip $(PKGS)),$(shell $(pkg) --libs $(PKGS)))
EXT_CFLAGS += $(if $(SYSROOT),-idirafter $(SYSROOT)/usr/include -idirafter $(SYSROOT)/include)
endif
ALL_CFLAGS = $(CC_TARGET) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Ilib $(if $(filter own,$(MNL)),-Ilib/mnl) -I$(O) -I$(O)/include \
	-include $(O)/include/autoconf.h $(MUSL_CFLAGS) $(EXT_CFLAGS) $(SMALL) $(FAST) -MMD -MP $(CPPFLAGS) $(CFLAGS)

# BPF programs are packed into one compressed array each, so that no ELF is read at run time; without clang the packed ones of a release serve.
BPF_SRC := $(if $(CONFIG_BPF),$(wildcard bpf/*.bpf.c))
BPF_H := $(BPF_SRC:bpf/%.bpf.c=$(O)/bpf/%.h)
BPF_END := e$(if $(shell $(CC) $(CC_TARGET) -dM -E -x c /dev/null | grep '_BYTE_ORDER__ __ORDER_BIG'),b,l)
BPF_INC := $(EXT_CFLAGS) $(if $(pkg),-idirafter /usr/include/$(shell $(CC) $(CC_TARGET) -print-multiarch))
ifneq ($(shell command -v $(CLANG)),)
$(O)/bpf/%.o: bpf/%.bpf.c | $(OWN_MK)
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) -O2 -g -target bpf$(BPF_END) -mcpu=v3 -ffreestanding -Wall -Wextra -Ibpf -Ilib $(BPF_INC) -MMD -MP -c -o $@ $<
$(O)/bpf/%.h: $(O)/bpf/%.o $(O)/host/bpfpack
	$(Q)$(O)/host/bpfpack $< $* $(filter %.h,$^) > $@.new && mv $@.new $@
$(O)/bpf/pktraw.h: $(O)/bpf/pkttrace.h # so similar that it is packed as what differs
-include $(BPF_H:.h=.d)
else
$(O)/bpf/%.h: bpf/prebuilt/$(BPF_END)/%.h
	$(Q)mkdir -p $(@D) && cp $< $@
bpf/prebuilt/%:
	@echo "BPF programs need clang (CLANG=), or a release with $@, or CONFIG_BPF off" >&2; false
endif

# What is compiled. A lib file whose head says `kbuild: CONFIG_X` needs that symbol; lib/mnl is for where there is no libmnl.
up = $(shell printf %s '$1' | tr a-z A-Z)
APPLETS := $(foreach a,$(filter-out fleutan,$(patsubst applets/%.c,%,$(sort $(wildcard applets/*.c)))),$(if $(CONFIG_$(call up,$a)),$a))
KBUILD := $(shell awk 'FNR <= 5 && match($$0, /kbuild: CONFIG_[A-Z0-9_]+/) \
	{ print FILENAME ":" substr($$0, RSTART + 8, RLENGTH - 8) }' lib/*/*.c /dev/null)
LIB_OFF := $(foreach k,$(KBUILD),$(if $($(lastword $(subst :, ,$k))),,$(firstword $(subst :, ,$k))))
LIB_SRC := $(filter-out $(LIB_OFF) $(if $(filter own,$(MNL)),,lib/mnl/%),$(sort $(wildcard lib/*/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o)
# What runs for every socket is compiled for speed where there is room for threads (and not where faults are looked for).
HOT := core/buf view/rows view/json collect/sockparse app/flows_stream model/flow model/hist model/procset model/sort
$(if $(CONFIG_THREADS),$(if $(SAN)$(FUZZ),,$(HOT:%=$(O)/lib/%.o))): private FAST := -O2
APP_OBJ := $(patsubst %,$(O)/applets/%.o,fleutan $(APPLETS)) $(O)/applets.o
$(O)/applets.c: $(O)/auto.mk $(APPLETS:%=applets/%.c)
	$(Q)sed -n 's,^//applet: *\([a-z0-9_]*\).*,\1,p' $(APPLETS:%=applets/%.c) /dev/null | LC_ALL=C sort | \
		awk 'BEGIN { print "/* Made by the Makefile from the heads of applets/. */\n#include \"core/applet.h\"\n" } \
		{ print "extern const struct applet applet_" $$1 ";"; list = list "\t&applet_" $$1 ",\n" } \
		END { printf "\nconst struct applet *const applets[] = {\n%s\tNULL,\n};\n", list }' > $@.new && $(same_or_move)
$(O)/include/version.h: VERSION
	$(Q)mkdir -p $(@D) && echo "#define FLEUTAN_VERSION \"$$(cat VERSION)\"" > $@
$(O)/.flags: FORCE
	$(Q)mkdir -p $(@D) && echo '$(CC) $(ALL_CFLAGS) $(HOT)' > $@.new && $(same_or_move)

$(O)/applets/fleutan.o: private VERSION_H := -include $(O)/include/version.h
define compile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(VERSION_H) -c -o $@ $<
endef
$(O)/applets.o: $(O)/applets.c $(O)/.flags $(O)/include/autoconf.h
	$(compile)
$(O)/%.o: %.c $(O)/.flags $(O)/include/autoconf.h | $(O)/include/version.h $(BPF_H) $(OWN_MK)
	$(compile)
-include $(LIB_OBJ:.o=.d) $(APP_OBJ:.o=.d)
$(O)/libfleutan.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) qcs $@ $^
$(O)/fleutan.debug: $(APP_OBJ) $(LIB_OBJ) $(O)/.flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(CC_TARGET) $(LDFLAGS) $(LINK_PRE) $(APP_OBJ) $(LIB_OBJ) $(EXT_LIBS) $(LINK_POST) -Wl,-Map=$(O)/fleutan.map -o $@
$(O)/fleutan: $(O)/fleutan.debug
	$(Q)$(if $(SAN),cp,$(STRIP) -s -R .comment -o $@) $< $(if $(SAN),$@)
ifeq ($(SAN)$(FUZZ)$(CROSS_COMPILE)$(filter glibc,$(LIBC)),)
LINK ?= fleutan
endif
all: $(O)/fleutan
	$(if $(LINK),@ln -sfn $(O)/fleutan $(LINK))

# Tests: the scripts are told where the program is and how to build others.
test check check-vm: all
	+$(Q)O=$(O) CC='$(CC)' tests/run $(patsubst check-%,%,$(filter check-%,$@))
bench: all
	+$(Q)O=$(O) CC='$(CC)' tests/bench/run
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/t_*.c)))
$(O)/unit/%: tests/unit/%.c $(O)/libfleutan.a
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Itests/unit -MF $@.d $< $(LINK_PRE) $(O)/libfleutan.a $(EXT_LIBS) -o $@
-include $(UNIT:%=%.d)
unit-run: $(UNIT)
	$(Q)n=0; bad=0; for t in $(UNIT); do n=$$((n + 1)); timeout 120 $$t || { bad=$$((bad + 1)); echo "FAILED: $$t"; }; done; \
		echo "unit: $$n programs, $$bad failed"; test $$bad = 0
unit:
	+$(Q)$(MAKE) --no-print-directory SAN=1 O=$(O:%-san=%)-san unit-run
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz-link = $(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MF $@.d $1 $< -fsanitize=fuzzer,address,undefined $(O)/libfleutan.a $(EXT_LIBS) -o $@
$(O)/fuzz_%: tests/fuzz/fuzz_%.c $(O)/libfleutan.a
	$(call fuzz-link)
$(O)/lie/fuzz_%: tests/fuzz/fuzz_%.c $(O)/libfleutan.a
	$(call fuzz-link,-DFUZZ_LIE=16)
fuzz-all: $(FUZZERS) $(FUZZERS:$(O)/%=$(O)/lie/%)
fuzz-build:
	+$(Q)$(MAKE) --no-print-directory FUZZ=1 O=$(O:%-fuzz=%)-fuzz fuzz-all
fuzz: fuzz-build
	+$(Q)O=$(O:%-fuzz=%)-fuzz tests/fuzz/run
size: $(O)/fleutan
	$(Q)scripts/size $(O) $(BEFORE)

# DOCS=n and COMPLETION=n leave those out. The links are the names in the heads of the applets: a cross build cannot ask --list.
BIN := $(DESTDIR)$(CONFIG_PREFIX)/bin
SHARE := $(BIN:/bin=/share)
BASH_DIR := $(SHARE)/bash-completion/completions
put = $(if $(wildcard $1),install -d $2 && install -m 644 $(wildcard $1) $2)
links = sed -n 's/^.&applet_\(.*\),/\1/p' $(O)/applets.c | while read -r a; do ln -sf $1 $2/$$a$3 || exit 1; done
install: $(O)/fleutan
	$(Q)install -d $(BIN) && install -m 755 $(O)/fleutan $(BIN)/fleutan
	$(Q)$(call links,fleutan,$(BIN),)
	$(Q)$(if $(filter n,$(DOCS)),,$(call put,man/*.1,$(SHARE)/man/man1))
	$(Q)$(if $(filter n,$(COMPLETION)),,$(call put,completion/fleutan.bash,$(BASH_DIR)) $(if $(wildcard completion/fleutan.bash),&& $(call links,fleutan.bash,$(BASH_DIR),.bash)))
	$(Q)$(if $(filter n,$(COMPLETION)),,$(call put,completion/_fleutan,$(SHARE)/zsh/site-functions))
dist:
	$(Q)n=fleutan-$$(cat VERSION) && mkdir -p $(O) && git archive --prefix=$$n/ -o $(O)/$$n.tar.gz HEAD && echo $(O)/$$n.tar.gz
clean:
	$(Q)rm -rf $(O)/* $(O)/.flags
distclean:
	$(Q)rm -rf build build-* sysroot fleutan
help:
	@sed -n 's/^#:  *//p' Makefile
#:  make [all]          the program as $(O)/fleutan, static against musl, and a link ./fleutan (LINK= for none)
#:  make defconfig | tiny_defconfig | NAME_defconfig (configs/NAME) | allnoconfig | allyesconfig | randconfig (KCONFIG_SEED=N)
#:  make oldconfig | olddefconfig | savedefconfig | menuconfig       all of them on $(O)/.config
#:  make install        DESTDIR=, CONFIG_PREFIX=/usr/local, DOCS=n, COMPLETION=n
#:  make size           where the bytes are; BEFORE=FILE compares with an earlier $(O)/size.txt
#:  make test           all tests; unit: the unit tests, with sanitizers; check-vm: on other kernels; fuzz-build, fuzz, bench
#:  make dist | clean | distclean
#:  O=DIR (build)  CC=  HOSTCC=  CROSS_COMPILE=  CLANG= (compiles the BPF programs)  CFLAGS=  V=1  SAN=1 (ASan and UBSan, glibc)
#:  LIBC=glibc (dynamic, the distribution's libbpf and libmnl)  MNL=own|system (libmnl or its stand-in)
#:  SYSROOT=DIR (libraries found by pkg-config)  SYSROOT_DIR=DIR (where scripts/sysroot makes its own)  MUSL_LIB=, MUSL_INC=
endif
FORCE:
.PHONY: all test check check-vm bench unit unit-run fuzz fuzz-build fuzz-all size install dist clean distclean help FORCE
.DELETE_ON_ERROR .SUFFIXES .SECONDARY:
