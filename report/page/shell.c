#include "report/page/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/output_file.h"
#include "report/page/assets.h"
#include "sim/err.h"

#define SCRIPTS_MAX 4

// In the order in which they are read; all of them share one scope.
static const char *const scripts[PAGE_KIND_COUNT][SCRIPTS_MAX] = {
    [PAGE_SWEEP] = {asset_sweep_data_js, asset_sweep_charts_js, asset_sweep_scaling_js,
                    asset_sweep_js},
    [PAGE_ANATOMY] = {asset_anatomy_charts_js, asset_anatomy_js},
};

static void write_escaped(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '&':
            fputs("&amp;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        default:
            fputc(*text, stream);
        }
    }
}

// In a script element nothing is markup but "</script" and "<!--": no "<" is left as it is.
static int write_island_part(const char *part, size_t length, void *context)
{
    FILE *stream = context;
    while (length > 0) {
        const char *less = memchr(part, '<', length);
        size_t plain = less == NULL ? length : (size_t)(less - part);
        fwrite(part, 1, plain, stream);
        if (less != NULL) {
            fputs("\\u003c", stream);
            plain++;
        }
        part += plain;
        length -= plain;
    }
    return 0;
}

// Nothing may be fetched: a page that asks for anything else than itself is wrong, and the browser
// says so.
static const char policy[] =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n";

void page_write(const struct page *page, FILE *stream)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", stream);
    fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n", stream);
    fputs(policy, stream);
    fputs("<title>", stream);
    write_escaped(page->title, stream);
    fprintf(stream, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", asset_shell_css);
    fputs("<noscript><p>This page draws its charts with JavaScript, which is switched off.</p>"
          "</noscript>\n<div id=\"page\"></div>\n<script type=\"application/json\" id=\"data\">",
          stream);
    // reals have been rounded already: 17 digits of 0.1 would be 0.10000000000000001
    json_dump_callback(page->data, write_island_part, stream,
                       JSON_COMPACT | JSON_REAL_PRECISION(12));
    fprintf(stream, "</script>\n<script>\n%s\n</script>\n<script>\n(function () {\n",
            asset_chart_js);
    fprintf(stream, "'use strict';\n%s", asset_shell_js);
    for (uint32_t i = 0; i < SCRIPTS_MAX && scripts[page->kind][i] != NULL; i++) {
        fputs(scripts[page->kind][i], stream);
    }
    fputs("})();\n</script>\n</body>\n</html>\n", stream);
}

bool page_write_file(const struct page *page, const char *path, char **why)
{
    bool is_stdout = strcmp(path, "-") == 0;
    struct output_file file = {.stream = stdout};
    errno = 0;
    bool is_written = is_stdout || output_file_open(&file, path);
    if (is_written) {
        page_write(page, file.stream);
        is_written = is_stdout ? fflush(stdout) == 0 : output_file_commit(&file);
    }
    if (!is_written) {
        *why = xasprintf("%s: cannot write the page: %s", is_stdout ? "standard output" : path,
                         strerror(errno));
    }
    return is_written;
}
