#include "workloads/run/aligned.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/err.h"

#define LINE_BYTES ((size_t)64)
#define LARGE_PAGE_BYTES ((size_t)2 << 20) // x86-64

void *aligned_create(size_t bytes)
{
    bool is_large = bytes >= LARGE_PAGE_BYTES;
    size_t alignment = is_large ? LARGE_PAGE_BYTES : LINE_BYTES;
    char *raw = xmalloc(bytes + alignment + LINE_BYTES);
    uintptr_t start = ((uintptr_t)raw + LINE_BYTES + alignment - 1) / alignment * alignment;
    char *memory = raw + (start - (uintptr_t)raw);
    memcpy(memory - sizeof(raw), &raw, sizeof(raw)); // what to free
    if (is_large) {
        madvise(memory, bytes / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES, MADV_HUGEPAGE); // a wish only
    }
    memset(memory, 0, bytes);
    return memory;
}

void aligned_destroy(void *memory)
{
    if (memory) {
        void *raw;
        memcpy(&raw, (char *)memory - sizeof(raw), sizeof(raw));
        free(raw);
    }
}
