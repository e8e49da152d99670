// Puts files into the program with the assembler's .incbin; paths are from the root of the
// repository. The Makefile rebuilds this when one of them changes.
#include "report/page/assets.h"

#define ASSET(name, path)                            \
    __asm__(".pushsection .rodata\n"                 \
            ".global " #name "\n"                    \
            ".type " #name ", %object\n" #name ":\n" \
            ".incbin \"" path "\"\n"                 \
            ".byte 0\n"                              \
            ".size " #name ", . - " #name "\n"       \
            ".popsection\n")

#ifndef TILESIM_CHART_JS // the Makefile says where; tools that only read the source need no library
#define TILESIM_CHART_JS "/dev/null"
#endif

ASSET(asset_chart_js, TILESIM_CHART_JS);
ASSET(asset_shell_css, "report/page/shell.css");
ASSET(asset_shell_js, "report/page/shell.js");
ASSET(asset_sweep_data_js, "report/page/sweep_data.js");
ASSET(asset_sweep_charts_js, "report/page/sweep_charts.js");
ASSET(asset_sweep_scaling_js, "report/page/sweep_scaling.js");
ASSET(asset_sweep_js, "report/page/sweep.js");
ASSET(asset_anatomy_charts_js, "report/page/anatomy_charts.js");
ASSET(asset_anatomy_js, "report/page/anatomy.js");
