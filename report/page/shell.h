// One self-contained page: data as a JSON island, the charting library and our scripts inlined. It
// needs no network and no other file, and may be mailed or printed. docs/report-page.md says what a
// page is made of.
#ifndef TILESIM_REPORT_PAGE_SHELL_H
#define TILESIM_REPORT_PAGE_SHELL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum page_kind { PAGE_SWEEP, PAGE_ANATOMY, PAGE_KIND_COUNT }; // whose script fills the page

struct page {
    enum page_kind kind;
    const char *title;
    const json_t *data; // what the script finds as `page.data`; has no texts that are HTML
};

// Errors of the stream are the stream's.
void page_write(const struct page *page, FILE *stream);
// Through a temporary file: never a part of a page under `path`. "-" is standard output. False: a
// sentence in *why (owned by the caller).
bool page_write_file(const struct page *page, const char *path, char **why);

#endif
