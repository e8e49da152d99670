// The files of this folder that go into pages, and the charting library: part of the program, so
// that a report needs no installed files.
#ifndef TILESIM_REPORT_PAGE_ASSETS_H
#define TILESIM_REPORT_PAGE_ASSETS_H

// Each is a text that ends in a NUL.
extern const char asset_chart_js[]; // Chart.js 3.9.1, MIT (Debian: libjs-chart.js)
extern const char asset_shell_css[], asset_shell_js[];
extern const char asset_sweep_data_js[], asset_sweep_charts_js[], asset_sweep_scaling_js[],
    asset_sweep_js[];
extern const char asset_anatomy_charts_js[], asset_anatomy_js[];

#endif
