// What every page has: elements, numbers with units, colours in light and dark, charts, tables, printing.
// The scripts of a kind of page follow this one and share its scope. docs/report-page.md.

const data = JSON.parse(document.getElementById('data').textContent);
const root = document.getElementById('page');

// --- elements ------------------------------------------------------------------------------------
// el('p', {class: 'lead', onclick: f}, 'text', otherElement). Texts are never HTML.
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let nextId = 1;
const newId = (stem) => stem + '-' + nextId++;

// options: [[value, text], ...]
function select(label, options, value, onchange, attributes) {
  const box = el('select', {onchange: () => onchange(box.value), ...attributes},
    options.map(([key, text]) => el('option', {value: String(key)}, text)));
  box.value = String(value);
  return el('label', {class: 'field'}, label, box);
}

function checkbox(label, isOn, onchange) {
  const box = el('input', {type: 'checkbox', onchange: () => onchange(box.checked)});
  box.checked = isOn;
  return el('label', {class: 'field check'}, box, label);
}

// --- numbers -------------------------------------------------------------------------------------
const decimals = Array.from({length: 21}, (unused, most) => new Intl.NumberFormat('en-GB', {maximumFractionDigits: most})); // made once: they are slow to make
function digits(value, count) {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude >= 15 || magnitude < -9) return value.toExponential(count - 1);
  return decimals[Math.min(20, Math.max(0, count - 1 - magnitude))].format(value);
}

function scaled(units, step) {
  return (value, count = 3) => {
    if (value === null || value === undefined || !isFinite(value)) return '–';
    let i = units.findIndex((unit) => unit[0] === 1);
    while (i + 1 < units.length && Math.abs(value) >= units[i + 1][0] * step) i++;
    while (i > 0 && value !== 0 && Math.abs(value) < units[i][0]) i--;
    return digits(value / units[i][0], count) + units[i][1];
  };
}

const NBSP = '\u00a0'; // no line break between a number and its unit
const format = {
  seconds: scaled([[1e-9, NBSP + 'ns'], [1e-6, NBSP + 'µs'], [1e-3, NBSP + 'ms'], [1, NBSP + 's']], 1),
  bytes: scaled([[1, NBSP + 'B'], [1024, NBSP + 'KiB'], [1048576, NBSP + 'MiB'], [1073741824, NBSP + 'GiB']], 1),
  rate: scaled([[1, ''], [1e3, 'k'], [1e6, 'M'], [1e9, 'G']], 1),
  hertz: scaled([[1, NBSP + 'Hz'], [1e3, NBSP + 'kHz'], [1e6, NBSP + 'MHz'], [1e9, NBSP + 'GHz']], 1),
  count: (value) => (value === null || value === undefined ? '–' : digits(value, 4)),
  whole: (value) => (value === null || value === undefined ? '–' : decimals[0].format(Math.round(value))),
  percent: (value, count = 3) => (value === null || value === undefined ? '–' : digits(100 * value, count) + NBSP + '%'),
  ratio: (value) => (value === null || value === undefined ? '–' : digits(value, 3) + '×'),
  duration: (value) => (value < 120 ? format.seconds(value) : value < 7200 ? digits(value / 60, 3) + NBSP + 'min'
    : digits(value / 3600, 3) + NBSP + 'h'),
};

// --- colours -------------------------------------------------------------------------------------
// Okabe and Ito, "Color Universal Design" (2008), in an order that keeps neighbours apart for all common kinds of
// colour blindness; yellow is darkened on white, blue and green lightened on black. Lines differ in dashes and
// markers as well, bars in hatching: no reading depends on colour alone.
const palettes = {
  light: ['#0072b2', '#d55e00', '#009e73', '#b5549a', '#b07d00', '#3a9fd8', '#5b6670', '#8a2d3b', '#556b00', '#4b3ba8', '#00707a', '#a8481c', '#c2185b', '#2b3440', '#7a5a3c', '#6fa31e'],
  dark: ['#4ba6e8', '#ff8a3d', '#2fc79b', '#e08fc4', '#e6b12e', '#8fd0ff', '#a9b4be', '#ff8f9f', '#b4cc4a', '#a99bff', '#3fd0da', '#ffb48a', '#ff6fa8', '#e4e9ee', '#c9a37e', '#8fe07a'],
};
const dashes = [[], [7, 3], [2, 2.5], [9, 3, 2, 3], [4, 2], [12, 4], [1, 3], [6, 2, 2, 2, 2, 2]];
const markers = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'cross', 'rectRounded', 'crossRot'];

let isPrinting = false;
function theme() {
  return !isPrinting && document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
}
function colour(i) {
  const palette = palettes[theme()];
  return palette[i % palette.length];
}
function surface(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}
function faded(hex, alpha) {
  const part = (i) => parseInt(hex.slice(i, i + 2), 16);
  return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${alpha})`;
}
// A colour for 0..1, dark to bright, equal steps for the eye (anchors of viridis, CC0).
function heat(fraction) {
  const anchors = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const at = Math.max(0, Math.min(1, fraction)) * (anchors.length - 1);
  const i = Math.min(anchors.length - 2, Math.floor(at));
  const mix = anchors[i].map((low, j) => Math.round(low + (anchors[i + 1][j] - low) * (at - i)));
  return `rgb(${mix})`;
}
// Fill of the i-th part of a stack: past the palette, and every other one, hatched.
function fillOf(i) {
  const base = colour(i);
  const kind = Math.floor(i / 2) % 4 === 0 && i < 2 ? 0 : (i % 4);
  if (kind === 0) return base;
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const pen = tile.getContext('2d');
  pen.fillStyle = base;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = faded(theme() === 'dark' ? '#000000' : '#ffffff', 0.45);
  pen.lineWidth = 1.2;
  pen.beginPath();
  if (kind === 1) { pen.moveTo(-2, 2); pen.lineTo(2, -2); pen.moveTo(0, 8); pen.lineTo(8, 0); pen.moveTo(6, 10); pen.lineTo(10, 6); }
  if (kind === 2) { pen.moveTo(4, 0); pen.lineTo(4, 8); }
  if (kind === 3) { pen.moveTo(6, -2); pen.lineTo(10, 2); pen.moveTo(0, 0); pen.lineTo(8, 8); pen.moveTo(-2, 6); pen.lineTo(2, 10); }
  pen.stroke();
  return pen.createPattern(tile, 'repeat');
}

// What lies over a stack to make a part of it pale.
function veilFill() {
  return faded(surface('surface'), 0.72);
}

// --- theme ---------------------------------------------------------------------------------------
const systemDark = window.matchMedia('(prefers-color-scheme: dark)');
function storedTheme() {
  try { return localStorage.getItem('tilesim-theme'); } catch (error) { return null; } // files may have no storage
}
function setTheme(name, isKept) {
  document.documentElement.dataset.theme = name;
  try { if (isKept) localStorage.setItem('tilesim-theme', name); } catch (error) { /* kept for this view alone */ }
  drawCharts();
}
function themeButton() {
  const button = el('button', {class: 'theme', type: 'button', 'aria-label': 'switch between light and dark',
    onclick: () => setTheme(theme() === 'dark' ? 'light' : 'dark', true)}, '◐');
  return button;
}

// --- charts --------------------------------------------------------------------------------------
const plots = [];

// Of a logarithmic axis as many labels as its decades leave room for.
function logTick(formatter) {
  return function (value) {
    const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    const decades = Math.log10(this.max / this.min);
    const leads = decades > 4 ? [1] : decades > 1.2 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
    return leads.some((digit) => Math.abs(lead - digit) < 1e-6) ? formatter(value) : '';
  };
}

// Ticks of bytes at round binary numbers.
function byteStep(most) {
  return 2 ** Math.max(0, Math.ceil(Math.log2(most / 8)));
}

// An axis of a chart. kind: linear, logarithmic, category
function scale(kind, title, formatter, more) {
  const ticks = {color: surface('quiet'), maxRotation: 60, autoSkip: true, ...(more && more.ticks)};
  if (kind === 'logarithmic') ticks.autoSkip = false;
  if (formatter && kind !== 'category') ticks.callback = kind === 'logarithmic' ? logTick(formatter) : (value) => formatter(value);
  return {
    type: kind, grid: {color: surface('grid'), borderColor: surface('line')},
    title: {display: Boolean(title), text: title, color: surface('quiet')}, ...more, ticks,
  };
}

function baseOptions(more) {
  return {
    animation: false, responsive: true, maintainAspectRatio: false, color: surface('text'),
    interaction: {mode: 'nearest', axis: 'x', intersect: false},
    ...more,
    plugins: {
      legend: {display: false},
      ...(more && more.plugins),
      tooltip: {
        backgroundColor: theme() === 'dark' ? '#e8ecef' : '#17202a', titleColor: theme() === 'dark' ? '#10151a' : '#fff',
        bodyColor: theme() === 'dark' ? '#10151a' : '#fff', padding: 10, boxPadding: 4, usePointStyle: true,
        filter: (item) => !item.dataset.isBand, ...(more && more.plugins && more.plugins.tooltip),
      },
    },
  };
}

// What stands for a series in the legend: a patch of its hatching, or a piece of its line with the marker.
function swatch(dataset) {
  if (dataset.isFill) {
    const patch = el('canvas', {width: 14, height: 14, 'aria-hidden': 'true'});
    const pen = patch.getContext('2d');
    if (dataset.isVeil) {
      pen.fillStyle = fillOf(1);
      pen.fillRect(0, 0, 14, 14);
    }
    pen.fillStyle = dataset.backgroundColor;
    pen.fillRect(0, 0, 14, 14);
    return patch;
  }
  const holder = el('span', {});
  holder.innerHTML = lineSwatch(dataset); // of our own colours alone
  return holder.firstChild;
}

function lineSwatch(dataset) {
  const colourOf = String(dataset.borderColor);
  const dash = (dataset.borderDash || []).join(' ');
  const shapes = {
    circle: '<circle cx="15" cy="7" r="3.6"/>', rect: '<rect x="11.6" y="3.6" width="6.8" height="6.8"/>',
    triangle: '<path d="M15 2.8 19 10.4H11z"/>', rectRot: '<path d="M15 2.4 19.6 7 15 11.6 10.4 7z"/>',
    star: '<path d="M15 2v10M10.6 4.5l8.8 5M10.6 9.500l8.8-5" fill="none" stroke-width="1.6"/>',
    cross: '<path d="M15 2v10M10 7h10" fill="none" stroke-width="1.8"/>',
    crossRot: '<path d="M11 3l8 8M19 3l-8 8" fill="none" stroke-width="1.8"/>',
    rectRounded: '<rect x="11.400" y="3.4" width="7.2" height="7.2" rx="2.4"/>',
  };
  const line = dataset.showLine === false ? '' : `<path d="M1 7H29" fill="none" stroke-width="2" stroke-dasharray="${dash}"/>`;
  return `<svg width="30" height="14" aria-hidden="true" stroke="${colourOf}" fill="${colourOf}">${line}${shapes[dataset.pointStyle] || ''}</svg>`;
}

// Buttons that hide a series together with its band.
function drawLegend(plot) {
  plot.legend.replaceChildren();
  const chart = plot.chart;
  chart.data.datasets.forEach((dataset, i) => {
    if (dataset.isBand || !dataset.label) return;
    const isHidden = plot.hidden.has(dataset.label);
    chart.data.datasets.forEach((other, j) => { if (other.group === dataset.group) chart.setDatasetVisibility(j, !isHidden); });
    const button = el('button', {type: 'button', 'aria-pressed': String(!isHidden), onclick: () => {
      if (plot.hidden.has(dataset.label)) plot.hidden.delete(dataset.label);
      else plot.hidden.add(dataset.label);
      drawLegend(plot);
      chart.update();
      plot.legend.children[button.dataset.at].firstChild.focus();
    }});
    button.dataset.at = plot.legend.children.length;
    button.title = dataset.label; // on a phone it is cut
    button.append(swatch(dataset), el('span', {}, dataset.label));
    plot.legend.append(el('li', {}, button));
  });
  plot.legend.hidden = plot.legend.children.length < 2 && !plot.keepsLegend;
}

// Arrow keys walk over the values as a pointer does; what a tooltip says is spoken.
function walkByKeys(plot, event) {
  const chart = plot.chart;
  const step = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity}[event.key];
  if (!chart || (step === undefined && event.key !== 'Escape')) return;
  event.preventDefault();
  if (event.key === 'Escape') {
    plot.at = undefined;
    chart.setActiveElements([]);
    chart.tooltip.setActiveElements([], {x: 0, y: 0});
    chart.update();
    return;
  }
  const elements = [];
  chart.data.datasets.forEach((dataset, i) => {
    if (dataset.isBand || dataset.isMark || !chart.isDatasetVisible(i)) return;
    chart.getDatasetMeta(i).data.forEach((element, index) => {
      if (isFinite(element.x) && isFinite(element.y)) elements.push({x: element.x, y: element.y, datasetIndex: i, index});
    });
  });
  const along = chart.options.indexAxis === 'y' ? 'y' : 'x'; // bars that lie are walked from top to bottom
  const places = [...new Set(elements.map((element) => Math.round(element[along])))].sort((a, b) => a - b);
  if (places.length === 0) return;
  const next = plot.at === undefined && isFinite(step) ? (step > 0 ? 0 : places.length - 1) : (plot.at || 0) + step;
  plot.at = Math.max(0, Math.min(places.length - 1, next));
  const active = elements.filter((element) => Math.round(element[along]) === places[plot.at]).slice(0, 24);
  chart.setActiveElements(active);
  chart.tooltip.setActiveElements(active, {x: active[0].x, y: active[0].y});
  chart.update();
  const tooltip = chart.tooltip;
  plot.spoken.textContent = [...(tooltip.title || []), ...(tooltip.body || []).map((part) => part.lines.join(' ')), ...(tooltip.footer || [])].join('; ');
}

// A chart in a card. make() gives a Chart.js configuration for the theme and selectors of the moment, or null if there
// is nothing to draw; label is what a screen reader says about it.
function addPlot(parent, {label, make, isTall, keepsLegend}) {
  const canvas = el('canvas', {role: 'img', tabindex: '0', 'aria-label': label + '. Arrow keys read the values; the table below has them all.'});
  const empty = el('div', {class: 'empty', hidden: true}, 'Nothing to draw for this selection.');
  const plot = {
    canvas, make, empty, keepsLegend, hidden: new Set(), chart: null,
    box: el('div', {class: 'plot' + (isTall ? ' tall' : '')}, canvas, empty),
    legend: el('ul', {class: 'legend', 'aria-label': 'series: press to hide or show'}),
    spoken: el('div', {class: 'spoken', 'aria-live': 'polite'}),
  };
  canvas.addEventListener('keydown', (event) => walkByKeys(plot, event));
  parent.append(plot.box, plot.legend, plot.spoken);
  plots.push(plot);
  plot.draw = () => drawPlot(plot);
  return plot;
}

function drawPlot(plot) {
  plot.isDue = false;
  const config = plot.make();
  if (plot.chart) plot.chart.destroy();
  plot.chart = null;
  plot.at = undefined;
  plot.empty.hidden = config !== null;
  plot.canvas.hidden = config === null;
  if (config === null) {
    plot.legend.replaceChildren();
    return;
  }
  if (isPrinting) { // the window is still laid out for the screen: what is as wide as the sheet is said here
    config.options.responsive = false;
    plot.canvas.style.width = plot.canvas.style.height = '';
    [plot.canvas.width, plot.canvas.height] = [690, plot.box.classList.contains('tall') ? 460 : 280];
  }
  plot.chart = new Chart(plot.canvas, config);
  drawLegend(plot);
  if (plot.hidden.size > 0) plot.chart.update(); // it was drawn when it was made, with all of its series
}

// What is in sight is drawn at once, the others when the browser has time, from the top.
const SIGHT_MARGIN = 200; // pixels around the window
function isInSight(plot) {
  const at = plot.box.getBoundingClientRect();
  return at.bottom > -SIGHT_MARGIN && at.top < window.innerHeight + SIGHT_MARGIN;
}

const whenIdle = window.requestIdleCallback ? (task) => window.requestIdleCallback(task, {timeout: 500}) : (task) => setTimeout(task, 20);
const told = document.documentElement.dataset; // for whoever waits for the page, such as a test
let isWaiting = false;
function drawOneWhenIdle() {
  const due = plots.filter((plot) => plot.isDue);
  if (due.length > 0) drawPlot(due.find(isInSight) || due[0]);
  isWaiting = due.length > 1;
  if (isWaiting) whenIdle(drawOneWhenIdle);
  else told.drawn = 'yes';
}

function drawCharts(list = plots) {
  for (const plot of list) plot.isDue = true;
  for (const plot of list) if (isInSight(plot)) drawPlot(plot);
  told.ready = 'yes';
  told.drawn = 'no';
  if (!isWaiting) whenIdle(drawOneWhenIdle);
  isWaiting = true;
}

// On paper: light, and as wide as the sheet.
window.addEventListener('beforeprint', () => {
  isPrinting = true;
  plots.screenTheme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = 'light';
  for (const plot of plots) drawPlot(plot);
});
window.addEventListener('afterprint', () => {
  isPrinting = false;
  document.documentElement.dataset.theme = plots.screenTheme;
  for (const plot of plots) {
    drawPlot(plot);
    if (plot.chart) plot.chart.resize();
  }
});

// --- cards ---------------------------------------------------------------------------------------
function addCard(parent, {id, title, lead, isHalf, isLong}) {
  const heading = el('h2', {id: id + '-title'}, title);
  const card = el('section', {class: 'card' + (isHalf ? ' half' : '') + (isLong ? ' long' : ''), id, 'aria-labelledby': id + '-title'}, heading);
  if (lead) card.append(el('p', {class: 'lead'}, lead));
  parent.append(card);
  return card;
}

// --- tables --------------------------------------------------------------------------------------
function csvCell(value) {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function download(name, text) {
  const link = el('a', {download: name, href: URL.createObjectURL(new Blob([text], {type: 'text/csv'}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// columns: [{label, unit, kind: 'number' | 'text', format, value: (row) => raw, wraps, isExtra}], rows: any array. Extra ones
// are not printed: paper is narrower.
// A click on a heading sorts, a second one the other way round; what is missing stays at the end.
function makeTable({caption, name, columns, rows, pageRows = 50, hasFilter = false}) {
  const state = {order: rows.map((row, i) => i), sorted: -1, isDown: false, page: 0, filter: ''};
  const body = el('tbody', {});
  const pager = el('div', {class: 'pager'});
  const show = (column, row) => {
    const value = column.value(row);
    if (value === null || value === undefined || value === '') return '–';
    return column.format ? column.format(value) : String(value);
  };
  const texts = hasFilter ? new Array(rows.length) : null;
  const textOf = (i) => texts[i] || (texts[i] = columns.map((column) => show(column, rows[i])).join('\u0001').toLowerCase());

  function arrange() {
    let order = rows.map((row, i) => i);
    if (state.filter) {
      const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
      order = order.filter((i) => words.every((word) => textOf(i).includes(word)));
    }
    if (state.sorted >= 0) {
      const column = columns[state.sorted];
      const values = rows.map((row) => column.value(row));
      const isMissing = (value) => value === null || value === undefined || value === '';
      const sign = state.isDown ? -1 : 1;
      order.sort((a, b) => {
        const [x, y] = [values[a], values[b]];
        if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a - b;
        const comparison = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en', {numeric: true});
        return sign * comparison || a - b;
      });
    }
    state.order = order;
    state.page = 0;
    fill();
  }

  function fill() {
    const pages = Math.max(1, Math.ceil(state.order.length / pageRows));
    state.page = Math.max(0, Math.min(pages - 1, state.page));
    const part = state.order.slice(state.page * pageRows, (state.page + 1) * pageRows);
    body.replaceChildren(...part.map((i) => el('tr', {}, columns.map((column, j) =>
      el(j === 0 ? 'th' : 'td', {class: (column.kind === 'number' ? 'number' : '') + (column.wraps ? ' wrap' : '') + (column.isExtra ? ' extra' : ''), scope: j === 0 ? 'row' : null},
        show(column, rows[i]))))));
    head.querySelectorAll('th').forEach((cell, j) =>
      cell.setAttribute('aria-sort', j !== state.sorted ? 'none' : state.isDown ? 'descending' : 'ascending'));
    const move = (by, text, isOff) => el('button', {type: 'button', disabled: isOff, onclick: () => { state.page += by; fill(); }}, text);
    pager.replaceChildren(
      pages > 1 ? move(-Infinity, '⇤ first', state.page === 0) : '', pages > 1 ? move(-1, '← back', state.page === 0) : '',
      pages > 1 ? move(1, 'next →', state.page === pages - 1) : '', pages > 1 ? move(Infinity, 'last ⇥', state.page === pages - 1) : '',
      el('span', {'aria-live': 'polite'}, state.order.length === 0 ? 'no row matches' :
        `rows ${state.page * pageRows + 1} to ${Math.min(state.order.length, (state.page + 1) * pageRows)} of ${format.whole(state.order.length)}`),
      el('button', {type: 'button', class: 'quiet', onclick: () => download((name || 'table') + '.csv',
        [columns.map((column) => csvCell(column.label + (column.unit ? ' [' + column.unit + ']' : ''))).join(','),
          ...state.order.map((i) => columns.map((column) => csvCell(column.value(rows[i]))).join(','))].join('\r\n') + '\r\n')}, 'save as CSV'));
  }

  const head = el('thead', {}, el('tr', {}, columns.map((column, j) =>
    el('th', {scope: 'col', class: (column.kind === 'number' ? 'number' : '') + (column.isExtra ? ' extra' : '')},
      el('button', {type: 'button', onclick: () => {
        state.isDown = state.sorted === j ? !state.isDown : false;
        state.sorted = j;
        arrange();
      }}, column.label), column.unit ? el('span', {class: 'unit'}, column.unit) : ''))));
  const filter = hasFilter ? el('div', {class: 'controls screen'}, el('label', {class: 'field'}, 'rows that contain', el('input', {type: 'search',
    oninput: (event) => { state.filter = event.target.value; arrange(); }}))) : '';
  fill();
  return el('div', {}, filter, el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
    el('table', {}, el('caption', {}, caption), head, body)), pager);
}

// A table that is made when it is first opened.
function addFoldedTable(parent, title, make) {
  let isStale = true;
  const place = el('div', {});
  const fold = el('details', {ontoggle: () => refresh()}, el('summary', {}, title), place);
  const refresh = () => {
    if (fold.open && isStale) {
      isStale = false;
      place.replaceChildren(makeTable(make()));
    }
  };
  parent.append(fold);
  return {refresh: () => { isStale = true; refresh(); }};
}

// A configuration, or any JSON, as a tree that unfolds; a fold is filled when it is opened.
function makeTree(value, depth = 0) {
  const isBranch = (child) => child !== null && typeof child === 'object' && Object.keys(child).length > 0 &&
    !(Array.isArray(child) && child.every((item) => item === null || typeof item !== 'object'));
  return el('ul', {class: 'tree'}, Object.entries(value).map(([key, child]) => {
    const label = Array.isArray(value) && child && typeof child === 'object' && (child.name || child.key) ? `${key}: ${child.name || child.key}` : key;
    if (!isBranch(child)) return el('li', {}, el('code', {}, label + ': ' + JSON.stringify(child)));
    const fold = el('details', {open: depth < 0, ontoggle: () => {
      if (fold.open && fold.children.length === 1) fold.append(makeTree(child, depth + 1));
    }}, el('summary', {}, label));
    return el('li', {}, fold);
  }));
}

document.documentElement.dataset.theme = storedTheme() || (systemDark.matches ? 'dark' : 'light');
systemDark.addEventListener('change', (event) => { if (!storedTheme()) setTheme(event.matches ? 'dark' : 'light', false); });
