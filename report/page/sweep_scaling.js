// Scaling over chips. Points are compared where what they do is alike: strong scaling, the same network and batch on more chips; weak scaling,
// as much of the network and as many samples for each chip. What is alike is asked of the points, not of the axes, since sweeps zip them.

const CHIPS_SWEPT = /^machines\.\d+\.(chips|replicas|system)$/;
const scaledRows = rows.filter((row) => row.kind === 'tiles' && row.fits && row.step > 0 && row.chips > 0);
const hasScaling = everyAxis.some((axis) => CHIPS_SWEPT.test(axis.path)) && new Set(scaledRows.map((row) => row.chips)).size > 1;

const SIZES = /^(machines\.\d+\.(chips|replicas)|network|network\.(hidden|hidden_layers|fill_neurons_per_tile)|training\.batch)(,.*)?$/;
// What else was swept, such as the cap on activity: values of one group are equal in it. Of axes that go side by side the first.
const otherAxes = everyAxis.filter((axis) => axis.values.length > 1 && !SIZES.test(axis.path))
  .filter((axis, i, all) => !all.some((other, j) => j < i && determines(other, axis)));
const batchOf = (row) => Math.round(row.rate * row.step);
const ALIKE = 1.06; // widths that fill a chip differ by some percent: outputs take their share

const workOf = {
  strong: (row) => [points.neurons[row.point] ?? 1, points.layers[row.point] ?? 1, batchOf(row)],
  weak: (row) => [((points.neurons[row.point] ?? 1) * row.replicas) / row.chips, ((points.layers[row.point] ?? 1) * row.replicas) / row.chips, batchOf(row) / row.replicas],
};
const isAlike = (a, b) => a.every((value, i) => Math.max(value, b[i]) <= Math.min(value, b[i]) * ALIKE);

// Data parallel: every replica on as many chips. Model parallel: one network on all of them. A point of one chip is of both.
function sorts(row) {
  if (row.replicas > 1) return ['data parallel, ' + (row.chips / row.replicas === 1 ? 'a replica a chip' : row.chips / row.replicas + ' chips a replica')];
  return ['model parallel', 'data parallel, ' + (row.chips === 1 ? 'a replica a chip' : row.chips + ' chips a replica')];
}

function groupsOf(kind) {
  const found = [];
  for (const row of scaledRows) {
    const others = otherAxes.map((axis) => axis.of[row.point]);
    for (const sort of sorts(row)) {
      const work = workOf[kind](row);
      let group = found.find((one) => one.sort === sort && one.name === row.name && isAlike(one.work, work) && one.others.every((place, i) => place === others[i]));
      if (!group) found.push(group = {name: row.name, sort, work, others, rows: []});
      if (!group.rows.some((other) => other.chips === row.chips)) group.rows.push(row);
    }
  }
  // options of the all-reduce do not touch the point of one replica: it begins the curves of all of them
  return found.filter((group) => group.rows.length > 1).map((group) => ({...group, rows: group.rows.sort((a, b) => a.chips - b.chips)}));
}

function nameGroups(groups, kind) {
  const facts = groups.map((group) => {
    const [neurons, layers, batch] = group.work;
    return [group.name, group.sort, `${format.whole(Math.round(layers))} hidden layers${kind === 'weak' ? ' a chip' : ''}`, `${format.whole(Math.round(neurons))} neurons${kind === 'weak' ? ' a chip' : ''}`,
      `batch ${format.whole(Math.round(batch))}${kind === 'weak' ? ' a replica' : ''}`, ...group.others.map((place, i) => (place === null ? '' : otherAxes[i].describe(place)))];
  });
  const differs = facts.length === 0 ? [] : facts[0].map((unused, i) => new Set(facts.map((list) => list[i])).size > 1);
  const isSaid = differs.map((does, i) => does && !(i === 3 && differs[2])); // neurons go with the layers
  return facts.map((list) => list.filter((fact, i) => isSaid[i] && fact).join(' · ') || list[0]);
}

const scalingGroups = {strong: hasScaling ? groupsOf('strong') : [], weak: hasScaling ? groupsOf('weak') : []};

// Those of the values that are selected above.
function shownGroups(kind) {
  const pinOf = (axis) => selection.pins.get(axis) ?? null;
  return scalingGroups[kind].filter((group) => group.others.every((place, i) => place === null || otherAxes[i] === selection.x || pinOf(otherAxes[i]) === null || pinOf(otherAxes[i]) === place));
}

// Speed-up over the fewest chips of the group, times their number: ideal is the number of chips. Efficiency: that time over this one.
function scalingPoints(group, kind) {
  const [first] = group.rows;
  return group.rows.map((row) => ({x: row.chips, row, ratio: first.step / row.step, y: kind === 'strong' ? (first.chips * first.step) / row.step : first.step / row.step}));
}

function chipsAxis() {
  const numbers = [...new Set(scaledRows.map((row) => row.chips))].sort((a, b) => a - b);
  return {path: 'chips', label: 'chips', short: 'chips', isNumeric: true, isLog: true, values: numbers, numbers, order: numbers.map((unused, i) => i),
    of: [], nameOf: String, formatNumber: format.whole};
}

function scalingChart(kind) {
  const groups = shownGroups(kind);
  if (groups.length === 0) return null;
  const labels = nameGroups(groups, kind);
  const xAxis = chipsAxis();
  const series = groups.map((group, i) => ({label: labels[i], name: labels[i], total: group.rows.length, points: scalingPoints(group, kind).map((point) => ({...point, band: null}))}));
  const ideal = {label: 'ideal', group: 'ideal', isMark: true, data: xAxis.numbers.map((x) => ({x, y: kind === 'strong' ? x : 1})), borderColor: surface('text'), backgroundColor: surface('text'),
    borderWidth: 1.4, borderDash: [3, 3], pointRadius: 0, pointHitRadius: 0, pointStyle: false};
  const config = lineChart({xAxis, series, misfits: [], hasBands: false, extra: [ideal], yTitle: kind === 'strong' ? 'speed-up' : 'efficiency',
    formatY: kind === 'strong' ? format.ratio : (value) => format.percent(value),
    tooltipLine: (item) => (item.dataset.isMark ? '' : `${item.dataset.label}: ${kind === 'strong' ? format.ratio(item.raw.y) : format.percent(item.raw.y)}, ${format.seconds(item.raw.row.step)}, bound by ${item.raw.row.bound || 'nothing known'}`)});
  config.options.scales.x = scale('logarithmic', 'chips', format.whole, {min: xAxis.numbers[0] / 1.12, max: xAxis.numbers[xAxis.numbers.length - 1] * 1.12,
    afterBuildTicks: (axis) => { axis.ticks = xAxis.numbers.map((value) => ({value})); }});
  Object.assign(config.options.scales.x.ticks, {callback: (value) => format.whole(value), autoSkip: false}); // every number of chips, not round ones
  config.options.plugins.tooltip.callbacks.title = (items) => (items.length ? format.whole(items[0].raw.x) + (items[0].raw.x === 1 ? ' chip' : ' chips') : '');
  config.options.plugins.tooltip.filter = (item) => !item.dataset.isMark;
  return config;
}

function addScalingCard() {
  const kinds = ['strong', 'weak'].filter((kind) => scalingGroups[kind].length > 0);
  if (kinds.length === 0) return;
  let kind = kinds.reduce((best, one) => (scalingGroups[one].length > scalingGroups[best].length ? one : best));
  const titles = {strong: 'strong: speed-up', weak: 'weak: efficiency'};
  const box = kinds.length > 1 ? select('scaling', kinds.map((one) => [one, titles[one]]), kind, (value) => { kind = value; part.redraw(); }) : null;
  const part = addChartCard({id: 'chips', title: 'Scaling over chips',
    lead: 'Strong: the same network and batch on more chips; the dotted line is as many times as fast as there are chips. Weak: each chip has as much of the network and each replica as many samples; 100 % is the time of the fewest chips. The table says what bounds each point.',
    controls: [box], make: () => scalingChart(kind), table: () => {
      const groups = shownGroups(kind);
      const labels = nameGroups(groups, kind);
      return {caption: 'scaling over chips, ' + titles[kind], rows: groups.flatMap((group, i) => scalingPoints(group, kind).map((point) => ({...point, label: labels[i]}))),
        columns: [words('what', (one) => one.label, true), number('chips', (one) => one.row.chips, format.whole), number('replicas', (one) => one.row.replicas, format.whole),
          number('time per step', (one) => one.row.step, format.seconds, 's'),
          kind === 'strong' ? number('speed-up', (one) => one.y, format.ratio, '×') : number('efficiency', (one) => one.y, format.percent),
          words('bound by', (one) => one.row.bound), ...BREAKDOWN.filter((key) => scaledRows.some((row) => row[key] > 0)).map((key) => number(key, (one) => one.row[key], format.seconds, 's'))]};
    }});
}
