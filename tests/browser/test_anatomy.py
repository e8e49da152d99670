#!/usr/bin/env python3
"""test_anatomy.py PROGRAM [FOLDER]: the page of `tilesim run --html` in a real browser. Prints the lines that cmocka prints.
Screenshots are kept in FOLDER, if one is named."""
import os
import subprocess
import sys
import tempfile

from browser import Browser

program = sys.argv[1]
shots = sys.argv[2] if len(sys.argv) > 2 else None
failures = 0
MACHINES = "machines=[{chip: toy}, {chip: toy, lowering: dense}, {gpu: a100-80}]"


def verdict(name, is_right, why=""):
    global failures
    print(f"[       OK ] {name}" if is_right else f"[  FAILED  ] {name}\n    {why}", flush=True)
    failures += not is_right


# --- what a page shows ---------------------------------------------------------------------------
# A canvas is drawn if its pixels are not all alike. They are read from a copy: reading the canvas itself slows it down.
EMPTY_CANVASES = """[...document.querySelectorAll('.plot canvas')].filter((canvas) => {
  if (canvas.hidden || canvas.width === 0 || canvas.height === 0) return true;
  const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height});
  const pen = copy.getContext('2d', {willReadFrequently: true});
  pen.drawImage(canvas, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return pixels.every((pixel) => pixel === pixels[0]);
}).map((canvas) => canvas.closest('.card').id)"""

CARDS = ["times", "steps", "workers", "balance", "occupancy", "tiles", "sorted", "memory", "lifetimes", "gpu", "basis"]


def place_of(page, selector):
    return page.evaluate(f"(() => {{ const box = document.querySelector({selector!r}); box.scrollIntoView({{block: 'center', behavior: 'instant'}});"
                         " const at = box.getBoundingClientRect(); return [at.left, at.top, at.width, at.height]; })()")


def tooltip_of(page, card):
    return page.evaluate(f"(() => {{ const tip = Chart.getChart(document.querySelector('#{card} .plot canvas')).tooltip;"
                         " return tip.opacity > 0 ? [...(tip.title || []), ...tip.body.flatMap((part) => part.lines), ...(tip.footer || [])].join(' | ') : ''; })()")


def hover(page, card):
    """Moves the pointer over a chart until it says something."""
    for across in (0.5, 0.35, 0.65, 0.2, 0.8):
        left, top, width, height = place_of(page, f"#{card} .plot canvas")
        page.hover(left + width * across, top + height * 0.45)
        text = tooltip_of(page, card)
        if text:
            return text
    return ""


def choose(page, card, label, value):
    """Sets a selector of a card (or of the bar) as a reader does."""
    page.evaluate(f"(() => {{ const field = [...document.querySelectorAll('{card} .field')].find((each) => each.firstChild.textContent === {label!r});"
                  f" const box = field.querySelector('select'); box.value = {value!r}; box.dispatchEvent(new Event('change')); }})()")
    page.settle()


def cells(page, card, column):
    return page.evaluate(f"[...document.querySelectorAll('#{card} tbody tr')].map((row) => row.children[{column}].textContent)")


def numbers(texts):
    return [float(text.replace(",", "").split("\u00a0")[0]) for text in texts if text != "–"]


# --- tests ---------------------------------------------------------------------------------------
def check_look(browser, path, kind, wanted=CARDS, **how):
    page = browser.open(path, **how)
    page.settle()
    verdict(f"{kind}_page_opens_without_complaint", page.complaints == [], page.complaints)
    ids = page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.id)")
    verdict(f"{kind}_page_has_every_card", ids == wanted, ids)
    empty = page.evaluate(EMPTY_CANVASES)
    verdict(f"{kind}_page_draws_every_chart", empty == [], empty)
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    verdict(f"{kind}_page_is_no_wider_than_the_window", width <= 0, f"{width} pixels too wide")
    hidden = page.evaluate("[...document.querySelectorAll('.plot .empty')].filter((each) => each.offsetParent !== null).length")
    verdict(f"{kind}_page_calls_no_drawn_chart_empty", hidden == 0, hidden)
    if shots:
        page.screenshot(os.path.join(shots, f"anatomy-{kind}.png"))
    return page


def check_hover(page):
    for card in CARDS[:-1]:
        text = hover(page, card)
        verdict(f"hover_over_{card}_shows_values", text != "" and any(each.isdigit() for each in text), text)
    page.evaluate("document.querySelector('#steps .plot canvas').focus()")
    page.press("Home")
    first = page.evaluate("document.querySelector('#steps .spoken').textContent")
    verdict("keys_begin_at_the_first_step", first.startswith("host to chip"), first)
    page.press("ArrowRight")
    spoken = page.evaluate("document.querySelector('#steps .spoken').textContent")
    verdict("keys_read_the_values_of_a_chart", "cycles" in spoken, spoken)


def check_tables(page):
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    page.settle()
    tables = page.evaluate("[...document.querySelectorAll('.card')].filter((card) => card.querySelector('table') === null).map((card) => card.id)")
    verdict("every_chart_but_the_sorted_map_has_a_table", tables == ["sorted"], tables)
    page.evaluate("document.querySelectorAll('#steps thead button')[5].click()")  # sum of cycles
    page.settle()
    rising = numbers(cells(page, "steps", 5))
    page.evaluate("document.querySelectorAll('#steps thead button')[5].click()")
    page.settle()
    falling = numbers(cells(page, "steps", 5))
    verdict("a_table_sorts_up_and_down", len(rising) > 20 and rising == sorted(rising) and falling == sorted(falling, reverse=True),
            (rising, falling))
    sorts = page.evaluate("document.querySelectorAll('#steps thead th')[5].getAttribute('aria-sort')")
    verdict("a_sorted_table_says_so", sorts == "descending", sorts)
    unlabelled = page.evaluate("[...document.querySelectorAll('.plot canvas')].filter((canvas) => !canvas.getAttribute('aria-label')).length"
                               " + [...document.querySelectorAll('table')].filter((table) => !table.caption).length")
    verdict("charts_and_tables_have_names", unlabelled == 0, unlabelled)


def check_selectors(page):
    before = page.evaluate("Chart.getChart(document.querySelector('#steps .plot canvas')).data.labels.length")
    choose(page, "#steps", "cycles of", "middle")
    causes = page.evaluate("Chart.getChart(document.querySelector('#steps .plot canvas')).data.datasets.map((set) => set.label)")
    verdict("one_execution_is_shown_by_cause", "activity" in causes and "launch, supervisor" in causes, causes)
    choose(page, ".bar", "tile machine", "1")
    after = page.evaluate("Chart.getChart(document.querySelector('#steps .plot canvas')).data.labels.length")
    verdict("another_machine_changes_the_charts", after != before and page.evaluate(EMPTY_CANVASES) == [], (before, after))
    for gpu in range(5):
        choose(page, "#gpu", "program", str(gpu))
        verdict(f"program_b{gpu}_shows_its_kernels", page.evaluate(EMPTY_CANVASES) == [] and len(cells(page, "gpu", 0)) > 3, cells(page, "gpu", 0))
    for value in ("port", "wait"):
        choose(page, "#tiles", "colour shows cycles", value)
    verdict("selectors_bring_no_complaint", page.complaints == [], page.complaints)


def sums_of_tiles(page):
    return page.evaluate("(() => { const data = JSON.parse(document.getElementById('data').textContent);"
                         " return data.machines.map((machine) => machine.steps.reduce((all, step) => all + step.cycles + step.sync_cycles, 0) - machine.cycles.total); })()")


# --- checkpoints and streaming memory -------------------------------------------------------------
SLOW = "{base: bow, streaming: {bytes_per_second: 2.0e7, chip_bytes_per_second: 2.0e7}}"
STREAMING = f"machines=[{{name: blocking, system: {SLOW}, streaming: blocking}}, {{name: beside, system: {SLOW}, streaming: double_buffered}}]"


def check_plan(browser, folder):
    path = os.path.join(folder, "plan.html")
    sets = [STREAMING, "training.time_steps=100", "training.checkpointing=double", "training.checkpoints.local=4", "training.checkpoints.remote=5"]
    subprocess.run([program, "run", "--quiet", "configs/experiments/toy.yaml", *[word for each in sets for word in ("--set", each)], "--html", path], check=True)
    cards = [CARDS[0], "sections", "course", *[card for card in CARDS[1:] if card != "gpu"]]
    page = check_look(browser, path, "plan", wanted=cards, width=1280, height=900)
    page.evaluate("document.querySelectorAll('#sections details').forEach((fold) => { fold.open = true; })")
    page.settle()
    calls = page.evaluate("document.querySelectorAll('#sections details:last-of-type tbody tr').length")
    verdict("a_plan_of_100_time_steps_is_a_short_list_of_calls", 10 < calls < 30, calls)
    verdict("hover_over_course_shows_values", "cycles" in hover(page, "course"), tooltip_of(page, "course"))
    notes = []
    for machine in ("0", "1"):
        choose(page, ".bar", "tile machine", machine)
        notes.append(page.evaluate("[...document.querySelectorAll('#course .lead')].pop().textContent"))
    verdict("what_hides_is_told_from_what_blocks", "0\u00a0% of that hides" in notes[0] and notes[0] != notes[1], notes)
    verdict("a_plan_brings_no_complaint", page.complaints == [], page.complaints)
    check_look(browser, path, "plan_on_a_phone", wanted=cards, width=390, height=844, is_phone=True)


def main():
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        path = os.path.join(folder, "anatomy.html")
        subprocess.run([program, "run", "--quiet", "configs/experiments/toy.yaml", "--set", MACHINES, "--set", 'experiment=</script><b>"toy"',
                        "--html", path], check=True)
        page = check_look(browser, path, "wide", width=1280, height=900)
        verdict("a_name_with_markup_is_text", page.evaluate("document.querySelector('h1').textContent").startswith('</script><b>"toy"'),
                page.evaluate("document.querySelector('h1').textContent"))
        verdict("parts_on_the_page_add_up", sums_of_tiles(page) == [0, 0], sums_of_tiles(page))
        check_hover(page)
        check_tables(page)
        check_selectors(page)
        check_look(browser, path, "dark", width=1280, height=900, dark=True)
        check_look(browser, path, "phone", width=390, height=844, is_phone=True)
        page.pdf(os.path.join(folder, "anatomy.pdf"))
        verdict("it_prints", os.path.getsize(os.path.join(folder, "anatomy.pdf")) > 50000, os.path.getsize(os.path.join(folder, "anatomy.pdf")))
        check_plan(browser, folder)
    return failures > 0


sys.exit(main())
