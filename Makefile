# tilesim. `make help` lists the targets.
VARIANT ?= release
B       := build/$(VARIANT)
JOBS    ?= $(shell nproc)
Q       := $(if $(V),,@)# V=1 shows whole commands
PKGS    := simgrid yaml-0.1 jansson openblas zlib nlopt sqlite3
CHART_JS := /usr/share/javascript/chart.js/chart.min.js# Debian: libjs-chart.js
ROOMS   := sim tiles exchange gpu workloads report

CFLAGS_release := -O3 -march=native -fno-loop-unroll-and-jam
CFLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror
CFLAGS   ?= $(CFLAGS_$(VARIANT))
# -ffp-contract=off: values match across hosts. See docs/performance.md for unroll-and-jam.
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -g -MMD -MP -I. $(WARNINGS) -ffp-contract=off $(CFLAGS) \
              $(shell pkg-config --cflags $(PKGS) 2>/dev/null) -pthread
LIBS       := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -pthread

SOURCES := $(filter-out sim/main.c,$(shell find $(ROOMS) -name '*.c'))
OBJECTS := $(SOURCES:%.c=$(B)/%.o)
TESTS   := $(patsubst %.c,$(B)/%,$(sort $(shell find tests -name 'test_*.c')))
BENCHES := $(patsubst %.c,$(B)/%,$(sort $(shell find tests/bench -name 'bench_*.c')))
CLI_TESTS := $(sort $(wildcard tests/cli/*.sh))
PAGE_TESTS := $(sort $(wildcard tests/browser/test_*.py))

.PHONY: all demo check check-asan check-slurm check-browser validate validate-expected bench lint setup clean help programs run-tests FORCE
all: $(B)/tilesim ## build the program: build/release/tilesim

demo: setup ## install what is missing, build, train on real pictures, compare the machines, write two pages
	@$(MAKE) --no-print-directory -j$(JOBS) all
	$(B)/tilesim run configs/experiments/fashion-mnist.yaml --html $(B)/demo-step.html
	$(B)/tilesim sweep configs/sweeps/fashion-mnist.yaml --db $(B)/demo.db
	$(B)/tilesim report $(B)/demo.db --html $(B)/demo.html
	@printf '\nPages, for a browser:\n  %s\n  %s\n' '$(CURDIR)/$(B)/demo.html       how sparse the network may be: the sweep' \
	    '$(CURDIR)/$(B)/demo-step.html  what one training step is made of'

check: setup ## install what is missing, build, run every test
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@tools/run_tests.sh $(TESTS) $(CLI_TESTS:%=%@$(B)/tilesim)

check-asan: setup ## the same tests under the address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan programs
	@tools/run_tests.sh $(TESTS:$(B)/%=build/asan/%)

check-slurm: setup ## a sweep on a real Slurm of one node (root), against one without; 15 s
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/check_slurm.sh $(B)/tilesim

check-browser: ## the pages in a headless Chromium
	@tools/setup.sh browser
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/run_tests.sh $(PAGE_TESTS:%=%@$(B)/tilesim)

validate: setup ## hold the model against published measurements
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@$(B)/tilesim validate

validate-expected: all ## accept the errors of now as those that the tests expect, and write error bands
	$(B)/tilesim validate --save-expected tests/validation/expected.json --write-bands

bench: setup ## measure speed and memory, one benchmark after the other
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCHES)
	@for bench in $(BENCHES); do echo "== $$bench"; $$bench || exit 1; done

lint: ## formatter, clang-tidy, no writable globals, layering of folders
	@tools/setup.sh lint
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/lint.sh $(B)

setup: ## install the Debian packages that are missing
	@tools/setup.sh

clean: ## remove what was built
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

programs: $(B)/tilesim $(TESTS)

$(B)/tilesim: $(B)/sim/main.o $(B)/libtilesim.a
	@echo "  link    $@"
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)
$(B)/libtilesim.a: $(OBJECTS)
	$Qrm -f $@ && ar rcs $@ $^
$(B)/%.o: %.c
	@mkdir -p $(@D) && echo "  compile $<"
	$Q$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/tests/%: $(B)/tests/%.o $(B)/libtilesim.a
	@echo "  link    $@"
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^ -lcmocka $(LIBS)

# The revision goes into one object alone, rebuilt when it changes.
$(B)/git.txt: FORCE
	@mkdir -p $(@D)
	@git describe --always --dirty >$@.new 2>/dev/null || echo unknown >$@.new
	@cmp -s $@ $@.new || cp $@.new $@
$(B)/sim/version.o: ALL_CFLAGS += -DTILESIM_GIT='"$(shell cat $(B)/git.txt)"'
$(B)/sim/version.o: $(B)/git.txt

# The charting library and our scripts become part of the program, so that pages need no files.
$(B)/report/page/assets.o: ALL_CFLAGS += -DTILESIM_CHART_JS='"$(CHART_JS)"'
$(B)/report/page/assets.o: $(CHART_JS) $(wildcard report/page/*.js report/page/*.css)

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
