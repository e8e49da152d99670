// The charts of the anatomy: each function makes a Chart.js configuration from the data and the selection of the moment.
// Of a compute set, "in detail" is always its execution in the middle of the training step.

const machines = data.machines;
const gpus = data.gpus;
const state = {machine: 0, span: 'sum', step: null, tileValue: 'busy', memory: 0, gpu: 0};
const machineNow = () => machines[state.machine];

const kindNames = {compute: 'compute', exchange: 'exchange', host: 'waiting for the host', stream: 'streaming memory', all_reduce: 'all-reduce'};
const boundNames = {floor: 'launch and latency', compute: 'compute', l2: 'L2 bandwidth', memory: 'memory bandwidth'};
const cyclesText = (value) => format.whole(value) + NBSP + (value === 1 ? 'cycle' : 'cycles');
const percentOf = (part, whole) => format.percent(whole > 0 ? part / whole : 0, 3);

function phaseOf(machine, step) {
  if (step.section > 0) return machine.sections[step.section - 1].name;
  if (step.loop === 0) return 'once';
  return machine.loops[step.loop - 1].stride < 0 ? 'backward' : 'forward';
}

// One dataset of a stack of bars; `at` chooses colour and hatching.
function bars(label, values, at, more) {
  return {label, data: values, backgroundColor: fillOf(at), legendColour: colour(at), borderColor: colour(at), isFill: true,
    group: label, borderWidth: 0, ...more};
}

function stackedAxes(x, y) {
  return {x: {...x, stacked: true}, y: {...y, stacked: true}};
}

const isNarrow = () => window.innerWidth < 600;

// A label of an upright axis as far as it fits: its end tells names apart (", layer 2"). Called by Chart.js.
function shortLabel(value) {
  const name = this.getLabelForValue(value);
  const room = isNarrow() ? 22 : 44;
  return name.length > room ? name.slice(0, room - 10) + '…' + name.slice(-9) : name;
}

// --- all machines --------------------------------------------------------------------------------
const timeParts = ['compute', 'exchange', 'sync', 'host', 'launch gaps', 'framework loop', 'links', 'streaming memory'];

function timeRows() {
  const seconds = (machine, cycles) => cycles / machine.clock_hz;
  const ofTiles = machines.map((machine) => ({
    name: machine.name, total: seconds(machine, machine.cycles.total),
    parts: [machine.cycles.compute, machine.cycles.exchange, machine.cycles.sync, machine.cycles.host, 0, 0, machine.cycles.links, machine.cycles.memory]
      .map((cycles) => seconds(machine, cycles)),
  }));
  const ofGpus = gpus.map((gpu) => ({
    name: gpu.name, total: gpu.step_seconds,
    parts: [gpu.compute_seconds, 0, gpu.sync_seconds, gpu.host_seconds, gpu.launch_seconds, gpu.loop_seconds, 0, 0],
  }));
  return [...ofTiles, ...ofGpus];
}

function timeChart() {
  const rows = timeRows();
  if (rows.length === 0) return null;
  const used = timeParts.map((label, i) => i).filter((i) => rows.some((row) => row.parts[i] > 0));
  return {
    type: 'bar',
    data: {labels: rows.map((row) => row.name), datasets: used.map((i) => bars(timeParts[i], rows.map((row) => row.parts[i]), i))},
    options: baseOptions({
      indexAxis: 'y', interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: stackedAxes(scale('linear', 'seconds per training step', format.seconds), scale('category', '')),
      plugins: {tooltip: {callbacks: {
        label: (item) => `${item.dataset.label}: ${format.seconds(item.raw)} (${percentOf(item.raw, rows[item.dataIndex].total)})`,
        footer: (items) => 'sum: ' + format.seconds(rows[items[0].dataIndex].total),
      }}},
    }),
  };
}

// --- supersteps ----------------------------------------------------------------------------------
// Cycles of a step by cause. Of one execution in the middle the causes are known; of sums and first executions only the kind.
const causes = ['activity', 'vertices, fixed', 'launch, supervisor', 'words on the busiest port', 'way and fixed part', 'sync', 'host', 'waiting for other chips', 'streaming memory'];

function causesOf(step) {
  const sync = step.sync_cycles / Math.max(1, step.times);
  if (step.kind === 'compute') return [step.tile.activity_cycles, step.tile.fixed_cycles, step.tile.launch_cycles, 0, 0, sync, 0, 0, 0];
  if (step.kind === 'exchange') {
    const port = Math.max(step.port.in_cycles, step.port.out_cycles);
    return [0, 0, 0, port, step.port.other_cycles, sync, 0, Math.max(0, step.middle_cycles - port - step.port.other_cycles), 0];
  }
  return [0, 0, 0, 0, 0, step.kind === 'all_reduce' ? sync : 0, ...['host', 'all_reduce', 'stream'].map((kind) => (kind === step.kind ? step.middle_cycles : 0))];
}

function spanCycles(step, span) {
  if (span === 'sum') return step.cycles + step.sync_cycles;
  return (span === 'first' ? step.first_cycles : step.middle_cycles) + step.sync_cycles / Math.max(1, step.times);
}

// Why a step takes what it takes, in words.
function whyOf(machine, step) {
  if (step.kind === 'host') return `${format.bytes(step.bytes)} over the host link; what prefetch does not hide`;
  if (step.kind === 'stream') return `${format.bytes(step.bytes)} a chip and transfer; ${cyclesText(step.waited_cycles)} are waited for in all`;
  if (step.kind === 'all_reduce') return `${format.bytes(step.bytes)} of gradients a chip, summed over ${format.whole(machine.replicas)} replicas`;
  if (step.kind === 'exchange') {
    const port = step.port;
    if (step.middle_cycles === 0) return 'no words move';
    const way = port.in_cycles >= port.out_cycles ? `receives ${format.whole(port.received)} messages in ${cyclesText(port.in_cycles)}`
      : `sends ${format.whole(port.sent)} messages in ${cyclesText(port.out_cycles)}`;
    return `tile ${port.busiest} ${way}; way and fixed part ${cyclesText(port.other_cycles)}${step.waited_cycles > 0 ? `; then words of other chips are waited for, ${cyclesText(step.waited_cycles)} in all` : ''}`;
  }
  const tile = step.tile;
  const work = tile.work.map((part) => {
    const seen = [part.count > 0 ? `count ${format.whole(part.count)}` : '', part.hits > 0 ? `hits ${format.whole(part.hits)}` : '']
      .filter(Boolean).join(', ');
    return `${format.whole(part.vertices)} × ${part.codelet}${seen ? ' (' + seen + ')' : ''}`;
  }).join('; ');
  return `tile ${tile.slowest}: ${work || 'no vertex'}; launch ${format.whole(tile.launch_cycles)}, fixed ${format.whole(tile.fixed_cycles)}, ` +
    `activity ${cyclesText(tile.activity_cycles)}`;
}

function stepLabel(step) {
  return step.name + (step.kind === 'exchange' ? ' ⇄' : '');
}

function stepDatasets(steps) {
  if (state.span === 'middle') {
    const values = steps.map(causesOf);
    return causes.map((label, i) => bars(label, values.map((row) => row[i]), i)).filter((set) => set.data.some((value) => value > 0));
  }
  const of = (kind) => steps.map((step) => (step.kind !== kind ? 0 : state.span === 'sum' ? step.cycles : step.first_cycles));
  const sync = steps.map((step) => (state.span === 'sum' ? step.sync_cycles : step.sync_cycles / Math.max(1, step.times)));
  return [bars('compute', of('compute'), 0), bars('exchange', of('exchange'), 1), bars('sync', sync, 2), bars('host', of('host'), 3),
    bars('all-reduce', of('all_reduce'), 4), bars('streaming memory', of('stream'), 5)]
    .filter((set) => set.data.some((value) => value > 0));
}

function stepChart() {
  const machine = machineNow();
  if (!machine) return null;
  const steps = machine.steps;
  const ofSpan = {sum: 'cycles, all executions of a training step', middle: 'cycles of one execution, in the middle',
    first: 'cycles of the first execution'}[state.span];
  return {
    type: 'bar',
    data: {labels: steps.map(stepLabel), datasets: stepDatasets(steps).map((set) => ({...set, barPercentage: 1, categoryPercentage: 0.92}))},
    options: baseOptions({
      interaction: {mode: 'index', axis: 'x', intersect: false},
      onClick: (event, elements) => { if (elements.length > 0) chooseStep(elements[0].index); },
      scales: stackedAxes(scale('category', 'compute sets and exchanges (⇄), in program order', null, {grid: {display: false}, ticks: {maxRotation: 90, font: {size: 10}}}),
        scale('linear', ofSpan, format.rate)),
      plugins: {tooltip: {
        filter: (item) => item.raw > 0 || item.datasetIndex === 0, // a step of no cycles says its name all the same
        callbacks: {
          title: (items) => {
            const step = items.length ? steps[items[0].dataIndex] : null;
            return step ? `${stepLabel(step)}: ${step.loop + step.section === 0 ? 'once' : `${phaseOf(machine, step)}, ${format.whole(step.times)} times`}` : '';
          },
          label: (item) => `${item.dataset.label}: ${cyclesText(item.raw)}`,
          footer: (items) => (items.length ? wrapped(whyOf(machine, steps[items[0].dataIndex]), 64) : ''),
        },
      }},
    }),
  };
}

function wrapped(text, width) {
  const lines = [''];
  for (const word of text.split(' ')) {
    if (lines[lines.length - 1].length + word.length > width) lines.push('');
    lines[lines.length - 1] += (lines[lines.length - 1] ? ' ' : '') + word;
  }
  return lines;
}

// --- sections, and the course of the training step -----------------------------------------------
const hasSections = () => machines.some((machine) => machine.sections.length > 0);
const hasCourse = () => machines.some((machine) => machine.sections.length > 0 || machine.course.transfers.length > 0 || machine.course.links.length > 0);

// What a section is for: one colour each in every chart.
const sectionKinds = [['forward, first run', /^forward(, history kept)?$/], ['forward again', /^forward again/], ['backward', /^backward/],
  ['states copied and streamed', /^(put|get|save|restore|start of|state before)/], ['start, loss, end', /./]];
const sectionKind = (name) => sectionKinds.findIndex(([, pattern]) => pattern.test(name));

function sectionChart() {
  const machine = machineNow();
  if (!machine || machine.sections.length === 0) return null;
  const rows = machine.sections;
  return {
    type: 'bar',
    data: {labels: rows.map((row) => row.name), datasets: sectionKinds.map(([label], i) => bars(label, rows.map((row) => (sectionKind(row.name) === i ? row.cycles : 0)), i))
      .filter((set) => set.data.some((value) => value > 0))},
    options: baseOptions({
      indexAxis: 'y', interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: stackedAxes(scale('linear', 'cycles, all executions of a training step', format.rate), scale('category', '', null, {ticks: {autoSkip: false}})),
      plugins: {tooltip: {filter: (item) => item.raw > 0, callbacks: {
        label: (item) => `${cyclesText(item.raw)} (${percentOf(item.raw, machine.cycles.total)} of the step)`,
        footer: (items) => (items.length ? `runs ${format.whole(rows[items[0].dataIndex].times)} times, ${cyclesText(Math.round(rows[items[0].dataIndex].cycles / rows[items[0].dataIndex].times))} each` : '')}}},
    }),
  };
}

// The plan as calls: loops around sections, one line each.
function callRows(machine) {
  const steps = (call) => (call.count === 1 || call.stride === 0 ? `${call.first}` : `${call.first} to ${call.first + (call.count - 1) * call.stride}`);
  return machine.calls.map(([depth, section, count, first, stride]) => {
    const call = {depth, count, first, stride};
    const pad = NBSP.repeat(4 * depth);
    if (section === 0) return {...call, name: `${pad}${format.whole(count)} times${stride === 0 ? '' : `, ${stride > 0 ? '+' : '−'}${Math.abs(stride)} time steps each`}:`, steps: ''};
    return {...call, name: pad + machine.sections[section - 1].name, steps: steps(call)};
  });
}

const lanes = ['chips run', 'wait for memory', 'to memory', 'from memory', 'wait for chips'];

function stretchName(machine, what) {
  if (what === 0) return 'start, loss, end';
  if (what <= machine.sections.length) return sectionKinds[sectionKind(machine.sections[what - 1].name)][0];
  return machine.loops[what - 1 - machine.sections.length].stride < 0 ? 'backward' : 'forward, first run';
}

// One thick line for every kind of stretch, broken where it does not run. Times are seconds since the step began.
function courseChart() {
  const machine = machineNow();
  if (!machine || !hasCourse()) return null;
  const seconds = (cycles) => cycles / machine.clock_hz;
  const segments = (spans, lane, name) => spans.flatMap(([what, begin, end]) => [{x: seconds(begin), y: lane, what, name, took: end - begin},
    {x: seconds(end), y: lane, what, name, took: end - begin}, {x: seconds(end), y: null}]);
  const set = (label, data, at) => ({label, data, group: label, borderColor: colour(at), backgroundColor: colour(at), legendColour: colour(at), isFill: true, borderWidth: isNarrow() ? 12 : 20,
    borderCapStyle: 'butt', pointRadius: 0, pointHitRadius: 8, spanGaps: false, showLine: true, parsing: false});
  const isOut = ([what]) => /^put/.test(machine.steps[what].name);
  const {stretches, transfers, links, memory} = machine.course;
  const datasets = sectionKinds.map(([label], i) => set(label, segments(stretches.filter(([what]) => stretchName(machine, what) === label), 0, label), i));
  datasets.push(set('waiting for streaming memory', segments(memory, 1, 'waiting for streaming memory'), 6),
    set('transfer to streaming memory', segments(transfers.filter(isOut), 2, 'transfer to streaming memory'), 5),
    set('transfer from streaming memory', segments(transfers.filter((span) => !isOut(span)), 3, 'transfer from streaming memory'), 7),
    set('waiting for other chips', segments(links, 4, 'waiting for other chips'), 8));
  const used = datasets.filter((one) => one.data.length > 0);
  const lowest = links.length > 0 ? 4 : transfers.length + memory.length > 0 ? 3 : 0;
  return {
    type: 'line',
    data: {datasets: used},
    options: baseOptions({
      interaction: {mode: 'nearest', axis: 'xy', intersect: false},
      scales: {x: scale('linear', 'seconds since the training step began', format.seconds, {min: 0, max: seconds(machine.cycles.total)}),
        y: scale('linear', '', (value) => (Number.isInteger(value) ? lanes[value] || '' : ''), {min: -0.6, max: lowest + 0.6, reverse: true, grid: {display: false}, ticks: {stepSize: 1}})},
      plugins: {tooltip: {filter: (item, i) => i === 0, callbacks: {title: (items) => (items.length ? items[0].raw.name : ''),
        label: (item) => `${format.seconds(seconds(item.raw.took))} (${cyclesText(item.raw.took)})`}}},
    }),
  };
}

function courseRows(machine) {
  const {stretches, transfers, links, memory} = machine.course;
  const rows = (lane, spans, nameOf) => spans.map(([what, begin, end]) => ({lane, name: nameOf(what), begin, end}));
  return [...rows(lanes[0], stretches, (what) => (what > 0 && what <= machine.sections.length ? machine.sections[what - 1].name : stretchName(machine, what))),
    ...rows('transfers', transfers, (what) => machine.steps[what].name), ...rows(lanes[1], memory, () => 'streaming memory'), ...rows(lanes[4], links, () => 'other chips')]
    .sort((a, b) => a.begin - b.begin);
}

function hiddenShare(machine) {
  const moved = machine.course.transfers.reduce((all, [, begin, end]) => all + end - begin, 0);
  return {moved, hidden: Math.max(0, moved - machine.cycles.memory)};
}

// --- one compute set -----------------------------------------------------------------------------
const computeSteps = (machine) => machine.steps.filter((step) => step.kind === 'compute');

function stepNow() {
  const machine = machineNow();
  if (!machine) return null;
  const chosen = state.step === null ? null : machine.steps[state.step];
  if (chosen && chosen.kind === 'compute') return chosen;
  return computeSteps(machine).reduce((best, step) => (best === null || step.cycles > best.cycles ? step : best), null);
}

function workerChart() {
  const step = stepNow();
  if (!step) return null;
  const machine = machineNow();
  const available = step.middle_cycles / machine.contexts;
  const slots = step.tile.worker_slots;
  return {
    type: 'bar',
    data: {labels: slots.map((value, i) => 'worker ' + i),
      datasets: [bars('issue slots used', slots, 0), bars('not used', slots.map((used) => Math.max(0, available - used)), 6, {backgroundColor: surface('grid'), legendColour: surface('line')})]},
    options: baseOptions({
      interaction: {mode: 'index', axis: 'x', intersect: false},
      scales: stackedAxes(scale('category', `workers of tile ${step.tile.slowest}`), scale('linear', 'issue slots in this set', format.rate)),
      plugins: {tooltip: {callbacks: {label: (item) => `${item.dataset.label}: ${format.count(item.raw)} of ${format.count(available)} slots (${percentOf(item.raw, available)})`}}},
    }),
  };
}

function line(label, values, at, more) {
  return {label, data: values, borderColor: colour(at), backgroundColor: faded(colour(at), 0.16), borderWidth: 2, pointRadius: 2.5,
    pointStyle: markers[at % markers.length], borderDash: dashes[at % dashes.length], group: label, ...more};
}

function balanceChart() {
  const step = stepNow();
  if (!step) return null;
  const machine = machineNow();
  const quantiles = step.tile.quantiles;
  const at = quantiles.map((value, i) => (100 * i) / (quantiles.length - 1));
  return {
    type: 'line',
    data: {datasets: [
      line('busy cycles of a tile', quantiles.map((value, i) => ({x: at[i], y: value})), 0, {fill: true, stepped: false}),
      line('mean over all tiles', [{x: 0, y: step.tile.mean_cycles}, {x: 100, y: step.tile.mean_cycles}], 1, {pointRadius: 0}),
    ]},
    options: baseOptions({
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      scales: {x: scale('linear', `share of the ${format.whole(machine.tiles)} tiles that take no longer`, (value) => value + NBSP + '%', {min: 0, max: 100}),
        y: scale('linear', 'cycles in this set', format.rate, {beginAtZero: true})},
      plugins: {tooltip: {callbacks: {title: (items) => (items.length ? `${items[0].parsed.x}${NBSP}% of the tiles` : ''),
        label: (item) => `${item.dataset.label}: ${cyclesText(Math.round(item.raw.y))}`}}},
    }),
  };
}

function occupancyChart() {
  const machine = machineNow();
  if (!machine) return null;
  const steps = computeSteps(machine);
  return {
    type: 'bar',
    data: {labels: steps.map((step) => step.name), datasets: [
      bars('slowest tile', steps.map((step) => step.tile.slowest_occupancy), 0),
      bars('mean over all tiles', steps.map((step) => step.tile.mean_occupancy), 1)]},
    options: baseOptions({
      interaction: {mode: 'index', axis: 'x', intersect: false},
      onClick: (event, elements) => { if (elements.length > 0) chooseStep(machine.steps.indexOf(steps[elements[0].index])); },
      scales: {x: scale('category', 'compute sets, in program order', null, {grid: {display: false}, ticks: {maxRotation: 90, font: {size: 10}}}),
        y: scale('linear', 'issue slots used / available', (value) => format.percent(value), {min: 0, max: 1})},
      plugins: {tooltip: {callbacks: {label: (item) => `${item.dataset.label}: ${format.percent(item.raw)}`,
        footer: (items) => (items.length ? `the set takes ${cyclesText(steps[items[0].dataIndex].middle_cycles)}` : '')}}},
    }),
  };
}

// --- every tile ----------------------------------------------------------------------------------
const tileValues = {busy: 'computing', port: 'moving words', wait: 'waiting'};

function tileRows(machine) {
  const {total, sync} = machine.cycles;
  return machine.busy.map((busy, tile) => ({tile, busy, port: machine.port[tile], sync, total, wait: total - busy - machine.port[tile] - sync}));
}

// Shape of the map: about twice as wide as high on a desk, as high as wide on a phone.
function mapColumns(count) {
  const shape = isNarrow() ? 1 : 2.4;
  return Math.max(1, Math.ceil(Math.sqrt(count * shape)));
}

function tileChart() {
  const machine = machineNow();
  if (!machine) return null;
  const rows = tileRows(machine);
  const columns = mapColumns(rows.length);
  const lines = Math.ceil(rows.length / columns);
  const values = rows.map((row) => row[state.tileValue]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const fraction = (value) => (high > low ? (value - low) / (high - low) : 1);
  const radius = (context) => {
    const area = context.chart.chartArea;
    if (!area) return 3;
    return {x: area.width / columns, y: area.height / lines};
  };
  const radiusOf = (context) => { const cell = radius(context); return cell.x ? Math.max(1.2, Math.min(cell.x, cell.y) * 0.64) : 3; };
  return {
    type: 'scatter',
    data: {datasets: [{
      label: '', group: 'tiles', pointStyle: 'rect', showLine: false, // no legend: the ramp above says what colours mean
      data: rows.map((row) => ({x: row.tile % columns, y: Math.floor(row.tile / columns), row})),
      backgroundColor: values.map((value) => heat(fraction(value))), borderWidth: 0, radius: radiusOf, hoverRadius: radiusOf, hoverBorderWidth: 2,
      hoverBorderColor: surface('text'),
    }]},
    options: baseOptions({
      interaction: {mode: 'nearest', axis: 'xy', intersect: false},
      scales: {x: scale('linear', 'place in the row', (value) => (value === Math.floor(value) ? '+' + value : ''), {min: -0.5, max: columns - 0.5, grid: {display: false}, ticks: {stepSize: Math.max(1, Math.round(columns / 8))}}),
        y: scale('linear', 'first tile of the row', (value) => (value === Math.floor(value) && value < lines ? format.whole(value * columns) : ''), {min: -0.5, max: lines - 0.5, reverse: true, grid: {display: false}, ticks: {stepSize: Math.max(1, Math.round(lines / 6))}})},
      plugins: {tooltip: {callbacks: {
        title: (items) => (items.length ? 'tile ' + items[0].raw.row.tile : ''),
        label: (item) => {
          const row = item.raw.row;
          return ['busy', 'port', 'wait'].map((key) => `${tileValues[key]}: ${cyclesText(row[key])} (${percentOf(row[key], row.total)})`)
            .concat([`sync: ${cyclesText(row.sync)} (${percentOf(row.sync, row.total)})`, `total: ${cyclesText(row.total)}`]);
        },
      }}},
    }),
  };
}

function sortedChart() {
  const machine = machineNow();
  if (!machine) return null;
  const total = machine.cycles.total;
  const order = tileRows(machine).sort((a, b) => b.busy - a.busy);
  const part = (key, label, at) => ({...line(label, order.map((row, i) => ({x: i, y: row[key] / total})), at),
    fill: at === 0 ? 'origin' : '-1', pointRadius: 0, backgroundColor: faded(colour(at), 0.55), borderWidth: 1, borderDash: [], isFill: true, legendColour: colour(at)});
  return {
    type: 'line',
    data: {datasets: [part('busy', 'computing', 0), part('port', 'moving words', 1), part('sync', 'sync', 2), part('wait', 'waiting', 6)]},
    options: baseOptions({
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      scales: {x: scale('linear', 'tiles, the busiest first', format.whole, {min: 0, max: Math.max(1, order.length - 1)}),
        y: scale('linear', 'share of the training step', (value) => format.percent(value), {min: 0, max: 1, stacked: true})},
      plugins: {tooltip: {callbacks: {title: (items) => (items.length ? `tile ${order[items[0].dataIndex].tile}, place ${items[0].dataIndex + 1}` : ''),
        label: (item) => `${item.dataset.label}: ${format.percent(item.raw.y)} (${cyclesText(Math.round(item.raw.y * total))})`}}},
    }),
  };
}

// --- SRAM ----------------------------------------------------------------------------------------
const roleText = (role) => role.replaceAll('_', ' ');

function memoryChart() {
  const machine = machineNow();
  const memory = machine && machine.memories[state.memory];
  if (!memory) return null;
  const steps = machine.steps;
  const sum = (step) => memory.by_role.reduce((all, row) => all + row[step], 0);
  const sets = machine.roles.map((role, i) => ({label: roleText(role), data: memory.by_role[i], stepped: 'middle', fill: true, pointRadius: 0, borderWidth: 1,
    borderColor: colour(i), backgroundColor: fillOf(i), legendColour: colour(i), isFill: true, group: role, stack: 'live'}))
    .filter((set) => set.data.some((value) => value > 0));
  if (sets.length > palettes.light.length) { // the palette has begun anew
    const last = sets[sets.length - 1];
    Object.assign(last, {backgroundColor: surface('text'), borderColor: surface('text'), legendColour: surface('text')});
  }
  const limit = {label: 'SRAM of a tile', data: steps.map(() => machine.sram_limit), borderColor: surface('bad'), borderDash: [6, 4], borderWidth: 2,
    pointRadius: 0, fill: false, group: 'limit', stack: 'limit', pointStyle: 'line'};
  return {
    type: 'line',
    data: {labels: steps.map(stepLabel), datasets: [...sets, limit]},
    options: baseOptions({
      interaction: {mode: 'index', axis: 'x', intersect: false},
      scales: {x: scale('category', 'program, in order', null, {grid: {display: false}, ticks: {maxRotation: 90, font: {size: 10}}}),
        y: scale('linear', 'bytes that are live', format.bytes, {stacked: true, beginAtZero: true, ticks: {stepSize: binaryStep(machine.sram_limit)}})},
      plugins: {tooltip: {filter: (item) => item.raw > 0, callbacks: {label: (item) => `${item.dataset.label}: ${format.bytes(item.raw)} (${format.whole(item.raw)} B)`,
        footer: (items) => (items.length ? 'live together: ' + format.bytes(sum(items[0].dataIndex)) : '')}}},
    }),
  };
}

// A power of two that gives an axis up to `bytes` five to ten ticks.
function binaryStep(bytes) {
  return 2 ** Math.ceil(Math.log2(bytes / 10));
}

// A step of the program as a place on the axis of the steps that take time.
function placeOf(machine, programStep) {
  const at = machine.steps.findIndex((step) => step.program_step >= programStep);
  return at < 0 ? machine.steps.length - 1 : at;
}

function lifetimeOf(machine, variable) {
  const isAlways = variable.first === null;
  const first = isAlways ? 0 : placeOf(machine, variable.first);
  let last = isAlways ? machine.steps.length - 1 : placeOf(machine, variable.last + 1) - (placeOf(machine, variable.last + 1) > first ? 1 : 0);
  if (!isAlways && variable.last >= machine.steps[machine.steps.length - 1].program_step) last = machine.steps.length - 1;
  return {isAlways, first, last: Math.max(first, last)};
}

function lifetimeChart() {
  const machine = machineNow();
  const memory = machine && machine.memories[state.memory];
  if (!memory || memory.variables.length === 0) return null;
  const rows = memory.variables.map((variable) => ({...variable, ...lifetimeOf(machine, variable)}));
  const present = machine.roles.map((role, i) => [role, i]).filter(([role]) => rows.some((row) => row.role === role));
  return {
    type: 'bar',
    data: {labels: rows.map((row) => row.name), datasets: present.map(([role, i]) =>
      bars(roleText(role), rows.map((row) => (row.role === role ? [row.first, row.last + 1] : null)), i, {grouped: false, minBarLength: 3, barPercentage: 0.8}))},
    options: baseOptions({
      indexAxis: 'y', interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: {x: scale('linear', 'place in the program: steps that take time', format.whole, {min: 0, max: machine.steps.length}),
        y: scale('category', '', null, {ticks: {autoSkip: false, font: {size: 11}, callback: shortLabel}})},
      plugins: {tooltip: {filter: (item) => item.raw !== null, callbacks: {
        label: (item) => `${item.dataset.label}: ${format.bytes(rows[item.dataIndex].bytes)} (${format.whole(rows[item.dataIndex].bytes)} B)`,
        footer: (items) => {
          if (items.length === 0) return '';
          const row = rows[items[0].dataIndex];
          return row.isAlways ? 'live always' : wrapped(`live from ${stepLabel(machine.steps[row.first])} to ${stepLabel(machine.steps[row.last])}`, 56);
        }}}},
    }),
  };
}

// --- GPU -----------------------------------------------------------------------------------------
const gpuNow = () => gpus[state.gpu];

function boundOf(kernel) {
  return data.bounds[kernel.parts.indexOf(Math.max(...kernel.parts))];
}

// What is no kernel: the framework's loop, grid syncs, the host.
function gpuRows(gpu) {
  const others = [['framework loop', gpu.loop_seconds], ['grid syncs', gpu.sync_seconds], ['waiting for the host', gpu.host_seconds]];
  return [...gpu.kernels.map((kernel) => ({...kernel, bound: boundNames[boundOf(kernel)]})),
    ...others.filter(([, seconds]) => seconds > 0).map(([name, seconds]) =>
      ({name, phase: 'outside', layer: 0, launches: null, seconds, gap_seconds: null, parts: [0, 0, 0, 0], bound: 'no kernel', isOther: true}))];
}

function kernelLabel(row) {
  return row.name + (row.layer > 0 ? `, layer ${row.layer}` : '');
}

function gpuChart() {
  const gpu = gpuNow();
  if (!gpu) return null;
  const rows = gpuRows(gpu);
  const sets = data.bounds.map((bound, i) => bars(boundNames[bound], rows.map((row) => row.parts[i] * row.seconds), i));
  if (rows.some((row) => row.isOther)) sets.push(bars('no kernel', rows.map((row) => (row.isOther ? row.seconds : 0)), 6));
  return {
    type: 'bar',
    data: {labels: rows.map(kernelLabel), datasets: sets},
    options: baseOptions({
      indexAxis: 'y', interaction: {mode: 'index', axis: 'y', intersect: false},
      scales: stackedAxes(scale('linear', isNarrow() ? 'seconds per training step' : 'seconds per training step, by what bounds them', format.seconds),
        scale('category', '', null, {ticks: {autoSkip: rows.length > 60, font: {size: 11}, callback: shortLabel}})),
      plugins: {tooltip: {filter: (item) => Math.abs(item.raw) > 0, callbacks: {
        label: (item) => `${item.dataset.label}: ${format.seconds(item.raw)} (${percentOf(item.raw, rows[item.dataIndex].seconds)})`,
        footer: (items) => {
          if (items.length === 0) return '';
          const row = rows[items[0].dataIndex];
          return [`${row.phase}: ${format.seconds(row.seconds)}, ${percentOf(row.seconds, gpu.step_seconds)} of the step`,
            row.launches === null ? '' : `${format.whole(row.launches)} launches, ${format.seconds(row.seconds / row.launches)} each`].filter(Boolean);
        }}}},
    }),
  };
}
