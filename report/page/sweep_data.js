// The data of a sweep: columns unpacked, axes named, and what the charts ask of them.

function unpack(column, count) {
  if (Array.isArray(column)) return column;
  if ('c' in column) return new Array(count).fill(column.c);
  return column.i.map((place) => column.d[place]);
}

const text = (place) => (place === null || place < 0 ? null : data.texts[place]);
const points = {count: data.points.count};
for (const key of Object.keys(data.points)) if (key !== 'count') points[key] = unpack(data.points[key], points.count);
for (const key of ['sweep', 'why', 'version']) points[key] = points[key].map(text);

// One object for each point on each machine.
const rowColumns = {};
for (const key of Object.keys(data.rows)) {
  if (!['count', 'schedules', 'shares'].includes(key)) rowColumns[key] = unpack(data.rows[key], data.rows.count);
}
for (const key of ['name', 'kind', 'hw', 'variant', 'form', 'why', 'bound', 'plan']) rowColumns[key] = rowColumns[key].map(text);
const rowKeys = Object.keys(rowColumns);
const noRow = Object.fromEntries([...rowKeys, 'q', 'speedups'].map((key) => [key, undefined])); // copied, so that all rows are alike: faster to fill and read
const rows = Array.from({length: data.rows.count}, (unused, i) => {
  const row = {...noRow, i};
  for (const key of rowKeys) row[key] = rowColumns[key][i];
  row.fits = row.fits === 1;
  return row;
});
const STATUS = ['done', 'does not fit', 'failed'];
const isBenchmark = rows.length > 0 && rows.every((row) => row.quantities !== null && row.quantities >= 0);
for (const row of rows) {
  row.band = row.band > 0 ? row.band : null;
  if (!row.fits && row.why) row.why = row.why.replace(/;? ?energy_joules: .*$/, ''); // the other nulls' reasons

  if (row.quantities >= 0 && row.quantities !== null) row.q = data.quantities[row.quantities];
}

// --- axes ----------------------------------------------------------------------------------------
const LABELS = {
  'network.max_activity': 'cap on activity', network: 'network', 'network.hidden': 'hidden layers', 'network.inputs': 'inputs',
  'network.input_slots': 'input slots', 'training.batch': 'batch', 'training.time_steps': 'time steps',
  'network.neuron': 'neuron', 'data.source': 'data', seed: 'seed', 'network.outputs': 'outputs',
};
const UNITS = [['_bytes_per_second', 'bytes/s', format.rate], ['_bytes_per_cycle', 'bytes/cycle', format.count],
  ['bytes', 'bytes', format.bytes], ['_seconds', 's', format.seconds], ['_cycles', 'cycles', format.count], ['_hz', 'Hz', format.hertz]];

function labelOf(path, label) {
  if (label) return label;
  if (LABELS[path]) return LABELS[path];
  if (/^machines\.\d+\.(chip|gpu)$/.test(path)) return path.endsWith('chip') ? 'chip' : 'GPU';
  if (/^machines\.\d+\.chip\.tiles$/.test(path)) return 'tiles of the chip';
  return path.replace(/^machines\.\d+\.(chip|gpu)?\.?/, '').replaceAll('_', ' ').replaceAll('.', ' ');
}

// [1466, 1466] is "2 × 1466", [978, 978, 976] "978, 978, 976"
function listName(list) {
  if (list.length > 1 && list.every((item) => item === list[0])) return list.length + ' × ' + list[0];
  return list.join(', ') || 'none';
}

// A mapping by the file that it derives from and what it changes of it. Of a long one the beginning and which value it is.
const MAPPING_LENGTH = 48;
function mappingName(mapping, place) {
  const {base, ...keys} = mapping;
  const text = (base ? base + ' ' : '') + JSON.stringify(keys).replace(/"/g, '').replace(/([:,])/g, '$1 ');
  return text.length <= MAPPING_LENGTH ? text : `${text.slice(0, MAPPING_LENGTH)}… (value ${place + 1})`;
}

// Whole numbers that rise by equal steps, or seeds, whose size means nothing: such an axis is linear.
const STEPPED_LEAST = 5; // fewer, such as 1, 2, 3, are no sign of a step
function isStepped(axis) {
  if (axis.path === 'seed') return true;
  const sorted = axis.order.map((place) => axis.numbers[place]);
  const step = sorted[1] - sorted[0];
  return sorted.length >= STEPPED_LEAST && sorted.every((number, i) => Number.isInteger(number) && (i === 0 || number - sorted[i - 1] === step));
}

// Of a long list the first, the last and some evenly between; a short one as it is.
function thinned(list, most) {
  if (list.length <= most) return list;
  return Array.from({length: most}, (unused, i) => list[Math.round(i * (list.length - 1) / (most - 1))]);
}

function makeAxis(raw) {
  const label = labelOf(raw.path, raw.label);
  const axis = {path: raw.path, label, short: label.replace(/\s*[([].*$/, '') || label, values: raw.values, of: unpack(raw.of, points.count), aliases: []};
  const isList = axis.values.some(Array.isArray);
  const lengths = axis.values.map((value) => (Array.isArray(value) ? value.length : null));
  axis.isByLength = isList && new Set(lengths).size === axis.values.length && axis.values.length > 1 && !lengths.includes(null);
  axis.numbers = axis.isByLength ? lengths : axis.values.map((value) => (typeof value === 'number' ? value : null));
  axis.isNumeric = axis.values.length > 1 && axis.numbers.every((number) => number !== null);
  axis.isFraction = axis.path === 'network.max_activity' || /fraction|sparsity|rate$/.test(axis.path) && axis.numbers.every((number) => number !== null && number <= 1);
  axis.isMachine = axis.path.startsWith('machines.');
  const unit = UNITS.find(([suffix]) => axis.path.endsWith(suffix));
  axis.unit = axis.isFraction ? '%' : unit ? unit[1] : '';
  axis.formatNumber = axis.isFraction ? (value) => format.percent(value) : unit ? unit[2] : format.count;
  axis.order = axis.values.map((value, place) => place).sort((a, b) => (axis.isNumeric ? axis.numbers[a] - axis.numbers[b] : a - b));
  axis.rank = [];
  axis.order.forEach((place, i) => { axis.rank[place] = i; });
  axis.isLog = axis.isNumeric && !isStepped(axis) && Math.min(...axis.numbers) > 0 && Math.max(...axis.numbers) / Math.min(...axis.numbers) >= 8;
  axis.nameOf = (place) => {
    if (place === null) return '–';
    const value = axis.values[place];
    if (Array.isArray(value)) return listName(value);
    if (value !== null && typeof value === 'object') return mappingName(value, place);
    return typeof value === 'number' ? axis.formatNumber(value) : String(value);
  };
  axis.describe = (place) => (axis.isByLength && typeof axis.values[place] === 'number' ? axis.values[place] + ' ' + axis.short : axis.short + ' ' + axis.nameOf(place));
  return axis;
}

// One axis says all about the other: values that were zipped, or follow from it.
function determines(one, other) {
  const found = new Map();
  for (let i = 0; i < points.count; i++) {
    if (one.of[i] === null) return false;
    if (found.has(one.of[i]) && found.get(one.of[i]) !== other.of[i]) return false;
    found.set(one.of[i], other.of[i]);
  }
  return found.size > 1;
}

// Networks by name: what differs may be the number of hidden layers and the data, two axes where every pair is one name.
function splitNetworks(axis) {
  if (axis.path !== 'network') return [axis];
  const facts = axis.values.map((unused, place) => {
    const point = axis.of.findIndex((value, i) => value === place && points.layers[i] !== null);
    return point < 0 ? null : {layers: points.layers[point], inputs: points.inputs[point], name: axis.nameOf(place)};
  });
  if (facts.includes(null)) return [axis];
  const layers = [...new Set(facts.map((fact) => fact.layers))];
  const inputs = [...new Set(facts.map((fact) => fact.inputs))];
  if (layers.length < 2 || new Set(facts.map((fact) => fact.layers + ' ' + fact.inputs)).size < facts.length) return [axis];
  const names = inputs.map((count) => {
    const same = facts.filter((fact) => fact.inputs === count).map((fact) => fact.name.replace(/.*\//, '').replace(/\.yaml$/, ''));
    let length = same[0].length;
    while (!same.every((name) => name.startsWith(same[0].slice(0, length)))) length--;
    return same[0].slice(0, length).replace(/[-_ ]*\d*$/, '') || count + ' inputs';
  });
  const placeOf = (list, key) => axis.of.map((place) => (place === null ? null : list.indexOf(facts[place][key])));
  const parts = [makeAxis({path: 'network, layers', label: 'hidden layers', values: layers, of: placeOf(layers, 'layers')})];
  if (inputs.length > 1) parts.push(makeAxis({path: 'network, data', label: 'data', values: names, of: placeOf(inputs, 'inputs')}));
  parts[0].isByLength = true;
  return parts;
}

const everyAxis = data.axes.map(makeAxis).flatMap(splitNetworks);
const axes = [];
for (const axis of everyAxis.filter((candidate) => candidate.values.length > 1)) {
  const rivals = everyAxis.filter((other) => other !== axis && other.values.length > 1 && !other.isAlias);
  const leader = rivals.find((other) => determines(other, axis) &&
    (!determines(axis, other) || other.isNumeric > axis.isNumeric || (other.isNumeric === axis.isNumeric && everyAxis.indexOf(other) < everyAxis.indexOf(axis))));
  if (leader) {
    axis.isAlias = true;
    leader.aliases.push(axis);
  } else axes.push(axis);
}

const machineNames = [...new Set(rows.map((row) => row.name))];
const tileNames = machineNames.filter((name) => rows.find((row) => row.name === name).kind === 'tiles');
const machineStyle = new Map(machineNames.map((name, i) => [name, i]));
const rowsOfPoint = Array.from({length: points.count}, () => []);
for (const row of rows) rowsOfPoint[row.point].push(row);

// --- what is selected ----------------------------------------------------------------------------
// The main horizontal axis, and for every other axis one value, or all (null).
const selection = {x: null, pins: new Map(), hasBands: true};

function chooseDefaults() {
  const numeric = axes.filter((axis) => axis.isNumeric);
  const score = (axis) => (axis.path === 'network.max_activity' ? 1000 : 0) + (axis.isByLength ? 0 : 50) + axis.values.length;
  selection.x = numeric.sort((a, b) => score(b) - score(a))[0] || axes.slice().sort((a, b) => b.values.length - a.values.length)[0] || null;
  for (const axis of axes) {
    // hardware by name is told apart by the machines' names already
    const isNamed = axis.isMachine && !axis.isNumeric && /\.(chip|gpu|lowering)$/.test(axis.path);
    selection.pins.set(axis, isNamed ? null : defaultPlace(axis));
  }
  pinToPoint();
}

// Values that are chosen axis by axis may be no point of a sweep that is no full grid: then those of the point that has most of them.
function pinToPoint() {
  const fitting = rows.filter((row) => row.fits);
  if (fitting.length === 0 || fitting.some((row) => isSelected(row.point, []))) return;
  const pinned = axes.filter((axis) => selection.pins.get(axis) !== null);
  const agreeing = fitting.map((row) => pinned.filter((axis) => axis.of[row.point] === selection.pins.get(axis)).length);
  const {point} = fitting[agreeing.indexOf(Math.max(...agreeing))];
  pinned.filter((axis) => axis.of[point] !== null).forEach((axis) => selection.pins.set(axis, axis.of[point]));
}

function defaultPlace(axis) {
  const done = axis.values.map(() => 0);
  for (const row of rows) if (row.fits && axis.of[row.point] !== null) done[axis.of[row.point]]++;
  const most = Math.max(...done);
  const best = axis.order.filter((place) => done[place] === most);
  return axis.isNumeric && !axis.isByLength ? best[Math.floor((best.length - 1) / 2)] : best[0];
}

// Does a point lie in the slice? free: axes whose pins do not count.
function isSelected(point, free) {
  for (const [axis, pin] of selection.pins) {
    if (pin !== null && !free.includes(axis) && axis.of[point] !== null && axis.of[point] !== pin) return false;
  }
  return true;
}

function describeSelection(free) {
  return [...selection.pins].filter(([axis]) => !free.includes(axis))
    .map(([axis, pin]) => (pin === null ? 'every ' + axis.short : axis.describe(pin))).join(' · ');
}

const describePoint = (point, except = []) => axes.filter((axis) => !except.includes(axis) && axis.of[point] !== null)
  .map((axis) => axis.describe(axis.of[point])).join(', ');

// So much of an axis is drawn: more is no plainer, and takes seconds.
const LINE_POINTS = 300;
const BARS = 60;
const MARKED_POINTS = 60; // of a line; more have no markers
const OPTIONS = 200; // of a selector
const thinnedNote = (total, most, what) => (total > most ? `Drawn are ${most} of ${format.whole(total)} ${what}: the first, the last and some evenly between; the table has all.` : null);

// Series over an axis: one for each machine, split by the axes that are not pinned where they make a difference.
// valueOf(row): null leaves the row out. Each has label, style and points {x, y, band, row}, rising in x.
function makeSeries(xAxis, rowsIn, valueOf, nameOf = (row) => row.name) {
  const loose = axes.filter((axis) => axis !== xAxis && selection.pins.get(axis) === null);
  const found = new Map();
  for (const row of rowsIn) {
    const y = isSelected(row.point, [xAxis]) ? valueOf(row) : null;
    const place = xAxis === null ? 0 : xAxis.of[row.point];
    if (y === null || place === null || !isFinite(y)) continue;
    const parts = loose.map((axis) => axis.nameOf(axis.of[row.point]));
    const key = [nameOf(row), ...parts].join('\u0001');
    if (!found.has(key)) found.set(key, {name: nameOf(row), parts, points: []});
    const x = xAxis === null ? 0 : xAxis.isNumeric ? xAxis.numbers[place] : xAxis.rank[place];
    found.get(key).points.push({x, y, band: row.band, row});
  }
  const list = [...found.values()];
  for (const series of list) {
    series.points.sort((a, b) => a.x - b.x);
    series.points = series.points.filter((point, i, all) => i === 0 || all[i - 1].x !== point.x);
    series.total = series.points.length;
    series.points = thinned(series.points, LINE_POINTS);
    series.shape = series.points.map((point) => point.x + ':' + point.y).join(' ');
  }
  return nameSeries(list, loose);
}

// Equal curves of one machine are one series; a part of a key is in the label only where the machine has several.
function nameSeries(list, loose) {
  const kept = list.filter((series, i) => list.findIndex((other) => other.name === series.name && other.shape === series.shape) === i);
  for (const series of kept) {
    const same = kept.filter((other) => other.name === series.name);
    const parts = loose.map((axis, j) => (new Set(same.map((other) => other.parts[j])).size > 1 && !series.name.startsWith(series.parts[j] + '/') ? series.parts[j] : null));
    series.label = [series.name, ...parts.filter((part) => part !== null)].join(' · ');
  }
  return kept;
}

// --- comparisons ---------------------------------------------------------------------------------
const combinedBand = (a, b) => (a === null || b === null ? null : Math.hypot(a, b)); // as if independent

// Every tile machine over every GPU baseline, and sparse over dense tiles of the same chip.
function speedupsOf(row) {
  row.speedups ??= findSpeedups(row);
  return row.speedups;
}
function findSpeedups(row) {
  if (row.kind !== 'tiles' || !row.fits || !row.step) return [];
  return rowsOfPoint[row.point].filter((other) => other.fits && other.step &&
    (other.kind === 'gpu' || (row.variant === 'sparse' && other.kind === 'tiles' && other.variant === 'dense' && other.hw === row.hw)))
    .map((other) => ({of: row, over: other, ratio: other.step / row.step, band: combinedBand(row.band, other.band)}));
}

// --- parts of a step -----------------------------------------------------------------------------
const BREAKDOWN = ['compute', 'exchange', 'sync', 'links', 'streaming', 'host', 'launch', 'loop'];

const rowTag = (name) => (/^([A-Z]\d+)( |$)/.exec(name) || [null, null])[1];
// Shares of a row of the table by row of the schedule: [{tag, names, share}], in program order; what has no row is "other".
function sharesByRow(row) {
  if (row.schedule === null) return [];
  const names = data.rows.schedules[row.schedule];
  const shares = data.rows.shares[row.i];
  const found = new Map();
  names.forEach((name, i) => {
    const tag = rowTag(name) || 'other';
    if (!found.has(tag)) found.set(tag, {tag, names: [], share: 0});
    const part = found.get(tag);
    part.share += shares[i] / 10000;
    const rest = tag === 'other' ? name : name.slice(tag.length + 1);
    if (rest && rest !== 'other') part.names.push([rest, shares[i] / 10000]);
  });
  return [...found.values()];
}
