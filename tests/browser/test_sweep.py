#!/usr/bin/env python3
"""test_sweep.py PROGRAM [FOLDER]: the page of `tilesim report --html` in a real browser. Prints the lines that cmocka prints.
Screenshots and a print are kept in FOLDER, if one is named."""
import os
import subprocess
import sys
import tempfile

from browser import Browser

program = sys.argv[1]
shots = sys.argv[2] if len(sys.argv) > 2 else None
failures = 0

# A chip of sixteen tiles, too small for the longest runs, beside a GPU.
SWEEP = """
set: {network.inputs: 64, machines: [{chip: toy}, {chip: toy, lowering: dense}, {gpu: a100-80, baselines: [b1, b2, b4]}]}
sweep:
  network.hidden: [[24, 24], [16, 16, 16]]
  training.time_steps: [4, 16, 400]
  network.max_activity: [0.05, 0.1, 0.4, 0.8]
labels: {network.max_activity: "cap <b>on</b> activity"}
"""
CARDS = ["throughput", "speedup", "map", "breakdown", "schedule", "memory", "tiles", "misfits", "results", "grounds", "configuration"]

# Canvases whose pixels are all alike. They are read from a copy: reading the canvas itself slows it down.
EMPTY_CANVASES = """[...document.querySelectorAll('.plot canvas')].filter((canvas) => {
  if (canvas.hidden || canvas.width === 0 || canvas.height === 0) return true;
  const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height});
  const pen = copy.getContext('2d', {willReadFrequently: true});
  pen.drawImage(canvas, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return pixels.every((pixel) => pixel === pixels[0]);
}).map((canvas) => canvas.closest('.card').id)"""


def verdict(name, is_right, why=""):
    global failures
    print(f"[       OK ] {name}" if is_right else f"[  FAILED  ] {name}\n    {why}", flush=True)
    failures += not is_right


def chart(card):
    return f"Chart.getChart(document.querySelector('#{card} canvas'))"


def place_of(page, selector):
    return page.evaluate(f"(() => {{ const box = document.querySelector({selector!r}); box.scrollIntoView({{block: 'center', behavior: 'instant'}});"
                         " const at = box.getBoundingClientRect(); return [at.left, at.top, at.width, at.height]; })()")


def tooltip(page, card):
    return page.evaluate(f"(() => {{ const tip = {chart(card)}.tooltip; return tip.opacity > 0 ? [...tip.title, ...tip.body.flatMap((part) => part.lines)].join(' | ') : ''; }})()")


def hover(page, card):
    """What a chart says under the pointer, at the first place where it says something."""
    for across in (0.5, 0.3, 0.7, 0.15, 0.85):
        left, top, width, height = place_of(page, f"#{card} canvas")
        page.hover(left + width * across, top + height * 0.45)
        if tooltip(page, card):
            return tooltip(page, card)
    return ""


def choose(page, where, label, text):
    page.evaluate(f"(() => {{ const field = [...document.querySelectorAll('{where} .field')].find((each) => each.firstChild.textContent === {label!r});"
                  f" const box = field.querySelector('select'); box.value = [...box.options].find((option) => option.textContent === {text!r}).value;"
                  " box.dispatchEvent(new Event('change')); })()")
    page.settle()


def first_points(page, card):
    return page.evaluate(f"JSON.stringify({chart(card)}.data.datasets.filter((set) => !set.isBand).map((set) => [set.label, set.data.map((point) => point.y ?? point)]))")


def column(page, card, number):
    return page.evaluate(f"[...document.querySelectorAll('#{card} tbody tr')].map((row) => row.children[{number}].textContent)")


def sweep_to_page(folder, environment, name, text):
    """Sweeps of the toy experiment that `text` says, as a page: its path, what `sweep` said, what `report` said."""
    sweep, database, path = (os.path.join(folder, name + ending) for ending in (".yaml", ".db", ".html"))
    with open(sweep, "w") as file:
        file.write(f"base: {environment['TILESIM_CONFIGS']}/experiments/toy.yaml\n{text}")
    ran = subprocess.run([program, "sweep", sweep, "--db", database], env=environment, capture_output=True, text=True)
    wrote = subprocess.run([program, "report", database, "--html", path], env=environment, capture_output=True, text=True)
    return path, ran, wrote


def check_look(browser, path, kind, **how):
    page = browser.open(path, **how)
    page.settle()
    verdict(f"{kind}_page_opens_without_complaint", page.complaints == [], page.complaints)
    ids = page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.id).filter((id) => !id.startsWith('scaling'))")
    verdict(f"{kind}_page_has_every_card", ids == CARDS, ids)
    empty = page.evaluate(EMPTY_CANVASES)
    verdict(f"{kind}_page_draws_every_chart", empty == [], empty)
    width = page.evaluate("document.documentElement.scrollWidth")
    verdict(f"{kind}_page_is_no_wider_than_its_window", width <= how.get("width", 1280), width)
    if shots:
        page.screenshot(os.path.join(shots, f"sweep-{kind}.png"))
    return page


def check_use(page):
    for card in ("throughput", "speedup", "breakdown", "schedule", "memory", "tiles", "map"):
        verdict(f"{card}_says_its_values_under_the_pointer", hover(page, card) != "", "nothing under the pointer")
    verdict("a_line_says_its_band", "±" in hover(page, "throughput"), tooltip(page, "throughput"))
    page.evaluate("document.querySelector('#throughput canvas').focus()")
    page.press("ArrowRight")
    spoken = page.evaluate("document.querySelector('#throughput .spoken').textContent")
    verdict("arrow_keys_speak_the_values", "toy/sparse" in spoken, spoken)

    highest = page.evaluate(f"{chart('speedup')}.scales.y.max")
    verdict("the_line_of_equal_speed_is_on_the_chart", highest >= 1, highest)
    veil, stacks = page.evaluate(f"(() => {{ const sets = {chart('memory')}.data.datasets; return [sets.find((set) => set.isVeil).data[0],"
                                 " sets.filter((set) => set.part).reduce((sum, set) => sum + set.data[0], 0)]; })()")
    used = page.evaluate(f"{chart('memory')}.data.datasets.find((set) => set.label === 'in use').data[0]")
    verdict("a_stack_is_pale_above_what_is_in_use", veil == [used, stacks] and used < stacks, (veil, used, stacks))
    short = page.evaluate(f"(() => {{ const sets = {chart('memory')}.data.datasets, parts = sets.filter((set) => set.part);"
                          " return sets.find((set) => set.label === 'in use').data.filter((used, i) => used > parts.reduce((sum, set) => sum + set.data[i], 0)); })()")
    verdict("no_bar_of_sram_is_lower_than_what_is_in_use", short == [], short)

    before = first_points(page, "throughput")
    choose(page, "nav.bar", "time steps", "16")
    after = first_points(page, "throughput")
    verdict("a_selector_changes_the_chart", before != after, after)
    choose(page, "nav.bar", "horizontal axis", "time steps")
    title = page.evaluate(f"{chart('throughput')}.options.scales.x.title.text")
    verdict("the_axis_can_be_chosen", title == "time steps", title)
    marks = page.evaluate(f"{chart('throughput')}.data.datasets.filter((set) => set.label === 'does not fit').flatMap((set) => set.data.map((point) => point.x))")
    verdict("what_does_not_fit_is_marked_on_the_chart", 400 in (marks or []), marks)
    page.evaluate("document.querySelector('#throughput .legend button').click()")
    page.settle()
    hidden = page.evaluate(f"(() => {{ const chart = {chart('throughput')}; return chart.data.datasets.map((set, i) => chart.isDatasetVisible(i)).filter((is) => !is).length; }})()")
    verdict("the_legend_hides_a_line_with_its_band", hidden == 3, hidden)


def check_tables(page):
    heading = "[...document.querySelectorAll('#results thead button')].find((button) => button.textContent === 'time per training step')"
    place = page.evaluate(f"{heading}.closest('th').cellIndex")
    values = f"[...document.querySelectorAll('#results tbody tr')].map((row) => row.children[{place}].textContent)"
    page.evaluate(f"{heading}.click()")
    up = page.evaluate(values)
    page.evaluate(f"{heading}.click()")
    down = page.evaluate(values)

    def seconds(text):
        number, unit = text.split("\u00a0")
        return float(number.replace(",", "")) * {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}[unit]
    rising = [seconds(text) for text in up if text != "–"]
    falling = [seconds(text) for text in down if text != "–"]
    verdict("a_heading_sorts_and_sorts_back", rising == sorted(rising) and falling == sorted(falling, reverse=True) and rising[0] < falling[0], (up[:5], down[:5]))
    sort = page.evaluate(f"{heading}.closest('th').getAttribute('aria-sort')")
    verdict("a_sorted_column_says_so", sort == "descending", sort)
    page.evaluate("(() => { const box = document.querySelector('#results input'); box.value = 'does not fit'; box.dispatchEvent(new Event('input')); })()")
    found = column(page, "results", 0)
    verdict("the_filter_keeps_matching_rows", 0 < len(found) < 50, found)
    page.evaluate("document.querySelector('#speedup details').open = true")
    page.settle()
    rows = len(column(page, "speedup", 0))
    verdict("the_table_behind_a_chart_opens", rows > 3, rows)
    reasons = page.evaluate("document.querySelector('#misfits').textContent")
    verdict("what_does_not_fit_has_its_reason", "tile" in reasons and "needs" in reasons, reasons[:200])
    bold = page.evaluate("document.querySelectorAll('#page b:not(.figure b)').length")
    verdict("labels_are_no_markup", bold == 0, bold)


def check_long(browser, folder, environment):
    """Of more seeds than are drawn the first and the last are, and what is left out is said."""
    path, ran, _ = sweep_to_page(folder, environment, "long",
                                 "set: {workload: {kind: exchange, pattern: gather, tiles: 4, bytes: 4}, machines: [{chip: toy}]}\n"
                                 "sweep: {workload.bytes: {from: 4, to: 1600, step: 4}}\n")
    page = browser.open(path)
    line = page.evaluate(f"(() => {{ const list = {chart('throughput')}.data.datasets.find((set) => !set.isBand).data; return [list.length, list[0].x, list[list.length - 1].x]; }})()")
    verdict("a_long_line_is_thinned_between_its_ends", line == [300, 4, 1600], (line, ran.stderr[-300:]))
    note = page.evaluate("document.querySelector('#throughput .note').textContent")
    verdict("a_thinned_chart_says_so", note.startswith("Drawn are 300 of 400"), note)
    kind = page.evaluate(f"{chart('throughput')}.options.scales.x.type")
    verdict("an_axis_of_equal_steps_is_linear", kind == "linear", kind)


def check_chips(browser, folder, environment):
    """Chips were swept: strong scaling of one network, weak scaling of replicas, each beside what is ideal."""
    path, ran, _ = sweep_to_page(folder, environment, "chips",
                                 "set: {machines: [{name: toys, system: toy-4}], network.hidden: [24, 24, 24, 24]}\n"
                                 "blocks:\n  - sweep: {machines.0.chips: [1, 2, 4]}\n  - sweep: {machines.0.system: [{base: toy-4, packet_bytes: 8}]}\n"
                                 "  - zip: [{machines.0.chips: [1, 2, 4], machines.0.replicas: [1, 2, 4], training.batch: [6, 12, 24]}]\n")
    page = browser.open(path)
    lines = {}
    for kind in ("strong: speed-up", "weak: efficiency"):
        choose(page, "#chips", "scaling", kind)
        lines[kind] = page.evaluate(f"{chart('chips')}.data.datasets.map((set) => [set.label, ...set.data.map((point) => [point.x, point.y])])")
    strong, weak = lines["strong: speed-up"], lines["weak: efficiency"]
    verdict("strong_scaling_begins_at_its_chips", len(strong) == 2 and strong[0][1] == [1, 1] and [point[0] for point in strong[0][1:]] == [1, 2, 4], (strong, ran.stderr[-300:]))
    verdict("ideal_is_as_fast_as_there_are_chips", strong[-1] == ["ideal", [1, 1], [2, 2], [4, 4]], strong[-1])
    verdict("replicas_of_a_batch_each_are_weak_scaling", len(weak) == 2 and weak[0][1] == [1, 1] and 0 < weak[0][2][1] < 1 and 0 < weak[0][3][1] < 1, weak)
    page.evaluate("document.querySelector('#chips details').open = true")
    page.settle()
    bounds = set(column(page, "chips", 5))
    verdict("every_point_says_what_bounds_it", bounds and bounds <= {"compute", "exchange", "sync", "links", "memory", "host"}, bounds)
    swept = page.evaluate("document.body.innerText")
    verdict("a_mapping_is_named_by_what_it_changes", "toy-4 {packet_bytes: 8}" in swept and "[object" not in swept, swept[:300])
    parts = page.evaluate(f"{chart('breakdown')}.data.datasets.map((set) => set.label)")
    verdict("waits_for_links_are_in_the_stack", "links" in parts, parts)
    verdict("a_sweep_over_chips_brings_no_complaint", page.complaints == [], page.complaints)


def check_dense_chips(browser, folder, environment):
    """Networks that grow with the chips are no strong scaling, of dense machines either, whose drawn runs list no activity."""
    path, ran, _ = sweep_to_page(folder, environment, "dense",
                                 "set: {training.mode: drawn, machines: [{name: toys, system: toy-4, lowering: dense}]}\n"
                                 "zip: [{machines.0.chips: [1, 2, 4], network.hidden: [[24], [24, 24], [24, 24, 24, 24]]}]\n")
    page = browser.open(path)
    ideal = page.evaluate(f"{chart('chips')}.data.datasets.at(-1).data.map((point) => point.y)")
    has_choice = page.evaluate("document.querySelector('#chips select') !== null")
    verdict("dense_networks_that_grow_are_weak_scaling", set(ideal) == {1} and not has_choice, (has_choice, ideal, ran.stderr[-300:]))


def check_no_grid(browser, folder, environment):
    """Of two blocks the values that most points have are together no point: the page begins with one that is."""
    path, ran, _ = sweep_to_page(folder, environment, "blocks",
                                 "set: {machines: [{name: toys, chip: toy}]}\nblocks:\n"
                                 "  - sweep: {network.inputs: [24], training.batch: [12, 24, 30], training.time_steps: [5]}\n"
                                 "  - sweep: {network.inputs: [24, 28], training.batch: [6], training.time_steps: [4, 8]}\n")
    said = browser.open(path).evaluate("document.body.innerText")
    verdict("blocks_begin_with_a_point", "Where the time goes" in said and "Nothing to draw" not in said, (said[:300], ran.stderr[-300:]))


def check_theme(browser, path):
    page = check_look(browser, path, "dark", dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.evaluate("document.querySelector('.theme').click()")
    page.settle()
    verdict("the_button_makes_it_light", dark != page.evaluate(ground), dark)
    pdf = os.path.join(shots or tempfile.gettempdir(), f"tilesim-sweep-{os.getpid()}.pdf")
    page.pdf(pdf)
    size = os.path.getsize(pdf)
    if not shots:
        os.remove(pdf)
    verdict("it_prints", size > 30000 and page.complaints == [], (size, page.complaints))
    still = page.evaluate(EMPTY_CANVASES)
    verdict("charts_are_there_after_printing", still == [], still)


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TILESIM_CONFIGS": os.path.join(root, "configs")}
        page_path, ran, wrote = sweep_to_page(folder, environment, "small", SWEEP)
        verdict("a_sweep_becomes_a_page", wrote.returncode == 0, ran.stderr + wrote.stderr)
        if wrote.returncode != 0:
            return
        with Browser() as browser:
            page = check_look(browser, page_path, "wide")
            check_use(page)
            check_tables(page)
            verdict("using_it_brings_no_complaint", page.complaints == [], page.complaints)
            phone = check_look(browser, page_path, "phone", width=390, height=844, is_phone=True)
            tall = phone.evaluate("[...document.querySelectorAll('.legend li')].filter((item) => item.offsetHeight > 34).length")
            verdict("an_entry_of_a_legend_is_one_line_on_a_phone", tall == 0, tall)
            check_theme(browser, page_path)
            check_long(browser, folder, environment)
            check_chips(browser, folder, environment)
            check_dense_chips(browser, folder, environment)
            check_no_grid(browser, folder, environment)


main()
sys.exit(failures > 0)
