// The page of a sweep: summary, selectors, cards, tables. Runs after the charts' functions are there.

chooseDefaults();
const sweepNames = [...new Set(points.sweep)];
const statusCounts = STATUS.map((unused, status) => points.status.filter((value) => value === status).length);
const timedRows = rows.filter((row) => row.fits);

// --- summary -------------------------------------------------------------------------------------
const strong = (string) => el('strong', {}, string);
const plural = (count, one, many = one + 's') => format.whole(count) + ' ' + (count === 1 ? one : many);
const listed = (parts) => (parts.length < 2 ? parts.join('') : parts.slice(0, -1).join(', ') + ' and ' + parts[parts.length - 1]);

const spread = (speedup) => (speedup.band ? `, ${format.ratio(speedup.ratio * Math.max(0, 1 - speedup.band))} to ${format.ratio(speedup.ratio * (1 + speedup.band))} with the error bands` : '');

// Of a list of speed-ups of one machine over a kind of rival: where it wins, and from where on it loses.
function whereItLoses(list) {
  const losing = list.filter((speedup) => speedup.ratio < 1);
  const axis = selection.x;
  if (losing.length === 0) return 'It is faster at every point.';
  if (losing.length === list.length) return 'It is slower at every point.';
  const atPoint = (speedup) => axis.numbers[axis.of[speedup.of.point]];
  if (axis && axis.isNumeric && list.every((speedup) => axis.of[speedup.of.point] !== null)) {
    const [won, lost] = [list.filter((speedup) => speedup.ratio >= 1).map(atPoint), losing.map(atPoint)];
    const range = (values) => (Math.min(...values) === Math.max(...values) ? axis.formatNumber(values[0]) : axis.formatNumber(Math.min(...values)) + ' to ' + axis.formatNumber(Math.max(...values)));
    if (Math.max(...won) < Math.min(...lost)) return `It loses from a ${axis.short} of ${axis.formatNumber(Math.min(...lost))} on.`;
    if (Math.min(...won) > Math.max(...lost)) return `It loses up to a ${axis.short} of ${axis.formatNumber(Math.max(...lost))}.`;
    if (won.length < lost.length) return `It is faster at ${format.whole(won.length)} of ${plural(list.length, 'point')}, all with a ${axis.short} of ${range(won)}.`;
    return `It is slower at ${format.whole(lost.length)} of ${plural(list.length, 'point')}, all with a ${axis.short} of ${range(lost)}.`;
  }
  return `It is slower at ${format.whole(losing.length)} of ${plural(list.length, 'point')}.`;
}

function summariseSpeedup(all, rivalName, pick) {
  const list = [];
  for (const group of all) {
    const candidates = group.filter(pick);
    if (candidates.length > 0) list.push(candidates.reduce((least, one) => (one.ratio < least.ratio ? one : least)));
  }
  if (list.length === 0) return null;
  const best = list.reduce((most, one) => (one.ratio > most.ratio ? one : most));
  const rival = rivalName(best);
  return el('li', {}, strong(best.of.name), best.ratio >= 1 ? ' is at best ' : ' comes at best to ', strong(format.ratio(best.ratio)), best.ratio >= 1 ? ' as fast as ' : ' of the speed of ', rival,
    ` (${describePoint(best.of.point) || 'its only point'}${spread(best)}). `, whereItLoses(list));
}

function summaryItems() {
  const items = [];
  const sparse = [...new Set(rows.filter((row) => row.kind === 'tiles' && row.variant === 'sparse').map((row) => row.hw))];
  for (const hardware of sparse.slice(0, 4)) {
    const all = rows.filter((row) => row.hw === hardware && row.variant === 'sparse').map(speedupsOf);
    items.push(summariseSpeedup(all, () => 'dense tiles of the same chip', (speedup) => speedup.over.kind === 'tiles'));
    items.push(summariseSpeedup(all, (best) => 'the fastest GPU baseline, ' + best.over.name, (speedup) => speedup.over.kind === 'gpu'));
  }
  const fastest = timedRows.filter((row) => row.rate > 0).reduce((most, row) => (most === null || row.rate > most.rate ? row : most), null);
  if (fastest) items.push(el('li', {}, 'Fastest of all: ', strong(fastest.name), ' with ', strong(format.rate(fastest.rate) + ' samples/s'), ` (${describePoint(fastest.point) || 'its only point'}).`));
  items.push(summariseMisfits());
  if (statusCounts[2] > 0) items.push(el('li', {class: 'bad'}, `${plural(statusCounts[2], 'point')} failed; the reasons are in the table of results.`));
  return items.filter(Boolean);
}

function summariseMisfits() {
  const misfits = rows.filter((row) => !row.fits);
  if (misfits.length === 0) return rows.length ? el('li', {}, 'Everything fits.') : null;
  const names = [...new Set(misfits.map((row) => row.name))];
  const parts = names.slice(0, 5).map((name) => `${name} at ${misfits.filter((row) => row.name === name).length} of ${plural(rows.filter((row) => row.name === name).length, 'point')}`);
  return el('li', {}, strong('Does not fit: '), listed(parts) + (names.length > 5 ? ` and ${names.length - 5} more machines` : '') + '.');
}

function bigFigures() {
  const figures = [[format.whole(points.count), plural(points.count, 'point').replace(/^\S+ /, '') + ' of the sweep']];
  const best = (list) => list.reduce((most, one) => (most === null || one.ratio > most.ratio ? one : most), null);
  const sparse = rows.filter((row) => row.variant === 'sparse' && row.kind === 'tiles').map(speedupsOf);
  const overDense = best(sparse.flatMap((list) => list.filter((one) => one.over.kind === 'tiles')));
  const overGpu = best(sparse.map((list) => list.filter((one) => one.over.kind === 'gpu')).filter((list) => list.length)
    .map((list) => list.reduce((least, one) => (one.ratio < least.ratio ? one : least))));
  if (overDense) figures.push([format.ratio(overDense.ratio), 'best of sparse over dense tiles, ' + overDense.of.hw]);
  if (overGpu) figures.push([format.ratio(overGpu.ratio), 'best of sparse tiles over the fastest GPU, ' + overGpu.of.hw]);
  const rates = timedRows.filter((row) => row.kind === 'tiles' && row.rate > 0);
  if (rates.length) figures.push([format.rate(Math.max(...rates.map((row) => row.rate))), 'samples/s at most on tiles']);
  if (statusCounts[1] > 0) figures.push([format.whole(statusCounts[1]), plural(statusCounts[1], 'point').replace(/^\S+ /, '') + ' where a machine does not fit']);
  return el('div', {class: 'figures'}, figures.slice(0, 5).map(([value, label]) => el('div', {class: 'figure'}, el('b', {}, value), el('span', {}, label))));
}

function drawHeader() {
  const versions = [...new Set(points.version)];
  const day = (iso) => (iso ? iso.replace('T', ' ').replace(/:\d\d(\.\d+)?Z?$/, '') + ' UTC' : 'unknown');
  const seconds = points.seconds.reduce((sum, value) => sum + (value || 0), 0);
  document.title = 'tilesim: ' + sweepNames.join(', ');
  const state = STATUS.map((name, status) => [statusCounts[status], name]).filter(([count]) => count > 0).map(([count, name]) => format.whole(count) + ' ' + (count > 1 ? name.replace('does', 'do') : name));
  root.append(el('a', {class: 'skip', href: '#charts'}, 'skip to the charts'),
    el('header', {class: 'top'}, themeButton(), el('h1', {}, sweepNames.join(', ') || 'empty sweep'),
      el('p', {class: 'facts'}, axes.length ? 'Swept: ' + listed(axes.map((axis) => `${[axis, ...axis.aliases].map((one) => one.short).join(' with ')} (${rangeOf(axis)})`)) + '. ' : ''),
      el('p', {class: 'facts'}, `${plural(points.count, 'point')}: ${state.join(', ')}. ${plural(machineNames.length, 'machine')}. Finished ${day(data.last)} in ${format.duration(seconds)} of computing, tilesim ${listed(versions)}.`)),
    bigFigures(), el('ul', {class: 'summary'}, summaryItems()));
}

function rangeOf(axis) {
  if (axis.values.length <= 3 || !axis.isNumeric || axis.isByLength) {
    return axis.values.length <= 6 ? axis.order.map(axis.nameOf).join('; ') : plural(axis.values.length, 'value');
  }
  return `${axis.values.length} values, ${axis.nameOf(axis.order[0])} to ${axis.nameOf(axis.order[axis.order.length - 1])}`;
}

// --- selectors -----------------------------------------------------------------------------------
const refreshers = []; // of what depends on the selection: charts first, then their tables
function refreshAll() {
  drawCharts();
  for (const refresh of refreshers) refresh();
}

function drawBar() {
  if (axes.length === 0) return;
  const bar = el('nav', {class: 'bar', 'aria-label': 'what the charts show'});
  if (axes.length > 1) {
    bar.append(select('horizontal axis', axes.map((axis, i) => [i, axis.label]), axes.indexOf(selection.x), (value) => {
      selection.x = axes[Number(value)];
      refreshAll();
    }, {id: 'select-x'}));
    const hasOtherCharts = axes.some((axis) => axis.isNumeric && axis !== selection.x);
    for (const axis of axes.filter((one) => one !== selection.x || hasOtherCharts)) {
      const pin = selection.pins.get(axis);
      const shown = thinned(axis.order, OPTIONS);
      const options = (pin === null || shown.includes(pin) ? shown : axis.order.filter((place) => place === pin || shown.includes(place))).map((place) => [place, axis.nameOf(place)]);
      bar.append(select(axis.label, [['all', 'all'], ...options], pin === null ? 'all' : pin, (value) => {
        selection.pins.set(axis, value === 'all' ? null : Number(value));
        refreshAll();
      }, {class: 'pin', title: 'does not count in charts whose horizontal axis this is'}));
    }
  }
  bar.append(checkbox('error bands', true, (isOn) => { selection.hasBands = isOn; refreshAll(); }));
  root.append(bar);
}

// --- cards ---------------------------------------------------------------------------------------
let cards = null;
const axisColumns = (value = (row) => row.point) => axes.map((axis) => ({label: axis.label, kind: axis.isNumeric ? 'number' : 'text',
  unit: axis.isByLength ? '' : axis.unit === '%' ? '' : '', value: (row) => { const place = axis.of[value(row)]; return place === null ? null : axis.isNumeric && !axis.isByLength ? axis.numbers[place] : axis.nameOf(place); },
  format: axis.isNumeric && !axis.isByLength ? axis.formatNumber : String}));
const extra = (column) => ({...column, isExtra: true});
const number = (label, value, formatter, unit) => ({label, value, format: formatter, unit, kind: 'number'});
const words = (label, value, wraps) => ({label, value, kind: 'text', wraps});

// What a chart shows first: sparse tiles, of the fastest chip.
function fastestOf(names) {
  const sparse = names.filter((name) => name.endsWith('/sparse'));
  const rate = (name) => Math.max(0, ...rows.filter((row) => row.name === name).map((row) => row.rate || 0));
  return (sparse.length ? sparse : names).reduce((best, name) => (rate(name) > rate(best) ? name : best));
}

// One of several machines; null where there is no choice.
function machineSelect(names, current, onchange, label = 'machine') {
  return names.length > 1 ? select(label, names.map((name) => [name, name]), current, onchange) : null;
}

// A title after a colon: its first letter is small, unless its first word is an abbreviation.
const inSentence = (title) => (/^[A-Z]{2}/.test(title) ? title : title[0].toLowerCase() + title.slice(1));

function addChartCard({id, title, lead, controls = [], make, label, isTall, isHalf, table, scaleBar}) {
  const card = addCard(cards, {id, title, lead, isHalf});
  const slice = el('p', {class: 'slice'});
  card.append(el('div', {class: 'controls'}, controls.filter(Boolean), slice));
  const key = el('p', {class: 'lead', hidden: true});
  const note = el('p', {class: 'lead note', hidden: true});
  const plot = addPlot(card, {label: label || title, isTall, make: () => {
    const config = make();
    note.textContent = (config && config.note) || '';
    note.hidden = note.textContent === '';
    if (scaleBar) {
      key.hidden = !config || !config.range;
      if (!key.hidden) key.replaceChildren(...heatKey(config.range));
    }
    return config;
  }});
  if (scaleBar) card.append(key);
  card.append(note);
  const fold = addFoldedTable(card, 'Table: ' + inSentence(title), () => ({...table(), name: id}));
  refreshers.push(() => fold.refresh());
  return {card, plot, slice, redraw: () => { plot.draw(); fold.refresh(); }};
}

function heatKey([low, high]) {
  const stops = [0, 0.25, 0.5, 0.75, 1].map(heat).join(', ');
  return [low + ' ', el('span', {'aria-hidden': 'true', style: `display:inline-block;width:9rem;height:.7rem;border-radius:2px;vertical-align:middle;background:linear-gradient(90deg, ${stops})`}), ' ' + high];
}

// What the pins are, said in every card, so that it stays with the chart on paper.
function showSlice(part, freeOf) {
  const show = () => { part.slice.textContent = describeSelection(freeOf()); part.slice.hidden = part.slice.textContent === ''; };
  show();
  refreshers.push(show);
}

const selectedRows = (free) => rows.filter((row) => isSelected(row.point, free));

function quantityTable(xAxis, key) {
  const quantity = QUANTITIES[key];
  return {caption: `${quantity.title}, for the selection of the chart`, rows: selectedRows([xAxis]), columns: [words('machine', (row) => row.name), ...axisColumns(),
    number(quantity.title, (row) => (row.fits ? quantity.value(row) : null), quantity.format, quantity.unit), number('error band', (row) => row.band, format.percent, '±'),
    words('if it does not fit', (row) => (row.fits ? null : row.why), true)]};
}

function addQuantityCard({id, title, lead, axisOf, isHalf}) {
  let key = quantitiesAtHand.includes('rate') ? (id === 'throughput' ? 'rate' : 'step') : quantitiesAtHand[0];
  if (!quantitiesAtHand.includes(key)) return;
  const box = quantitiesAtHand.length > 1 ? select('quantity', quantitiesAtHand.map((name) => [name, QUANTITIES[name].title]), key, (value) => { key = value; part.redraw(); }) : null;
  const part = addChartCard({id, title, lead, isHalf, controls: [box], make: () => quantityChart(axisOf(), key), table: () => quantityTable(axisOf(), key)});
  showSlice(part, () => [axisOf()]);
}

function addSpeedupCard() {
  if (speedupNames.length === 0) return;
  let of = fastestOf(speedupNames);
  const box = machineSelect(speedupNames, of, (value) => { of = value; part.redraw(); }, 'speed-up of');
  const part = addChartCard({id: 'speedup', title: 'Speed-up over each baseline', lead: 'Above the dotted line the tiles are faster. Bands combine those of both machines as if they were independent.',
    controls: [box], make: () => speedupChart(selection.x, of), table: () => ({caption: 'speed-up of ' + of, rows: selectedRows([selection.x]).filter((row) => row.name === of).flatMap(speedupsOf),
      columns: [words('over', (one) => one.over.name), ...axisColumns((one) => one.of.point), number('speed-up', (one) => one.ratio, format.ratio, '×'), number('error band', (one) => one.band, format.percent, '±'),
        number('time per step', (one) => one.of.step, format.seconds, 's'), number('time of the baseline', (one) => one.over.step, format.seconds, 's')]})});
  showSlice(part, () => [selection.x]);
}

const shareOptions = [['share', 'shares of the step'], ['time', 'time']];

function addBreakdownCard() {
  const names = machineNames.filter((name) => rows.some((row) => row.name === name && row.fits && row.step > 0));
  if (names.length === 0) return;
  let name = fastestOf(names);
  let unit = 'share';
  const part = addChartCard({id: 'breakdown', isHalf: true, title: 'Where the time goes', lead: 'Parts of a training step; links, streaming and host are waits, launches and loops are a GPU’s.',
    controls: [machineSelect(names, name, (value) => { name = value; part.redraw(); }), select('as', shareOptions, unit, (value) => { unit = value; part.redraw(); })],
    make: () => breakdownChart(selection.x, name, unit === 'share'),
    table: () => ({caption: 'parts of a training step, for the selection of the chart', rows: selectedRows([selection.x]).filter((row) => row.fits && row.step > 0),
      columns: [words('machine', (row) => row.name), ...axisColumns(), number('time per step', (row) => row.step, format.seconds, 's'), ...BREAKDOWN.map((key) => number(key, (row) => row[key], format.seconds, 's'))]})});
  showSlice(part, () => [selection.x]);
}

function addScheduleCard() {
  const names = tileNames.filter((name) => rows.some((row) => row.name === name && row.schedule !== null && row.fits));
  if (names.length === 0) return;
  let name = fastestOf(names);
  let unit = 'share';
  const list = () => rowsAlong(selection.x, name, (row) => row.schedule !== null && row.fits && row.step > 0);
  const part = addChartCard({id: 'schedule', isHalf: true, title: 'Which rows of the schedule', lead: 'F and D are forward, B and E backward through time; the largest rows by name.',
    controls: [machineSelect(names, name, (value) => { name = value; part.redraw(); }), select('as', shareOptions, unit, (value) => { unit = value; part.redraw(); })],
    make: () => scheduleChart(selection.x, name, unit === 'share'),
    table: () => ({caption: 'parts of the schedule of ' + name, rows: list().flatMap((row) => sharesByRow(row).flatMap((part) => (part.names.length ? part.names : [['', part.share]])
      .map(([partName, share]) => ({point: row.point, tag: part.tag, partName, share, step: row.step})))),
    columns: [words('row', (one) => one.tag), words('part', (one) => one.partName), ...axisColumns((one) => one.point), number('share', (one) => one.share, format.percent), number('time', (one) => one.share * one.step, format.seconds, 's')]})});
  showSlice(part, () => [selection.x]);
}

function addMemoryCard() {
  const names = tileNames.filter((name) => rows.some((row) => row.name === name && row.memory !== null && row.memory >= 0));
  if (names.length === 0) return;
  let name = fastestOf(names);
  const part = addChartCard({id: 'memory', isHalf: rows.some(hasMap), title: 'SRAM by role', lead: 'On the fullest tile. Variables that are not live at the same time share addresses: a stack is pale above what is in use.',
    controls: [machineSelect(names, name, (value) => { name = value; part.redraw(); })], make: () => memoryChart(selection.x, name),
    table: () => ({caption: 'SRAM of the fullest tile by role', rows: selectedRows([selection.x]).filter((row) => row.memory !== null && row.memory >= 0),
      columns: [words('machine', (row) => row.name), ...axisColumns(), number('in use', (row) => row.sram, format.bytes, 'bytes'), number('limit', (row) => row.limit, format.bytes, 'bytes'),
        ...data.roles.map((unused, role) => number(roleName(role), (row) => bytesOf(row, role), format.bytes, 'bytes'))]})});
  showSlice(part, () => [selection.x]);
}

function addTileMapCard() {
  const withMap = rows.filter(hasMap);
  if (withMap.length === 0) return;
  const nameOf = (row) => row.name + (describePoint(row.point) ? ': ' + describePoint(row.point) : '');
  const shown = withMap.slice(0, 400);
  let row = shown.find((one) => isSelected(one.point, []) && one.name === fastestOf(tileNames)) || shown[0];
  const part = addChartCard({id: 'tiles', isHalf: true, scaleBar: true, title: 'SRAM tile by tile', lead: 'The chip as its tiles lie, from empty (dark) to full (bright).' + (withMap.length < timedRows.filter((one) => one.kind === 'tiles').length ? ' Maps of some points alone are in the page.' : ''),
    controls: [select('machine and point', shown.map((one) => [one.i, nameOf(one)]), row.i, (value) => { row = rows[Number(value)]; part.redraw(); })], make: () => tileMapChart(row),
    table: () => ({caption: 'SRAM by tile, ' + nameOf(row), rows: tilesOf(row).map((bytes, tile) => ({bytes, tile})), columns: [number('tile', (one) => one.tile, format.whole), number('in use', (one) => one.bytes, format.bytes, 'bytes'),
      number('of the limit', (one) => one.bytes / row.limit, format.percent)]})});
  part.slice.hidden = true;
}

function addParetoCard() {
  const costs = Object.keys(COSTS).filter((cost) => new Set(paretoRows(cost).map(COSTS[cost].value)).size > 1);
  let cost = costs[0];
  if (!cost || paretoChart(cost) === null) return;
  const part = addChartCard({id: 'pareto', title: 'What a faster step costs', lead: 'Every tile machine for the workload that is selected. Lower and further left is better; the line joins what nothing beats in both.',
    controls: [select('against', costs.map((key) => [key, COSTS[key].title]), cost, (value) => { cost = value; part.redraw(); })], make: () => paretoChart(cost),
    table: () => ({caption: 'machines of the chart', rows: paretoRows(cost), columns: [words('machine', (row) => row.name), ...axisColumns(), number(COSTS[cost].title, COSTS[cost].value, COSTS[cost].format), number('time per step', (row) => row.step, format.seconds, 's'),
      words('on the front', (row) => (paretoFront(paretoRows(cost), cost).includes(row) ? 'yes' : 'no'))]})});
  showSlice(part, machineAxes);
}

function addMapCard() {
  const candidates = axes.filter((axis) => axis.isNumeric && axis.values.length >= 2 && axis.values.length <= 200);
  if (candidates.length < 2 || isBenchmark) return;
  const sorted = candidates.slice().sort((a, b) => b.values.length - a.values.length);
  let [across, up] = [sorted[0], sorted[1]];
  const names = tileNames.length ? tileNames : machineNames;
  let name = fastestOf(names);
  let key = rows.some((row) => !row.fits) ? 'fill' : 'step';
  const keys = Object.keys(MAP_QUANTITIES).filter((one) => rows.some((row) => row.fits && MAP_QUANTITIES[one].value(row) > 0));
  if (!keys.includes(key)) key = keys[0];
  const axisOptions = candidates.map((axis, i) => [i, axis.label]);
  const part = addChartCard({id: 'map', isTall: false, scaleBar: true, title: 'Two axes at once', lead: 'Each square is a point, from little (dark) to much (bright); a cross marks what does not fit.',
    controls: [machineSelect(names, name, (value) => { name = value; part.redraw(); }), select('colour', keys.map((one) => [one, MAP_QUANTITIES[one].title]), key, (value) => { key = value; part.redraw(); }),
      candidates.length > 2 ? select('across', axisOptions, candidates.indexOf(across), (value) => { across = candidates[Number(value)]; part.redraw(); }) : null,
      candidates.length > 2 ? select('up', axisOptions, candidates.indexOf(up), (value) => { up = candidates[Number(value)]; part.redraw(); }) : null],
    make: () => (across === up ? null : mapChart(across, up, name, key)),
    table: () => ({caption: 'points of the map, ' + name, rows: mapRows(across, up, name), columns: [number(across.label, (row) => across.numbers[across.of[row.point]], across.formatNumber), number(up.label, (row) => up.numbers[up.of[row.point]], up.formatNumber),
      words('fits', (row) => (row.fits ? 'yes' : 'no')), number(MAP_QUANTITIES[key].title, MAP_QUANTITIES[key].value, MAP_QUANTITIES[key].format), words('why not', (row) => (row.fits ? null : row.why), true)]})});
  showSlice(part, () => [across, up]);
}

function addMisfitCard() {
  const misfits = rows.filter((row) => !row.fits);
  const failed = Array.from(points.status, (status, point) => ({status, point})).filter((one) => one.status === 2);
  if (misfits.length + failed.length === 0) return;
  const card = addCard(cards, {id: 'misfits', title: 'What does not fit, or failed', lead: 'Each is a result too: which tile is too small, by how much, and for what.', isLong: true});
  const list = [...misfits.map((row) => ({name: row.name, point: row.point, why: row.why, need: row.sram, limit: row.limit})),
    ...failed.map((one) => ({name: 'failed', point: one.point, why: points.why[one.point]}))];
  card.append(makeTable({caption: plural(list.length, 'row'), name: 'does-not-fit', pageRows: 10, rows: list, columns: [words('machine', (one) => one.name), ...axisColumns((one) => one.point),
    number('needs', (one) => one.need, format.bytes, 'bytes'), number('limit', (one) => one.limit, format.bytes, 'bytes'), words('reason', (one) => one.why, true)]}));
}

// --- all rows, configuration, what it rests on ----------------------------------------------------
function addResultsCard() {
  const card = addCard(cards, {id: 'results', title: 'All results', lead: 'Press a heading to sort. Every number has its unit; times and rates are modelled.', isLong: true});
  const has = (key) => rows.some((row) => row[key] !== null && row[key] !== undefined);
  const hasPoint = (key) => points[key].some((value) => value !== null);
  const unmatched = Array.from(points.status, (status, point) => point).filter((point) => rowsOfPoint[point].length === 0).map((point) => ({point, name: null, fits: false, why: points.why[point]}));
  const all = [...rows, ...unmatched];
  const columns = [number('point', (row) => points.number[row.point], format.whole), ...(sweepNames.length > 1 ? [words('sweep', (row) => points.sweep[row.point])] : []), ...axisColumns(),
    words('machine', (row) => row.name), words('status', (row) => (row.name === null ? STATUS[points.status[row.point]] : row.fits ? 'done' : 'does not fit')),
    ...quantitiesAtHand.map((key) => number(QUANTITIES[key].title, (row) => (row.fits ? QUANTITIES[key].value(row) : null), QUANTITIES[key].format, QUANTITIES[key].unit)),
    ...(has('band') ? [number('error band', (row) => row.band, format.percent, '±')] : []),
    ...(isBenchmark ? [] : BREAKDOWN.filter((key) => rows.some((row) => row[key] > 0)).map((key) => extra(number(key, (row) => row[key], format.seconds, 's')))),
    ...(has('supersteps') ? [extra(number('supersteps', (row) => row.supersteps, format.whole))] : []),
    ...(hasPoint('density') ? [extra(number('measured activity', (row) => points.density[row.point], format.percent))] : []),
    ...(hasPoint('accuracy') ? [extra(number('accuracy', (row) => points.accuracy[row.point], format.percent))] : []),
    ...(hasPoint('loss') ? [extra(number('last loss', (row) => points.loss[row.point], format.count))] : []),
    extra(number('seed', (row) => points.seed[row.point], format.whole)), extra(number('run time', (row) => points.seconds[row.point], format.seconds, 's')), ...(all.some((row) => !row.fits) ? [extra({...words('why not', (row) => (row.fits ? null : row.why)), format: (why) => shorten(why, 60)})] : [])];
  const fold = addFoldedTable(card, `The table: ${plural(all.length, 'row')}, one for each point and machine`, () => ({caption: 'all results', name: 'results', rows: all, columns, hasFilter: true, pageRows: 50}));
  card.querySelector('details').open = true;
  fold.refresh();
}

function bandRows() {
  const found = new Map();
  for (const row of rows) {
    const key = row.name + '\u0001' + row.band;
    if (!found.has(key)) found.set(key, {name: row.name, band: row.band, why: bandReason(row), count: 0});
    found.get(key).count++;
  }
  return [...found.values()];
}

// `why` gives the reason of several things, one after the other: "error_band: ...; energy_joules: ..."
function bandReason(row) {
  const match = /error_band: (.*?)(?:; energy_joules: |$)/.exec(row.why || '');
  return match ? match[1] : null;
}

const valueAt = (object, path) => path.split('.').reduce((at, key) => (at === null || at === undefined ? null : at[key]), object);

function uncertainRows() {
  const from = (where, object) => (object && object.uncertain ? object.uncertain : []).map((entry) => ({where, value: valueAt(object, entry.key), ...entry}));
  return [...from('experiment', data.config), ...Object.entries(data.hardware).flatMap(([name, hardware]) => from(name, hardware))];
}

function addGroundsCard() {
  const card = addCard(cards, {id: 'grounds', title: 'What the figures rest on', lead: 'Nothing here was measured on the machines: it is modelled. Error bands come from holding the model against published measurements, or are said to be estimates.', isLong: true});
  const bands = bandRows();
  card.append(el('h3', {}, 'Error bands and why'), makeTable({caption: 'by machine', name: 'error-bands', pageRows: 20, rows: bands, columns: [words('machine', (one) => one.name), number('error band', (one) => one.band, format.percent, '±'),
    number('rows', (one) => one.count, format.whole), words('why', (one) => one.why, true)]}));
  const validations = Object.entries(data.hardware).flatMap(([name, hardware]) => (hardware.error_band || []).map((entry) => ({name, ...entry})));
  if (validations.length) {
    addFoldedTable(card, `Validation: ${plural(validations.length, 'comparison')} with measurements`, () => ({caption: 'by hardware', name: 'validation', rows: validations, columns: [words('hardware', (one) => one.name), words('of', (one) => one.of),
      number('error', (one) => one.relative, format.percent, '±'), words('estimate', (one) => (one.is_estimate ? 'yes' : 'no')), words('source', (one) => one.source, true)]}));
  }
  const uncertain = uncertainRows();
  if (uncertain.length) {
    addFoldedTable(card, `Uncertain values: ${uncertain.filter((one) => one.fitted_to).length} fitted, ${uncertain.filter((one) => !one.fitted_to).length} guessed`, () => ({caption: 'values that are not known for certain', name: 'uncertain', rows: uncertain,
      columns: [words('of', (one) => one.where), words('key', (one) => one.key), number('value', (one) => one.value, format.count), number('low', (one) => one.low, format.count), number('high', (one) => one.high, format.count),
        words('fitted to', (one) => one.fitted_to || 'a guess'), number('residual', (one) => one.residual, format.percent), words('why', (one) => one.why, true)]}));
  }
  card.append(el('p', {class: 'lead'}, 'How the model was validated, point by point: docs/validation.md of tilesim, or `tilesim validate`.'));
}

function addConfigCard() {
  if (!data.config && Object.keys(data.hardware).length === 0) return;
  const card = addCard(cards, {id: 'configuration', title: 'Configuration', isLong: true, lead: 'Resolved, with every default. It is that of the first point that is done; others differ in what was swept.'});
  const fixed = everyAxis.filter((axis) => axis.values.length === 1);
  if (fixed.length) card.append(el('p', {class: 'lead'}, 'Set for all points: ' + fixed.map((axis) => axis.path + ' = ' + axis.nameOf(0)).join(', ') + '.'));
  card.append(el('p', {class: 'lead'}, 'Swept: ' + (everyAxis.filter((axis) => axis.values.length > 1).map((axis) => axis.path).join(', ') || 'nothing') + '.'));
  if (data.config) card.append(el('details', {}, el('summary', {}, 'the experiment'), makeTree(data.config)));
  card.append(el('details', {}, el('summary', {}, 'chips and GPUs'), makeTree(data.hardware)));
}

function drawPage() {
  drawHeader();
  drawBar();
  cards = el('main', {class: 'cards', id: 'charts'});
  root.append(cards);
  const otherScales = axes.filter((axis) => axis.isNumeric && axis !== selection.x);
  const first = selection.x;
  if (axes.length > 0) {
    addQuantityCard({id: 'throughput', title: isBenchmark ? 'What was measured in the model' : 'Throughput', axisOf: () => selection.x,
      lead: 'One line for each machine; bands are the error bands' + (rows.some((row) => !row.fits) ? ', crosses mark what does not fit.' : '.')});
    addSpeedupCard();
    for (const axis of otherScales) {
      addQuantityCard({id: 'scaling-' + axes.indexOf(axis), title: 'Scaling with ' + axis.label, isHalf: otherScales.length > 1, axisOf: () => axis, lead: 'The same machines along another axis; ' + (first ? first.label + ' as selected above.' : '')});
    }
    addMapCard();
  } else if (rows.length > 0) {
    addSpeedupCard();
  }
  addScalingCard();
  addBreakdownCard();
  addScheduleCard();
  addMemoryCard();
  addTileMapCard();
  addParetoCard();
  addMisfitCard();
  addResultsCard();
  if (rows.length > 0) addGroundsCard();
  addConfigCard();
  root.append(el('footer', {}, 'Made by tilesim. This page needs no network. Charts: Chart.js 3.9.1, MIT licence.'));
  drawCharts();
}
drawPage();
