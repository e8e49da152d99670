#include "sim/engine/platform.h"

#include <simgrid/engine.h>
#include <simgrid/link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xbt/config.h>

#include "sim/err.h"

// Two links, since a host link is full duplex.
static const char chip_shape[] =
    "<?xml version='1.0'?>\n"
    "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
    "<platform version=\"4.1\"><zone id=\"world\" routing=\"Full\">\n"
    "<host id=\"chip\" speed=\"1f\"/><host id=\"host\" speed=\"1f\"/>\n"
    "<link id=\"down\" bandwidth=\"1Bps\" latency=\"0s\"/>\n"
    "<link id=\"up\" bandwidth=\"1Bps\" latency=\"0s\"/>\n"
    "<route src=\"host\" dst=\"chip\" symmetrical=\"NO\"><link_ctn id=\"down\"/></route>\n"
    "<route src=\"chip\" dst=\"host\" symmetrical=\"NO\"><link_ctn id=\"up\"/></route>\n"
    "</zone></platform>\n";

struct platform platform_of_chip(const struct chip_config *chip)
{
    double bytes_per_cycle = chip->host.bytes_per_second / chip->clock_hz;
    double latency_cycles = chip->host.latency_seconds * chip->clock_hz;
    return (struct platform){.shape = chip_shape,
                             .link_count = 2,
                             .links = {{"down", bytes_per_cycle, latency_cycles},
                                       {"up", bytes_per_cycle, latency_cycles}}};
}

static void load_shape(const char *shape)
{
    int file = memfd_create("platform.xml", 0);
    SIM_ASSERT(file >= 0, "no memory file for the platform");
    FILE *stream = fdopen(dup(file), "w");
    SIM_ASSERT(stream != NULL && fputs(shape, stream) >= 0 && fclose(stream) == 0,
               "the platform could not be written");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    simgrid_load_platform(path);
    close(file);
}

void platform_start(const struct platform *platform)
{
    char name[] = "tilesim", quiet[] = "--log=root.thres:critical";
    char *arguments[] = {name, quiet, NULL};
    int argument_count = 2;
    simgrid_init(&argument_count, arguments);
    // A link is its latency and bandwidth, nothing of TCP: no slow start, no window, no
    // acknowledgements.
    sg_cfg_set_string("network/model", "CM02");
    sg_cfg_set_double("network/TCP-gamma", 0);
    sg_cfg_set_boolean("network/crosstraffic", "no");
    sg_cfg_set_int("contexts/stack-size", 64); // KiB; a tile's actor needs a few
    load_shape(platform->shape);
}

void platform_set_links(const struct platform *platform)
{
    for (uint32_t i = 0; i < platform->link_count; i++) {
        sg_link_t link = sg_link_by_name(platform->links[i].name);
        sg_link_set_bandwidth(link, platform->links[i].bytes_per_cycle);
        sg_link_set_latency(link, platform->links[i].latency_cycles);
    }
}
