// The anatomy of one training step: cards in the order of the questions that it answers.

let redraw = [];
const refreshAll = () => redraw.forEach((draw) => draw());

function chooseStep(step) {
  state.step = step;
  refreshAll();
}

// --- head ----------------------------------------------------------------------------------------
function summaryLines() {
  const strong = (text) => el('strong', {}, text);
  const lines = machines.map((machine) => {
    const {total, compute, exchange, sync, host, links, memory} = machine.cycles;
    const longest = machine.steps.reduce((best, step) => (step.cycles > best.cycles ? step : best));
    const busy = machine.busy.reduce((all, value) => all + value, 0) / machine.tiles;
    const samples = machine.has_own_samples ? 'each replays samples of its own' : 'its samples stand for those of all';
    const shown = machine.replicas > 1 ? ` (shown is the first of ${format.whole(machine.replicas)} replicas; ${samples})` : '';
    return el('li', {}, strong(machine.name), shown, ` takes ${format.seconds(total / machine.clock_hz)} (${cyclesText(total)}): ` +
      `${percentOf(compute, total)} compute, ${percentOf(exchange, total)} exchange, ${percentOf(sync, total)} sync, ${percentOf(host, total)} waiting for the host` +
      `${machine.chips * machine.replicas > 1 ? `, ${percentOf(links, total)} for other chips` : ''}${machine.course.transfers.length > 0 ? `, ${percentOf(memory, total)} for streaming memory` : ''}. ` +
      `The longest ${longest.kind === 'compute' ? 'compute set' : 'part'} is ${longest.name} with ${percentOf(longest.cycles, total)}; ` +
      `on average a tile computes during ${percentOf(busy, total)} of the step.`);
  });
  const fastest = gpus.reduce((best, gpu) => (best === null || gpu.step_seconds < best.step_seconds ? gpu : best), null);
  if (fastest) {
    const kernel = gpuRows(fastest).reduce((best, row) => (row.seconds > best.seconds ? row : best));
    lines.push(el('li', {}, strong(fastest.name), ` is the fastest of the GPU's programs with ${format.seconds(fastest.step_seconds)}; ` +
      `its longest kernel is ${kernelLabel(kernel)} (${percentOf(kernel.seconds, fastest.step_seconds)}, bound by ${kernel.bound}).`));
  }
  data.entries.filter((entry) => !entry.fits).forEach((entry) =>
    lines.push(el('li', {class: 'bad'}, strong(entry.name), ` does not fit: ${entry.why}`)));
  return lines;
}

function addHead() {
  root.append(el('header', {class: 'top'}, el('h1', {}, `${data.experiment}: anatomy of a training step`),
    el('p', {class: 'facts'}, `batch ${format.whole(data.batch)}, ${format.whole(data.time_steps)} time steps, first recorded training step, seed ${data.seed}; ` +
      `tilesim ${data.version}, git ${data.git}. All times are modelled, none is measured here.`), themeButton()),
    el('ul', {class: 'summary'}, summaryLines()));
}

function addBar() {
  const fields = [];
  if (machines.length > 0) {
    fields.push(select('tile machine', machines.map((machine, i) => [i, machine.name]), state.machine, (value) => {
      Object.assign(state, {machine: Number(value), step: null, memory: 0});
      refreshAll();
    }));
  }
  if (gpus.length > 0) {
    fields.push(select('GPU program', gpus.map((gpu, i) => [i, gpu.name]), state.gpu, (value) => { state.gpu = Number(value); refreshAll(); }));
  }
  root.append(el('nav', {class: 'bar', 'aria-label': 'which machine'}, fields));
}

// A card with controls, one chart and the table behind it; controls() is made anew at every change.
function addChartCard(parent, {id, title, lead, label, make, controls, table, ...more}) {
  const card = addCard(parent, {id, title, lead, ...more});
  const place = el('div', {class: 'controls'});
  if (controls) card.append(place);
  const plot = addPlot(card, {label, make, isTall: more.isTall, keepsLegend: more.keepsLegend});
  const note = el('p', {class: 'lead'});
  if (more.note) card.append(note);
  const fold = table ? addFoldedTable(card, 'table: ' + title, table) : null;
  const refresh = () => {
    if (controls) place.replaceChildren(...controls());
    if (more.note) note.textContent = more.note();
    if (fold) fold.refresh();
  };
  refresh();
  redraw.push(() => { refresh(); drawCharts([plot]); });
  return card;
}

// --- cards ---------------------------------------------------------------------------------------
const number = (label, unit, formatter, value) => ({label, unit, kind: 'number', format: formatter, value});
const text = (label, value, more) => ({label, kind: 'text', value, ...more});

function addTimes(cards) {
  addChartCard(cards, {
    id: 'times', title: 'Where the time of a training step goes', label: 'Seconds per training step of every machine, by part', make: timeChart,
    lead: 'Every machine of the run; the GPU under each of its programs. Parts add up to the step.',
    table: () => ({caption: 'Seconds per training step by part', name: 'times', rows: timeRows(), columns: [text('machine', (row) => row.name),
      ...timeParts.map((part, i) => number(part, 's', format.seconds, (row) => row.parts[i])), number('sum', 's', format.seconds, (row) => row.total)]}),
  });
}

function stepColumns(machine) {
  const tile = (step) => step.tile || {};
  const whole = format.whole;
  return [
    text('step', stepLabel), number('place', '', whole, (step) => step.program_step), text('kind', (step) => kindNames[step.kind]),
    text('where', (step) => phaseOf(machine, step)), number('times', 'per training step', whole, (step) => step.times),
    number('sum', 'cycles', whole, (step) => step.cycles), number('share', 'of the step', format.percent, (step) => step.cycles / machine.cycles.total),
    number('syncs', 'cycles', whole, (step) => step.sync_cycles), number('first', 'cycles', whole, (step) => step.first_cycles),
    number('middle', 'cycles', whole, (step) => step.middle_cycles), number('least', 'cycles', whole, (step) => step.least_cycles),
    number('most', 'cycles', whole, (step) => step.most_cycles),
    number('slowest tile', 'number', whole, (step) => (step.port ? step.port.busiest : tile(step).slowest)),
    number('tiles', 'with a vertex', whole, (step) => tile(step).tiles),
    number('mean / max', 'busy cycles', format.percent, (step) => (step.tile && step.middle_cycles > 0 ? step.tile.mean_cycles / step.middle_cycles : null)),
    number('occupancy', 'slowest tile', format.percent, (step) => tile(step).slowest_occupancy),
    number('occupancy', 'mean of tiles', format.percent, (step) => tile(step).mean_occupancy),
    text('why', (step) => whyOf(machine, step), {wraps: true}),
  ];
}

function addSteps(cards) {
  addChartCard(cards, {
    id: 'steps', title: 'Compute sets and exchanges, in program order', isTall: true, keepsLegend: true,
    label: 'Cycles of every compute set and exchange in program order', make: stepChart,
    lead: 'What one bar takes is what its slowest tile, or its busiest port, takes. Point at a bar for the reason; a click on a compute set opens it below.',
    controls: () => [select('cycles of', [['sum', 'the whole training step'], ['middle', 'one execution, in the middle, by cause'], ['first', 'the first execution']],
      state.span, (value) => { state.span = value; refreshAll(); })],
    note: () => {
      const machine = machineNow();
      const loops = machine ? machine.loops.map((loop) => `${loop.stride < 0 ? 'backward' : 'forward'} loop of ${loop.count} time steps`) : [];
      return `${loops.length ? 'The program has a ' + loops.join(' and a ') + '; a step in a loop is executed once in each. ' : ''}` +
        'The middle execution is the one with number n / 2 of n. Activity is what is left when the same tile is asked without any spike.';
    },
    table: () => ({caption: 'Every step of the program that takes time', name: 'steps', rows: machineNow().steps, columns: stepColumns(machineNow()),
      pageRows: 60, hasFilter: true}),
  });
}

function addSections(cards) {
  addChartCard(cards, {
    id: 'sections', title: 'Sections, and how often the plan calls them', label: 'Cycles of every section of the program', make: sectionChart, keepsLegend: true,
    lead: 'With checkpoints the program has a section for each thing that is done more than once; its main part calls them as the plan says.',
    note: () => (machineNow().sections.length > 0 ? '' : `${machineNow().name} has no sections: its program runs from the first step to the last.`),
    table: () => ({caption: 'Sections', name: 'sections', rows: machineNow().sections, columns: [text('section', (row) => row.name), number('runs', 'per training step', format.whole, (row) => row.times),
      number('each', 'cycles', format.whole, (row) => row.cycles / Math.max(1, row.times)), number('sum', 'cycles', format.whole, (row) => row.cycles),
      number('share', 'of the step', format.percent, (row) => row.cycles / machineNow().cycles.total)]}),
  });
  const card = document.getElementById('sections');
  const fold = addFoldedTable(card, 'table: the plan as calls', () => ({caption: 'Calls of the main part, loops around them drawn together', name: 'calls', rows: callRows(machineNow()), columns: [
    text('call', (row) => row.name), number('times', '', format.whole, (row) => row.count), text('time steps', (row) => row.steps)]}));
  redraw.push(() => fold.refresh());
}

function addCourse(cards) {
  addChartCard(cards, {
    id: 'course', title: 'The course of the training step: what overlaps what', label: 'What the chips do and which transfers run, over time', make: courseChart, keepsLegend: true,
    lead: 'Above what the chips run, below the transfers of the first chip. A transfer with nothing in the line of waits hides behind the computation.',
    note: () => {
      const {moved, hidden} = hiddenShare(machineNow());
      return moved > 0 ? `Transfers take ${cyclesText(moved)}; ${percentOf(hidden, moved)} of that hides, ${cyclesText(machineNow().cycles.memory)} are waited for. What is too short for the screen is drawn together.` : '';
    },
    table: () => ({caption: 'What runs, is waited for and is moved, by time', name: 'course', rows: courseRows(machineNow()), pageRows: 40, hasFilter: true, columns: [
      text('line', (row) => row.lane), text('what', (row) => row.name), number('begins', 'cycle', format.whole, (row) => row.begin),
      number('takes', 'cycles', format.whole, (row) => row.end - row.begin)]}),
  });
}

function addSet(cards) {
  const options = () => computeSteps(machineNow()).map((step) => [machineNow().steps.indexOf(step), `${step.program_step}: ${step.name}`]);
  const chosen = () => machineNow().steps.indexOf(stepNow());
  addChartCard(cards, {
    id: 'workers', isHalf: true, title: 'A compute set: workers of its slowest tile', label: 'Issue slots used by each worker of the slowest tile', make: workerChart,
    controls: () => [select('compute set', options(), chosen(), (value) => chooseStep(Number(value)))],
    note: () => `${stepNow().name}, execution in the middle (time step ${stepNow().middle_time_step}): ${whyOf(machineNow(), stepNow())}. A worker may issue once every ${machineNow().contexts} cycles.`,
    table: () => ({caption: `Vertices of ${stepNow().name} on tile ${stepNow().tile.slowest}`, name: 'vertices', rows: stepNow().tile.work, columns: [
      text('codelet', (row) => row.codelet), number('vertices', '', format.whole, (row) => row.vertices), number('count', 'ids', format.whole, (row) => row.count),
      number('hits', 'ids', format.whole, (row) => row.hits), number('issue slots', 'all workers', format.count, (row) => row.slots)]}),
  });
  addChartCard(cards, {
    id: 'balance', isHalf: true, title: 'The same set: balance of the tiles', label: 'Busy cycles over the tiles, sorted', make: balanceChart,
    controls: () => [select('compute set', options(), chosen(), (value) => chooseStep(Number(value)))],
    note: () => `Mean / max: ${percentOf(stepNow().tile.mean_cycles, stepNow().middle_cycles)}; ${format.whole(stepNow().tile.tiles)} of ${format.whole(machineNow().tiles)} tiles have a vertex. What lies above the line is waited for.`,
    table: () => ({caption: `Busy cycles in ${stepNow().name}`, name: 'balance', rows: stepNow().tile.quantiles.map((cycles, i) => ({i, cycles})), columns: [
      number('share of tiles', '%', format.whole, (row) => (100 * row.i) / (stepNow().tile.quantiles.length - 1)),
      number('take no longer than', 'cycles', format.whole, (row) => row.cycles)]}),
  });
}

function addOccupancy(cards) {
  addChartCard(cards, {
    id: 'occupancy', title: 'Workers’ occupancy', label: 'Share of issue slots used in every compute set', make: occupancyChart, keepsLegend: true,
    lead: 'Issue slots used over those that the set lasts. A tile issues at most one slot a cycle, for one of its workers in turn; supervisor and launch use none.',
    table: () => ({caption: 'Occupancy of every compute set', name: 'occupancy', rows: computeSteps(machineNow()), columns: [
      text('compute set', (step) => step.name), number('cycles', 'in the middle', format.whole, (step) => step.middle_cycles),
      number('slowest tile', '', format.percent, (step) => step.tile.slowest_occupancy), number('mean of tiles', '', format.percent, (step) => step.tile.mean_occupancy)]}),
  });
}

function heatLegend(machine) {
  const values = tileRows(machine).map((row) => row[state.tileValue]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const stops = [0, 0.25, 0.5, 0.75, 1].map((at) => heat(at)).join(', ');
  return el('span', {style: 'display: inline-flex; gap: .5rem; align-items: center; font-size: .88rem'}, el('span', {}, `${format.whole(low)} (${percentOf(low, machine.cycles.total)})`),
    el('span', {style: `background: linear-gradient(to right, ${stops}); width: 8rem; height: .9rem; border-radius: 3px`, 'aria-hidden': 'true'}),
    el('span', {}, `${format.whole(high)} cycles (${percentOf(high, machine.cycles.total)})`));
}

// Of a long sequence not every execution was looked at tile by tile.
function looksText(machine) {
  const thinned = computeSteps(machine).filter((step) => step.times > machine.looks_all && step.least_cycles < step.most_cycles).length;
  return thinned === 0 ? '' : ` ${thinned} compute sets run more than ${machine.looks_all} times: tile by tile at most ${machine.looks_of_more} evenly chosen executions of each were looked at, and cycles of the others are dealt to tiles in the same proportions. Cycles of steps are exact.`;
}

function addTiles(cards) {
  addChartCard(cards, {
    id: 'tiles', title: 'Every tile over the training step', isTall: true, label: 'Map of the tiles by number, coloured by cycles', make: tileChart,
    lead: 'Computing + moving words over its busier port + sync + waiting = the training step, for every tile. Tiles stand by number, row by row.',
    controls: () => [select('colour shows cycles', Object.entries(tileValues), state.tileValue, (value) => { state.tileValue = value; refreshAll(); }), heatLegend(machineNow())],
    note: () => `Busiest tile: ${machineNow().slowest}; the tile in the middle: ${machineNow().median}.${looksText(machineNow())}`,
    table: () => ({caption: 'Cycles of every tile in a training step', name: 'tiles', rows: tileRows(machineNow()), pageRows: 40, columns: [
      number('tile', 'number', format.whole, (row) => row.tile), number('computing', 'cycles', format.whole, (row) => row.busy),
      number('moving words', 'cycles', format.whole, (row) => row.port), number('sync', 'cycles', format.whole, (row) => row.sync),
      number('waiting', 'cycles', format.whole, (row) => row.wait), number('total', 'cycles', format.whole, (row) => row.total),
      number('computing', 'share', format.percent, (row) => row.busy / row.total)]}),
  });
  addChartCard(cards, {
    id: 'sorted', title: 'Tile balance over the training step', label: 'Shares of the training step for every tile, the busiest first', make: sortedChart, keepsLegend: true,
    lead: 'The tiles of the map, sorted by the cycles that they compute.',
  });
}

function addMemory(cards) {
  const tiles = () => machineNow().memories.map((memory, i) => [i, `${memory.what}: ${memory.tile}`]);
  const chooser = () => [select('tile', tiles(), state.memory, (value) => { state.memory = Number(value); refreshAll(); })];
  const now = () => machineNow().memories[state.memory];
  addChartCard(cards, {
    id: 'memory', title: 'SRAM over the program', label: 'Bytes live at every step of the program on one tile, by role', make: memoryChart, controls: chooser, keepsLegend: true, isTall: true,
    lead: 'Bytes of all variables, vertex states, code and stacks that are live while a step runs. What is not live at the same time shares addresses.',
    table: () => ({caption: `Live bytes on tile ${now().tile}`, name: 'sram', rows: machineNow().steps.map((step, i) => ({step, i})), columns: [
      text('step', (row) => stepLabel(row.step)), number('sum', 'B', format.whole, (row) => now().by_role.reduce((all, values) => all + values[row.i], 0)),
      ...machineNow().roles.map((role, j) => number(roleText(role), 'B', format.whole, (row) => now().by_role[j][row.i]))]}),
  });
  addChartCard(cards, {
    id: 'lifetimes', title: 'The largest variables and when they live', label: 'Lifetimes of the largest variables over the program', make: lifetimeChart, controls: chooser, keepsLegend: true, isTall: true,
    table: () => ({caption: `Largest variables on tile ${now().tile}`, name: 'variables', rows: now().variables, columns: [
      text('variable', (row) => row.name, {wraps: true}), text('role', (row) => roleText(row.role)), number('bytes', 'B', format.whole, (row) => row.bytes),
      text('from', (row) => (row.first === null ? 'always' : stepLabel(machineNow().steps[lifetimeOf(machineNow(), row).first]))),
      text('to', (row) => (row.first === null ? 'always' : stepLabel(machineNow().steps[lifetimeOf(machineNow(), row).last])))]}),
  });
}

function addGpu(cards) {
  addChartCard(cards, {
    id: 'gpu', title: 'The same graph on the GPU, kernel by kernel', label: 'Seconds of every kernel by what bounds them', make: gpuChart, keepsLegend: true, isTall: true,
    lead: 'How much of a kernel’s time would shrink with shorter launches and latencies, more arithmetic, a wider L2 or a wider memory: each asked of the model by making it a little slower. The four add up to the kernel.',
    controls: () => [select('program', gpus.map((gpu, i) => [i, gpu.name]), state.gpu, (value) => { state.gpu = Number(value); refreshAll(); })],
    note: () => `${gpuNow().name}: ${gpuNow().description}. ${format.seconds(gpuNow().step_seconds)} per training step.`,
    table: () => ({caption: `Kernels of ${gpuNow().name} in a training step`, name: 'kernels', rows: gpuRows(gpuNow()), columns: [
      text('kernel', (row) => row.name), number('layer', '', format.whole, (row) => row.layer || null), text('phase', (row) => row.phase),
      number('launches', 'per step', format.whole, (row) => row.launches), number('each', 's', format.seconds, (row) => (row.launches ? row.seconds / row.launches : null)),
      number('sum', 's', format.seconds, (row) => row.seconds), number('of it gaps', 's', format.seconds, (row) => row.gap_seconds),
      number('share', 'of the step', format.percent, (row) => row.seconds / gpuNow().step_seconds), text('bound by', (row) => row.bound),
      ...data.bounds.map((bound, i) => number(boundNames[bound], 'of its time', format.percent, (row) => (row.isOther ? null : row.parts[i])))]}),
  });
}

function addBasis(cards) {
  const card = addCard(cards, {id: 'basis', title: 'What the figures rest on', isLong: true});
  card.append(el('p', {class: 'lead'}, 'Cycles are those of the folded timing run of one recorded training step; every superstep was taken apart tile by tile and agrees with it to the cycle. ' +
    'Error bands are those of the validation against published measurements; a GPU’s and a chip’s times are modelled alike.'));
  card.append(makeTable({caption: 'Machines of the run', name: 'machines', rows: data.entries, columns: [text('machine', (row) => row.name),
    number('training step', 's, mean of the recorded ones', format.seconds, (row) => row.step_seconds),
    number('error band', '±', format.percent, (row) => row.error_band), text('remark', (row) => row.why, {wraps: true})]}));
  if (data.config) card.append(el('details', {}, el('summary', {}, 'resolved configuration'), makeTree(data.config)));
}

addHead();
addBar();
const cards = el('main', {class: 'cards'});
root.append(cards);
addTimes(cards);
if (machines.length > 0) {
  if (hasSections()) addSections(cards);
  if (hasCourse()) addCourse(cards);
  addSteps(cards);
  addSet(cards);
  addOccupancy(cards);
  addTiles(cards);
  addMemory(cards);
}
if (gpus.length > 0) addGpu(cards);
addBasis(cards);
drawCharts();
