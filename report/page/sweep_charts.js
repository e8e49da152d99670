// The charts of a sweep: each function gives a Chart.js configuration for the selection of the moment, or null.

// --- lines with error bands ----------------------------------------------------------------------
function lineDatasets(series, i, {hasBands, colourAt = i}) {
  const shade = colour(colourAt);
  const sets = [];
  if (hasBands && series.points.some((point) => point.band)) {
    const edge = (sign) => series.points.map((point) => ({x: point.x,
      y: point.y * (sign > 0 ? 1 + (point.band || 0) : Math.max(0.02, 1 - (point.band || 0)))}));
    const common = {isBand: true, group: series.label, pointRadius: 0, pointHitRadius: 0, borderWidth: 0, borderColor: 'transparent'};
    sets.push({...common, data: edge(-1), fill: false}, {...common, data: edge(1), fill: '-1', backgroundColor: faded(shade, theme() === 'dark' ? 0.16 : 0.11)});
  }
  sets.push({
    label: series.label, group: series.label, data: series.points, borderColor: shade, backgroundColor: shade,
    borderWidth: series.isStrong ? 3 : 1.8, borderDash: series.isStrong ? [] : dashes[colourAt % dashes.length], pointStyle: markers[colourAt % markers.length],
    pointRadius: series.points.length > MARKED_POINTS ? 0 : series.points.length > 40 ? 1.5 : 4, pointHoverRadius: 6, pointBorderWidth: 1.6, pointBorderColor: shade, tension: 0, order: series.isStrong ? -1 : 0,
  });
  return sets;
}

// Marks on the floor of a chart where a machine does not fit, with the reason on hover.
function misfitDataset(xAxis, rowsIn, floor) {
  const seen = new Set();
  const marks = [];
  for (const row of rowsIn) {
    const place = xAxis === null ? 0 : xAxis.of[row.point];
    if (row.fits || place === null || !isSelected(row.point, [xAxis])) continue;
    const x = xAxis === null ? 0 : xAxis.isNumeric ? xAxis.numbers[place] : xAxis.rank[place];
    const key = row.name + x;
    if (seen.has(key)) continue;
    seen.add(key);
    marks.push({x, y: floor, row});
  }
  if (marks.length === 0) return null;
  return {label: 'does not fit', group: 'does not fit', isMark: true, data: thinned(marks, LINE_POINTS), showLine: false, pointStyle: 'crossRot', pointRadius: 7, pointHoverRadius: 9,
    pointBorderWidth: 2.4, borderColor: surface('bad'), backgroundColor: surface('bad')};
}

function xScale(xAxis) {
  if (xAxis === null) return scale('linear', '', () => '', {ticks: {display: false}});
  const title = xAxis.label;
  if (!xAxis.isNumeric) {
    return scale('linear', title, null, {min: -0.4, max: xAxis.values.length - 0.6, afterBuildTicks: (axis) => {
      axis.ticks = xAxis.order.map((place, i) => ({value: i}));
    }, ticks: {callback: (value) => (xAxis.order[value] === undefined ? '' : xAxis.nameOf(xAxis.order[value])), autoSkip: false}});
  }
  if (xAxis.isLog) {
    const low = Math.min(...xAxis.numbers);
    const high = Math.max(...xAxis.numbers);
    return scale('logarithmic', title, (value) => xAxis.formatNumber(value), {min: low / 1.12, max: high * 1.12});
  }
  const isWhole = xAxis.numbers.every(Number.isInteger);
  const span = Math.max(...xAxis.numbers) - Math.min(...xAxis.numbers);
  return scale('linear', title, (value) => (isWhole && !Number.isInteger(value) ? '' : xAxis.formatNumber(value)),
    {min: Math.min(...xAxis.numbers) - span * 0.05, max: Math.max(...xAxis.numbers) + span * 0.05,
      ...(xAxis.values.length <= 12 ? {afterBuildTicks: (axis) => { axis.ticks = xAxis.order.map((place) => ({value: xAxis.numbers[place]})); }} : {})});
}

const nameOfX = (xAxis, row) => (xAxis === null ? 'all points' : xAxis.label + ' ' + xAxis.nameOf(xAxis.of[row.point]));

// Linear where values are near each other.
function isWide(values) {
  const low = Math.min(...values);
  return low > 0 && Math.max(...values) / low > 6;
}

function lineChart({xAxis, series, misfits, yTitle, formatY, hasBands, extra = [], tooltipLine}) {
  if (series.length === 0 && misfits.every((row) => row.fits)) return null;
  const values = series.flatMap((one) => one.points.map((point) => point.y));
  const lows = series.flatMap((one) => one.points.map((point) => point.y * (hasBands ? Math.max(0.3, 1 - (point.band || 0)) : 1)));
  const isLog = values.length > 0 && isWide(values);
  const floor = values.length === 0 ? 1 : isLog ? Math.min(...lows) * 0.75 : 0;
  const datasets = series.flatMap((one, i) => lineDatasets(one, i, {hasBands, colourAt: styleOf(one, i)}));
  const marks = misfitDataset(xAxis, misfits, floor);
  if (marks) datasets.push(marks);
  return {
    note: thinnedNote(Math.max(0, ...series.map((one) => one.total)), LINE_POINTS, 'values of a line'),
    type: 'line', data: {datasets: [...datasets, ...extra]},
    options: baseOptions({
      parsing: {xAxisKey: 'x', yAxisKey: 'y'},
      scales: {x: xScale(xAxis), y: scale(isLog ? 'logarithmic' : 'linear', yTitle, formatY,
        isLog ? {min: floor * 0.9} : {beginAtZero: true, ticks: formatY === format.bytes && values.length ? {stepSize: byteStep(Math.max(...values))} : {}})},
      plugins: {tooltip: {
        itemSort: (a, b) => b.raw.y - a.raw.y,
        callbacks: {
          title: (items) => (items.length && items[0].raw.row ? nameOfX(xAxis, items[0].raw.row) : ''),
          label: (item) => tooltipLine(item),
        },
      }},
    }),
  };
}

// A machine has the same colour, dash and marker in every chart.
function styleOf(series, i) {
  return series.label === series.name && machineStyle.has(series.name) ? machineStyle.get(series.name) : i;
}

const withBand = (formatted, band) => formatted + (band ? ' ± ' + format.percent(band, 2) : '');

function misfitLine(item) {
  return item.raw.row.name + ' does not fit: ' + shorten(item.raw.row.why || 'no reason is known', 90);
}
function shorten(sentence, length) {
  return sentence.length <= length ? sentence : sentence.slice(0, length - 1).replace(/\s+\S*$/, '') + ' …';
}

// --- quantities ----------------------------------------------------------------------------------
const QUANTITIES = {
  rate: {title: 'throughput', axis: 'samples per second', format: format.rate, value: (row) => row.rate, unit: 'samples/s'},
  step: {title: 'time per training step', axis: 'time per training step', format: format.seconds, value: (row) => row.step, unit: 's'},
  cycles: {title: 'cycles per training step', axis: 'cycles per training step', format: format.rate, value: (row) => row.cycles, unit: 'cycles'},
  sram: {title: 'SRAM of the fullest tile', axis: 'SRAM of the fullest tile', format: format.bytes, value: (row) => (row.kind === 'tiles' ? row.sram : null), unit: 'bytes', hasNoBand: true},
  tiles: {title: 'tiles used', axis: 'tiles used', format: format.whole, value: (row) => row.tiles, unit: 'tiles', hasNoBand: true},
};
for (const name of new Set(data.quantities.flatMap((entry) => Object.keys(entry || {})))) {
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix.replace(/^_/, '')));
  QUANTITIES['q.' + name] = {title: name.replaceAll('_', ' '), axis: name.replaceAll('_', ' '), format: unit ? unit[2] : format.rate,
    value: (row) => (row.q && name in row.q ? row.q[name] : null), unit: unit ? unit[1] : ''};
}
const quantitiesAtHand = Object.keys(QUANTITIES).filter((key) => rows.some((row) => {
  const value = QUANTITIES[key].value(row);
  return value !== null && value !== undefined;
}));

function quantityChart(xAxis, key) {
  const quantity = QUANTITIES[key];
  const usable = (row) => { const value = quantity.value(row); return row.fits && value > 0 ? value : null; };
  return lineChart({
    xAxis, misfits: rows, yTitle: quantity.axis, formatY: quantity.format, hasBands: selection.hasBands && !quantity.hasNoBand,
    series: quantitySeries(xAxis, usable),
    tooltipLine: (item) => (item.dataset.isMark ? misfitLine(item)
      : item.dataset.label + ': ' + withBand(quantity.format(item.raw.y), quantity.hasNoBand ? null : item.raw.band)),
  });
}

function quantitySeries(xAxis, valueOf) {
  const series = makeSeries(xAxis, rows, valueOf);
  for (const one of series) one.isStrong = one.points[0].row.kind === 'tiles' && one.points[0].row.variant === 'sparse';
  return series;
}

// --- speed-up ------------------------------------------------------------------------------------
const speedupNames = [...new Set(rows.filter((row) => row.kind === 'tiles' && speedupsOf(row).length > 0).map((row) => row.name))];

function speedupSeries(xAxis, of) {
  const list = rows.filter((row) => row.name === of && isSelected(row.point, [xAxis])).flatMap(speedupsOf)
    .map((speedup) => ({name: speedup.over.name, point: speedup.of.point, band: speedup.band, ratio: speedup.ratio, fits: true, over: speedup.over}));
  return makeSeries(xAxis, list, (row) => row.ratio);
}

function speedupChart(xAxis, of) {
  const series = speedupSeries(xAxis, of);
  if (series.length === 0) return null;
  const xs = series.flatMap((one) => one.points.map((point) => point.x));
  const beyond = xAxis && xAxis.isNumeric ? (Math.max(...xs) - Math.min(...xs)) * 0.05 : 0.4; // as far as the axis goes: what ends past it does not count for the other axis
  const ends = xAxis && xAxis.isLog ? [Math.min(...xs) / 1.12, Math.max(...xs) * 1.12] : [Math.min(...xs) - beyond, Math.max(...xs) + beyond];
  const line = {label: 'as fast (1×)', group: '1x', isMark: true, data: ends.map((x) => ({x, y: 1})), borderColor: surface('text'), backgroundColor: surface('text'), borderWidth: 1.4,
    borderDash: [3, 3], pointRadius: 0, pointHitRadius: 0, pointStyle: false};
  const config = lineChart({xAxis, series, misfits: rows.filter((row) => row.name === of), hasBands: selection.hasBands, extra: [line],
    yTitle: 'speed-up of ' + of, formatY: format.ratio,
    tooltipLine: (item) => (item.dataset.isMark ? (item.raw.row ? misfitLine(item) : '') :
      'over ' + item.dataset.label + ': ' + withBand(format.ratio(item.raw.y), item.raw.band) +
      (item.raw.y < 1 ? ' (slower)' : ''))});
  if (config) {
    config.options.plugins.tooltip.filter = (item) => !item.dataset.isBand && item.dataset.group !== '1x';
    if (xAxis && !xAxis.isLog) config.options.scales.x = {...config.options.scales.x};
  }
  return config;
}

// --- stacks --------------------------------------------------------------------------------------
// Rows of one machine over the axis, one for each place, in its order.
function rowsAlong(xAxis, name, isUsable) {
  const found = new Map();
  for (const row of rows) {
    const place = xAxis === null ? 0 : xAxis.of[row.point];
    if (row.name !== name || place === null || found.has(place) || !isSelected(row.point, [xAxis]) || !isUsable(row)) continue;
    found.set(place, row);
  }
  return (xAxis === null ? [0] : xAxis.order).filter((place) => found.has(place)).map((place) => found.get(place));
}

// As many of them as bars are drawn.
function barsAlong(xAxis, name, isUsable) {
  const all = rowsAlong(xAxis, name, isUsable);
  return Object.assign(thinned(all, BARS), {total: all.length});
}

// veil: what of a stack is more than there is is drawn pale.
function stackChart({xAxis, list, parts, yTitle, formatY, lines = [], veil, max, stepSize, tooltipLine}) {
  if (list.length === 0 || parts.length === 0) return null;
  const datasets = parts.map((part, i) => ({
    label: part.label, group: part.label, isFill: true, data: list.map((row) => part.value(row)), backgroundColor: fillOf(i),
    borderColor: surface('surface'), borderWidth: {top: 1}, stack: 'all', maxBarThickness: 70, part, order: 1,
  }));
  if (veil) {
    datasets.push({label: veil.label, group: veil.label, isFill: true, isVeil: true, grouped: false, stack: 'veil', data: list.map((row) => veil.range(row)), backgroundColor: veilFill(),
      maxBarThickness: 70, order: 0.5});
  }
  for (const line of lines) {
    datasets.push({type: 'line', label: line.label, group: line.label, stack: line.label, data: list.map(line.value), borderColor: surface(line.colour), backgroundColor: surface(line.colour), borderWidth: 2,
      borderDash: line.dash, pointRadius: list.length === 1 || line.pointStyle !== 'line' ? 4.5 : 0, pointStyle: line.pointStyle, pointBorderWidth: 2, order: 0});
  }
  return {
    note: thinnedNote(list.total, BARS, 'bars'),
    type: 'bar', data: {labels: list.map((row) => (xAxis === null ? row.name : xAxis.nameOf(xAxis.of[row.point]))), datasets},
    options: baseOptions({
      interaction: {mode: 'index', intersect: false},
      scales: {x: scale('category', xAxis === null ? '' : xAxis.label, null, {stacked: true, grid: {display: false}}),
        y: scale('linear', yTitle, formatY, {stacked: true, ...(max ? {max} : {}), ticks: stepSize ? {stepSize} : {}})},
      plugins: {tooltip: {callbacks: {
        title: (items) => (items.length ? nameOfX(xAxis, list[items[0].dataIndex]) : ''),
        label: (item) => (item.parsed.y ? item.dataset.label + ': ' + tooltipLine(item, list[item.dataIndex]) : null),
      }, filter: (item) => item.parsed.y > 0 && !item.dataset.isVeil}},
    }),
  };
}

function breakdownChart(xAxis, name, isShare) {
  const list = barsAlong(xAxis, name, (row) => row.fits && row.step > 0);
  const parts = BREAKDOWN.filter((part) => list.some((row) => row[part] > 0))
    .map((part) => ({label: part, value: (row) => (isShare ? (row[part] || 0) / row.step : row[part] || 0)}));
  return stackChart({xAxis, list, parts, yTitle: isShare ? 'share of the training step' : 'time per training step',
    formatY: isShare ? (value) => format.percent(value) : format.seconds, max: isShare ? 1 : undefined,
    tooltipLine: (item, row) => format.seconds(row[item.dataset.label]) + ' (' + format.percent(row[item.dataset.label] / row.step, 2) + ')'});
}

const ROWS_SHOWN = 9; // of a schedule; the others together
function scheduleParts(list) {
  const found = new Map();
  for (const row of list) {
    for (const part of sharesByRow(row)) {
      if (!found.has(part.tag)) found.set(part.tag, {tag: part.tag, names: new Set(), most: 0, shares: new Map()});
      const entry = found.get(part.tag);
      for (const [name] of part.names) entry.names.add(name);
      entry.most = Math.max(entry.most, part.share);
      entry.shares.set(row.i, part.share);
    }
  }
  const all = [...found.values()];
  const kept = all.filter((part) => part.tag !== 'other').sort((a, b) => b.most - a.most).slice(0, ROWS_SHOWN);
  const shown = all.filter((part) => kept.includes(part));
  const rest = all.filter((part) => !kept.includes(part));
  const parts = shown.map((part) => ({label: part.names.size ? part.tag + ' ' + shorten([...part.names].join(', '), 44) : part.tag, tag: part.tag,
    names: [...part.names], value: (row) => part.shares.get(row.i) || 0}));
  if (rest.length > 0) {
    parts.push({label: 'all other parts', names: rest.map((part) => part.tag), value: (row) => rest.reduce((sum, part) => sum + (part.shares.get(row.i) || 0), 0)});
  }
  return parts;
}

function scheduleChart(xAxis, name, isShare) {
  const list = barsAlong(xAxis, name, (row) => row.schedule !== null && row.fits && row.step > 0);
  const parts = scheduleParts(list).map((part) => ({...part, share: part.value, value: (row) => part.value(row) * (isShare ? 1 : row.step)}));
  return stackChart({xAxis, list, parts, yTitle: isShare ? 'share of the training step' : 'time per training step',
    formatY: isShare ? (value) => format.percent(value) : format.seconds, max: isShare ? 1 : undefined,
    tooltipLine: (item, row) => format.percent(item.dataset.part.share(row), 2) + ', ' + format.seconds(item.dataset.part.share(row) * row.step)});
}

const bytesOf = (row, role) => (row.memory === null || row.memory < 0 ? 0 : data.memory[row.memory][role] || 0);
const roleName = (role) => data.roles[role].replaceAll('_', ' ');

function memoryChart(xAxis, name) {
  const list = barsAlong(xAxis, name, (row) => row.memory !== null && row.memory >= 0 && data.memory[row.memory].length > 0);
  const parts = data.roles.map((unused, role) => ({label: roleName(role), value: (row) => bytesOf(row, role), most: Math.max(0, ...list.map((row) => bytesOf(row, role)))}))
    .filter((part) => part.most > 0).sort((a, b) => b.most - a.most);
  const stackOf = (row) => parts.reduce((sum, part) => sum + part.value(row), 0);
  return stackChart({xAxis, list, parts, yTitle: 'bytes on the fullest tile', formatY: format.bytes, tooltipLine: (item) => format.bytes(item.parsed.y),
    veil: list.some((row) => stackOf(row) > row.sram) ? {label: 'shared addresses', range: (row) => [row.sram, Math.max(row.sram, stackOf(row))]} : null,
    lines: [{label: 'limit of a tile', value: (row) => row.limit, colour: 'bad', dash: [6, 3], pointStyle: 'line'},
      {label: 'in use', value: (row) => row.sram, colour: 'text', dash: [], pointStyle: 'circle'}],
    stepSize: byteStep(Math.max(1, ...list.map((row) => Math.max(row.limit, stackOf(row)))))});
}

// --- Pareto front --------------------------------------------------------------------------------
const COSTS = {
  tiles: {title: 'tiles used', format: format.whole, value: (row) => row.tiles},
  sram: {title: 'SRAM of the fullest tile', format: format.bytes, value: (row) => row.sram},
  total: {title: 'SRAM of all tiles used', format: format.bytes, value: (row) => (row.tiles && row.limit ? row.tiles * row.limit : null)},
};
const machineAxes = () => axes.filter((axis) => axis.isMachine);

// Timed tile machines for the workload that is pinned: a faster one that does something else is no better.
function paretoRows(cost) {
  const free = machineAxes();
  return rows.filter((row) => row.kind === 'tiles' && row.fits && row.step > 0 && COSTS[cost].value(row) > 0 && isSelected(row.point, free));
}

function paretoFront(list, cost) {
  const sorted = list.slice().sort((a, b) => COSTS[cost].value(a) - COSTS[cost].value(b) || a.step - b.step);
  const front = [];
  for (const row of sorted) if (front.length === 0 || row.step < front[front.length - 1].step) front.push(row);
  return front;
}

function paretoChart(cost) {
  const list = paretoRows(cost);
  const at = (row) => ({x: COSTS[cost].value(row), y: row.step, row});
  if (new Set(list.map((row) => COSTS[cost].value(row) + ' ' + row.step)).size < 4) return null;
  const names = [...new Set(list.map((row) => row.name))];
  const datasets = names.map((name) => {
    const style = machineStyle.get(name);
    return {label: name, group: name, showLine: false, data: list.filter((row) => row.name === name).map(at), borderColor: colour(style), backgroundColor: faded(colour(style), 0.55),
      pointStyle: markers[style % markers.length], pointRadius: 5, pointHoverRadius: 7, pointBorderWidth: 1.6, order: 1};
  });
  const front = paretoFront(list, cost).map(at);
  datasets.push({label: 'nothing is both faster and smaller', group: 'front', isMark: true, data: front, stepped: 'before', borderColor: surface('text'), backgroundColor: surface('text'),
    borderWidth: 1.6, pointRadius: 0, pointHitRadius: 0, pointStyle: false, order: 2});
  const axis = (title, values, formatter) => scale(isWide(values) ? 'logarithmic' : 'linear', title, formatter,
    formatter === format.bytes && !isWide(values) ? {ticks: {stepSize: byteStep(Math.max(1, Math.max(...values) - Math.min(...values)))}} : {});
  return {type: 'line', data: {datasets}, options: baseOptions({
    interaction: {mode: 'nearest', axis: 'xy', intersect: true},
    scales: {x: axis(COSTS[cost].title, list.map((row) => COSTS[cost].value(row)), COSTS[cost].format), y: axis('time per training step', list.map((row) => row.step), format.seconds)},
    plugins: {tooltip: {filter: (item) => !item.dataset.isMark, callbacks: {
      title: (items) => (items.length ? items[0].raw.row.name : ''),
      label: (item) => [format.seconds(item.raw.y) + ' per step, ' + COSTS[cost].format(item.raw.x) + ' ' + COSTS[cost].title.replace(/^tiles used$/, 'tiles'), describePoint(item.raw.row.point)],
    }}},
  })};
}

// --- maps: two axes, and what happens at each pair -----------------------------------------------
function mapRows(across, up, name) {
  const found = new Map();
  for (const row of rows) {
    const [x, y] = [across.of[row.point], up.of[row.point]];
    if (row.name !== name || x === null || y === null || !isSelected(row.point, [across, up])) continue;
    if (!found.has(x + ' ' + y)) found.set(x + ' ' + y, row);
  }
  return [...found.values()];
}

function placedAxis(axis, isUp) {
  return scale('linear', axis.label, null, {min: -0.6, max: axis.values.length - 0.4, grid: {display: false}, afterBuildTicks: (built) => {
    built.ticks = axis.order.map((place, i) => ({value: i}));
  }, ticks: {autoSkip: !isUp && axis.values.length > 16, callback: (value) => (axis.order[value] === undefined ? '' : axis.nameOf(axis.order[value]))}});
}

// A square for each item, as large as the grid allows, coloured from least to most.
function squares({items, columns, lines, xAxis, yAxis, label, tooltip, isReversed}) {
  const size = (context) => {
    const area = context.chart.chartArea;
    if (!area) return 4;
    return Math.max(1, Math.min(area.width / columns, area.height / lines) * 0.5 * 0.94) * Math.SQRT2 * 0.995;
  };
  const bad = surface('bad');
  const shades = items.map((item) => (item.isBad ? 'transparent' : heat(item.heat))); // lists: a function would be asked several times for each
  return {type: 'scatter', data: {datasets: [{label, group: label, isHeat: true, data: items, pointStyle: items.map((item) => (item.isBad ? 'crossRot' : 'rect')),
    pointRadius: size, pointHoverRadius: size, pointHitRadius: 1, backgroundColor: shades,
    borderColor: items.map((item, i) => (item.isBad ? bad : shades[i])), pointBorderWidth: items.map((item) => (item.isBad ? 2.5 : 0)),
    pointHoverBorderWidth: 2, pointHoverBorderColor: surface('text')}]},
  options: baseOptions({interaction: {mode: 'nearest', axis: 'xy', intersect: false}, scales: {x: xAxis, y: {...yAxis, reverse: Boolean(isReversed)}},
    plugins: {tooltip: {callbacks: {title: (found) => (found.length ? tooltip(found[0].raw)[0] : ''), label: (item) => tooltip(item.raw).slice(1)}}}})};
}

function mapChart(across, up, name, key) {
  const quantity = MAP_QUANTITIES[key];
  const list = mapRows(across, up, name);
  const values = list.filter((row) => row.fits && quantity.value(row) > 0).map((row) => quantity.value(row));
  if (list.length < 4) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const fraction = (value) => (high > low ? Math.log(value / low) / Math.log(high / low) : 0.5);
  const items = list.map((row) => ({x: across.rank[across.of[row.point]], y: up.rank[up.of[row.point]], row, isBad: !row.fits || !(quantity.value(row) > 0),
    heat: fraction(quantity.value(row))}));
  const chart = squares({items, columns: across.values.length + 0.2, lines: up.values.length + 0.2, xAxis: placedAxis(across, false), yAxis: placedAxis(up, true), label: name,
    tooltip: (item) => [name, across.label + ' ' + across.nameOf(across.of[item.row.point]) + ', ' + up.label + ' ' + up.nameOf(up.of[item.row.point]),
      item.row.fits ? quantity.title + ': ' + quantity.format(quantity.value(item.row)) : 'does not fit: ' + shorten(item.row.why || '', 90)]});
  chart.range = values.length ? [quantity.format(low), quantity.format(high)] : null;
  return chart;
}
const MAP_QUANTITIES = {
  step: {title: 'time per training step', format: format.seconds, value: (row) => row.step},
  fill: {title: 'SRAM of the fullest tile, of its limit', format: (value) => format.percent(value), value: (row) => (row.kind === 'tiles' && row.limit ? row.sram / row.limit : null)},
  best: {title: 'speed-up over the fastest GPU', format: format.ratio, value: (row) => {
    const gpus = speedupsOf(row).filter((speedup) => speedup.over.kind === 'gpu').map((speedup) => speedup.ratio);
    return gpus.length ? Math.min(...gpus) : null;
  }},
};

// --- the chip, tile by tile ----------------------------------------------------------------------
// Bytes in use by tile, out of sram.by_tile of docs/result-format.md; null: the page has no map of this row.
function tilesOf(row) {
  const map = row.map >= 0 && row.map !== null ? data.maps[row.map] : null;
  if (!map) return null;
  const list = [];
  for (const place of map.tiles) {
    if (place >= 0) list.push(map.bytes[place]);
    else for (let i = 0; i < -place; i++) list.push(list[list.length - 1]);
  }
  return list;
}
const hasMap = (row) => row.map !== null && row.map >= 0;

// Where a tile lies, as exchange/ways.c places it: columns of islands on either side of a spine, numbered around it.
// A plain grid where the chip file says nothing of columns.
function layoutOf(row, count) {
  const exchange = (data.hardware[row.hw] || {}).exchange || {};
  const [columns, perIsland] = [exchange.columns || 0, exchange.tiles_per_island || 1];
  if (columns < 2 || exchange.fabric !== 'compiled_bus') {
    const wide = Math.ceil(Math.sqrt(count * 1.5));
    return {columns: wide, lines: Math.ceil(count / wide), isChip: false, place: (tile) => [tile % wide, Math.floor(tile / wide)]};
  }
  const islands = Math.max(exchange.islands_per_column || 1, Math.ceil(count / (columns * perIsland)));
  const isAlong = exchange.tile_numbering === 'along_columns';
  const half = Math.ceil(columns / 2);
  return {columns: 2 * islands + 1, lines: half * perIsland, isChip: true, place: (tile) => {
    const column = isAlong ? Math.floor(tile / (islands * perIsland)) % columns : Math.floor((tile % (columns * perIsland)) / perIsland);
    const island = isAlong ? Math.floor((tile % (islands * perIsland)) / perIsland) : Math.floor(tile / (columns * perIsland));
    const isLeft = column < half;
    const position = isLeft ? column : columns - 1 - column;
    return [isLeft ? islands - 1 - island : islands + 1 + island, position * perIsland + (tile % perIsland)];
  }};
}

function tileMapChart(row) {
  const bytes = row && tilesOf(row);
  if (!bytes) return null;
  const layout = layoutOf(row, bytes.length);
  const most = Math.max(row.limit || 0, ...bytes);
  const items = bytes.map((count, tile) => {
    const [x, y] = layout.place(tile);
    return {x, y, tile, bytes: count, heat: count / most};
  });
  const hidden = (title, max) => scale('linear', title, null, {min: -0.6, max: max - 0.4, grid: {display: false}, ticks: {display: false}});
  const chart = squares({items, columns: layout.columns, lines: layout.lines, isReversed: true, label: row.name,
    xAxis: hidden(layout.isChip ? 'islands on either side of the spine' : 'tiles', layout.columns), yAxis: hidden(layout.isChip ? 'along the spine' : '', layout.lines),
    tooltip: (item) => ['tile ' + item.tile, format.bytes(item.bytes, 4) + ', ' + format.percent(item.bytes / row.limit, 3) + ' of the limit']});
  chart.range = ['0', format.bytes(most)];
  return chart;
}
