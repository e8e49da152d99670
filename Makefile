# tilesim. `make help` lists the targets.
VARIANT ?= release
B       := build/$(VARIANT)
PKGS    := simgrid yaml-0.1 jansson openblas zlib
ROOMS   := sim tiles exchange gpu workloads report

CFLAGS_release := -O3 -march=native -fno-loop-unroll-and-jam
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror
GIT      := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
CFLAGS   ?= $(CFLAGS_$(VARIANT))
# -ffp-contract=off: values match across hosts. See docs/performance.md for unroll-and-jam.
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -g -MMD -MP -I. $(WARNINGS) -ffp-contract=off $(CFLAGS) \
             $(shell pkg-config --cflags $(PKGS)) -pthread
LIBS     = $(shell pkg-config --libs $(PKGS)) -lm -pthread

SOURCES := $(filter-out sim/main.c,$(shell find $(ROOMS) -name '*.c' 2>/dev/null))
OBJECTS := $(SOURCES:%.c=$(B)/%.o)
TESTS   := $(patsubst %.c,$(B)/%,$(shell find tests -name 'test_*.c'))
BENCHES := $(patsubst %.c,$(B)/%,$(shell find tests/bench -name 'bench_*.c' 2>/dev/null))

.PHONY: all
all: $(B)/tilesim ## build the program
$(B)/tilesim: $(B)/sim/main.o $(B)/libtilesim.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)
$(B)/libtilesim.a: $(OBJECTS)
	rm -f $@ && ar rcs $@ $^
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/tests/%: $(B)/tests/%.o $(B)/libtilesim.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ -lcmocka $(LIBS)
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
