// Pictures of figures. Each is drawn for the width it has, and each has a table beside it that says the same.
import { h, s, table, fold } from '/assets/dom.js';
import { t, has, number, power, energy, percent, parts, moment } from '/assets/i18n.js';

const text = (x) => (x instanceof Node ? x.textContent : x);
const label = (role) => (has(role) ? t(role) : role);

// Steps of 1, 2 or 5 that cut `span` into at most `most` pieces.
function step(span, most) {
	const raw = span / most, ten = 10 ** Math.floor(Math.log10(raw));
	return ten * (raw <= ten ? 1 : raw <= 2 * ten ? 2 : raw <= 5 * ten ? 5 : 10);
}

// ---- the last day by quarter-hour: mean power of the IT and of all else, and their ratio ----

function axis(g, x0, x1, ticks) {
	for (const k of ticks)
		g.append(s('line', { class: 'grid', x1: x0, x2: x1, y1: k.y, y2: k.y }), s('text', { class: 'tick', x: x0 - 6, y: k.y + 4, 'text-anchor': 'end' }, k.text));
}

function hours(g, list, x, y, width) {
	const every = width < 560 ? 6 : 3;
	list.forEach((q, i) => {
		const p = parts(q.from);
		if (p.minute === 0 && p.hour % every === 0)
			g.append(s('line', { class: 'tickmark', x1: x(i), x2: x(i), y1: y, y2: y + 5 }), s('text', { class: 'tick', x: x(i), y: y + 18, 'text-anchor': 'middle' }, p.time));
	});
}

function energyPanel(g, list, box) {
	const mean = (mwh) => mwh * 4 / 1e6; // kW over a quarter of an hour
	const top = Math.max(...list.map((q) => mean(q.total_mwh)), 1), tick = step(top, 4), most = Math.ceil(top / tick) * tick;
	const y = (kw) => box.y + box.height * (1 - kw / most);
	const ticks = [];
	for (let v = 0; v <= most + tick / 2; v += tick) ticks.push({ y: y(v), text: number(v) });
	axis(g, box.x, box.x + box.width, ticks);
	list.forEach((q, i) => {
		const x = box.cell(i), w = Math.max(box.step - 1, 1);
		if (!q.known) {
			g.append(s('rect', { class: 'gap', x, y: box.y, width: box.step, height: box.height }));
			return;
		}
		const it = y(mean(q.it_mwh)), all = y(mean(q.total_mwh));
		g.append(s('rect', { class: 'fill-it', x, y: it, width: w, height: y(0) - it }), s('rect', { class: 'fill-rest', x, y: all, width: w, height: Math.max(it - all, 0) }));
	});
}

function ratioPanel(g, list, box) {
	const known = list.filter((q) => q.ratio_ppm !== null).map((q) => q.ratio_ppm / 1e6);
	if (!known.length) return;
	const low = Math.floor(Math.min(...known) * 50 - 0.2) / 50, high = Math.ceil(Math.max(...known) * 50 + 0.2) / 50, tick = step(high - low, 3);
	const y = (r) => box.y + box.height * (1 - (r - low) / (high - low));
	const ticks = [];
	for (let v = Math.ceil(low / tick - 1e-9) * tick; v <= high + 1e-9; v += tick) ticks.push({ y: y(v), text: number(v, 2) });
	axis(g, box.x, box.x + box.width, ticks);
	let path = '', pen = 'M';
	list.forEach((q, i) => {
		if (q.ratio_ppm === null) {
			g.append(s('rect', { class: 'gap', x: box.cell(i), y: box.y, width: box.step, height: box.height }));
			pen = 'M';
			return;
		}
		path += `${pen}${(box.cell(i) + box.step / 2).toFixed(1)} ${y(q.ratio_ppm / 1e6).toFixed(1)}`;
		pen = 'L';
	});
	g.append(s('path', { class: 'line', d: path }));
}

function quarterSentence(q) {
	const p = parts(q.from);
	if (!q.known) return `${p.date} ${p.time}: ${t('gap')}`;
	return `${p.date} ${p.time}: ${t('total_energy')} ${text(energy(q.total_mwh))}, ${t('it_energy')} ${text(energy(q.it_mwh))}, ${t('ratio')} ${q.ratio_ppm === null ? '—' : number(q.ratio_ppm / 1e6, 3)}`;
}

// Pointer and arrow keys choose an interval; what is chosen is said in words below.
function chooser(svg, list, box, height) {
	const mark = s('line', { class: 'cursor', y1: 4, y2: height - 24, visibility: 'hidden' });
	const words = h('p', { class: 'readout', 'aria-live': 'polite' }, t('chart_keys'));
	let at = list.length - 1;
	const show = (i) => {
		at = Math.min(Math.max(i, 0), list.length - 1);
		const x = box.cell(at) + box.step / 2;
		mark.setAttribute('x1', x);
		mark.setAttribute('x2', x);
		mark.setAttribute('visibility', 'visible');
		words.textContent = quarterSentence(list[at]);
	};
	svg.append(mark);
	svg.addEventListener('pointermove', (e) => show(Math.floor((e.clientX - svg.getBoundingClientRect().left - box.x) / box.step)));
	svg.addEventListener('keydown', (e) => {
		const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: list.length - 1 }[e.key];
		if (to === undefined) return;
		e.preventDefault();
		show(to);
	});
	return words;
}

export function quarters(list, width) {
	if (!list.length) return h('p', { class: 'empty' }, t('no_value'));
	const height = 330, left = 52, inner = Math.max(width - left - 10, 100), one = inner / list.length;
	const box = (y, high) => ({ x: left, y, width: inner, height: high, step: one, cell: (i) => left + i * one });
	const svg = s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: 'group', 'aria-label': t('last_day') },
		s('defs', null, s('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' }, s('rect', { class: 'hatch-back', width: 6, height: 6 }), s('rect', { class: 'hatch-line', width: 2, height: 6 }))));
	const a = box(22, 160), b = box(214, 84);
	svg.append(s('text', { class: 'axis-name', x: 2, y: 12 }, `${t('mean_power')} (kW)`), s('text', { class: 'axis-name', x: 2, y: 204 }, t('quarter_ratio')));
	energyPanel(svg, list, a);
	ratioPanel(svg, list, b);
	hours(svg, list, (i) => left + i * one, 300, width);
	const words = chooser(svg, list, b, height);
	const legend = h('ul', { class: 'legend' }, [['fill-it', 'it_energy'], ['fill-rest', 'overhead'], ['gap', 'gap']].map(([c, k]) => h('li', null, s('svg', { width: 14, height: 14, 'aria-hidden': true }, s('rect', { class: c, width: 14, height: 14 })), t(k))));
	const rows = () => table(t('last_day'), [t('from'), t('total_energy'), t('it_energy'), t('ratio')], list.map((q) => [moment(q.from), q.known ? energy(q.total_mwh) : t('gap'), q.known ? energy(q.it_mwh) : t('gap'), q.ratio_ppm === null ? '—' : number(q.ratio_ppm / 1e6, 3)]), [1, 2, 3]);
	return h('div', null, svg, legend, words, fold('quarters', t('as_table'), rows));
}

// ---- energy flow: the electrical tree, left to right ----

const leafRoles = new Set(['rack', 'reuse', 'water', 'renewable']);
const colourOf = { supply: 'c-supply', pv: 'c-pv', generator: 'c-supply', transformer: 'c-inner', ups_input: 'c-inner', distribution: 'c-inner', bus: 'c-inner', it: 'c-it', cooling: 'c-cooling', lighting: 'c-lighting', unmetered: 'c-losses' };

function grouped(children) {
	const byRole = new Map();
	for (const c of children) byRole.set(c.role, [...(byRole.get(c.role) || []), c]);
	return [...byRole.values()].flatMap((list) => (list.length <= 2 ? list : [{ role: list[0].role, name: `${list.length} × ${label(list[0].role)}`, value: list.reduce((a, c) => a + c.value, 0), children: [], group: true }]));
}

// Meters as a tree of {name, role, value, children}; what a node passes on without a meter becomes a child of its own.
export function tree(meters, key) {
	const below = new Map();
	for (const m of meters) if (!leafRoles.has(m.role)) below.set(m.parent, [...(below.get(m.parent) || []), m]);
	const make = (m) => {
		const children = grouped((below.get(m.id) || []).map(make).filter((c) => c.value > 0).sort((a, b) => b.value - a.value));
		const sum = children.reduce((a, c) => a + c.value, 0), value = Math.max(m[key] ?? 0, m[key] === null ? sum : 0);
		const rest = value - sum;
		if (children.length && rest > value / 500) children.push({ role: 'unmetered', name: t('unmetered'), value: rest, children: [] });
		return { role: m.role, name: m.label || m.id, value, children };
	};
	return grouped((below.get(null) || []).map(make).filter((c) => c.value > 0));
}

function cut(words, pixels) {
	let room = pixels, out = '';
	for (const c of words) {
		room -= c.charCodeAt(0) > 0x2e7f ? 13 : 7.2;
		if (room < 0) return `${out}…`;
		out += c;
	}
	return out;
}

const depthOf = (list) => (list.length ? 1 + Math.max(...list.map((n) => depthOf(n.children))) : 0);

function sankey(roots, width, show) {
	const columns = depthOf(roots), wide = width / columns, bar = 12, total = roots.reduce((a, n) => a + n.value, 0), scale = 230 / total;
	const free = new Array(columns).fill(4), links = [], nodes = [];
	const place = (n, depth, wish) => {
		const high = Math.max(n.value * scale, 1), y = Math.max(free[depth], wish), x = depth * wide;
		free[depth] = y + Math.max(high, 30) + 8;
		let used = 0;
		for (const c of n.children) {
			const to = place(c, depth + 1, y + used), thick = Math.max(c.value * scale, 1), mid = (x + bar + to.x) / 2, a = y + used;
			links.push(s('path', { class: `link ${colourOf[c.role] || 'c-other'}`, d: `M${x + bar} ${a}C${mid} ${a} ${mid} ${to.y} ${to.x} ${to.y}V${to.y + thick}C${mid} ${to.y + thick} ${mid} ${a + thick} ${x + bar} ${a + thick}Z` }));
			used += thick;
		}
		nodes.push(s('rect', { class: colourOf[n.role] || 'c-other', x, y, width: bar, height: high, rx: 2 }),
			s('text', { class: 'node', x: x + bar + 6, y: y + Math.min(high / 2, 12) + 4 }, s('title', null, `${n.name}: ${text(show(n.value))}`), cut(n.name, wide - bar - 12)),
			s('text', { class: 'node-value', x: x + bar + 6, y: y + Math.min(high / 2, 12) + 18 }, text(show(n.value))));
		return { x, y };
	};
	for (const n of roots) place(n, 0, 0);
	const height = Math.max(...free) + 4;
	return s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': t('flow') }, links, nodes);
}

function steps(roots, show) {
	const top = roots.reduce((a, n) => a + n.value, 0), out = [];
	const walk = (n, depth) => {
		const fill = s('svg', { class: 'bar', width: '100%', height: 8, preserveAspectRatio: 'none', 'aria-hidden': true }, s('rect', { class: colourOf[n.role] || 'c-other', width: `${Math.max(n.value / top * 100, 0.5)}%`, height: 8, rx: 2 }));
		out.push(h('li', { class: `depth-${Math.min(depth, 5)}` }, h('span', { class: 'pair' }, h('span', null, n.name), h('span', { class: 'num' }, show(n.value))), fill));
		n.children.forEach((c) => walk(c, depth + 1));
	};
	roots.forEach((n) => walk(n, 0));
	return h('ul', { class: 'steps' }, out);
}

export function flow(meters, width) {
	const counted = meters.filter((m) => !leafRoles.has(m.role));
	const byEnergy = counted.some((m) => m.day_mwh > 0), show = byEnergy ? energy : power;
	const roots = tree(meters, byEnergy ? 'day_mwh' : 'power_mw');
	if (!roots.length) return h('p', { class: 'empty' }, t('no_value'));
	const picture = width >= 620 ? sankey(roots, width, show) : steps(roots, show);
	const rows = () => table(t('meters'), [t('meter'), t('role'), t('parent'), t('power'), t('energy_today')], counted.map((m) => [m.label || m.id, label(m.role), m.parent || '—', power(m.power_mw), energy(m.day_mwh)]), [3, 4]);
	return h('div', null, byEnergy ? null : h('p', { class: 'note' }, t('flow_now')), picture, fold('flow', t('as_table'), rows));
}

// ---- by domain: what the total goes to; sources stand apart, they are the total ----

const sources = new Set(['supply', 'pv', 'generator', 'fuel', 'heat', 'export', 'other_use']);
const domainColour = (d) => (d === 'losses' || d === 'unmetered' ? 'c-losses' : colourOf[d] || 'c-other');

// The uses, and what is left of the total when all of them are known.
function uses(list, total) {
	const known = list.filter((d) => !sources.has(d.domain)), sum = known.reduce((a, d) => a + (d.day_mwh ?? 0), 0);
	const whole = total > 0 && known.length > 0 && known.every((d) => d.day_mwh !== null) && total >= sum;
	return whole && total - sum > total / 2000 ? [...known, { domain: 'unmetered', power_mw: null, day_mwh: total - sum }] : known;
}

export function domains(list, total, width) {
	if (!list.length) return h('p', { class: 'empty' }, t('no_domains'));
	const used = uses(list, total), svg = s('svg', { width, height: 26, viewBox: `0 0 ${width} 26`, role: 'img', 'aria-label': t('domains') });
	let x = 0;
	for (const d of used) {
		const w = total > 0 ? Math.max(d.day_mwh ?? 0, 0) / total * width : 0;
		svg.append(s('rect', { class: domainColour(d.domain), x, width: Math.max(w - 1, 0), height: 26 }, s('title', null, label(d.domain))));
		x += w;
	}
	const key = (d) => h('span', { class: 'key' }, s('svg', { width: 12, height: 12, 'aria-hidden': true }, s('rect', { class: domainColour(d.domain), width: 12, height: 12, rx: 2 })), label(d.domain));
	const share = (d) => (total > 0 && d.day_mwh !== null ? percent(Math.floor(d.day_mwh / total * 1e6), 1) : '—');
	const rows = [...used, ...list.filter((d) => sources.has(d.domain))];
	return h('div', null, svg, table(t('domains'), [t('domain'), t('power'), t('energy_today'), t('share_of_total')], rows.map((d) => [key(d), power(d.power_mw), energy(d.day_mwh), sources.has(d.domain) ? t('source') : share(d)]), [1, 2, 3]));
}

// ---- floor plan ----

const letters = { compute: 'C', storage: 'S', network: 'N', other: 'O', empty: '–', unknown: '?' };

function rackClass(r, mode) {
	if (mode === 'function') return `f-${r.function}`;
	if (r.function === 'empty') return 'r-empty';
	if (r.power_mw === null || !r.rated_mw) return 'r-none';
	return `r-${Math.min(Math.floor(r.power_mw / r.rated_mw * 5), 4)}`;
}

const rackWords = (r) => `${r.id}: ${t(`fn_${r.function}`)}, ${text(power(r.power_mw))} / ${text(power(r.rated_mw))}`;

function hallPicture(name, racks, width, mode) {
	const rows = new Map();
	for (const r of racks) rows.set(r.row || '', [...(rows.get(r.row || '') || []), r]);
	const longest = Math.max(...[...rows.values()].map((x) => x.length)), left = 8 + 7.5 * Math.max(...[...rows.keys()].map((x) => x.length)), cell = Math.max(Math.min(Math.floor((width - left - 2) / longest), 22), 5), pitch = Math.max(cell, 12) + 4;
	const height = rows.size * pitch + 2, svg = s('svg', { width: Math.min(width, left + 2 + longest * cell), height, role: 'img', 'aria-label': `${t('hall')} ${name}: ${number(racks.length)}` });
	let y = 0;
	for (const [row, list] of rows) {
		svg.append(s('text', { class: 'tick', x: 2, y: y + Math.max(cell, 12) / 2 + 4 }, row));
		list.forEach((r, i) => {
			const x = left + i * cell, size = cell - 1, high = Math.max(cell, 12) - 1;
			svg.append(s('rect', { class: `cell ${rackClass(r, mode)}`, x, y: y + 1, width: size, height: high, rx: 1.5 }, s('title', null, rackWords(r))));
			if (mode !== 'function' && r.function !== 'empty' && r.power_mw === null) svg.append(s('path', { class: 'cross', d: `M${x + 1} ${y + 2}l${size - 2} ${high - 2}m0 ${2 - high}l${2 - size} ${high - 2}` }));
			if (mode === 'function' && cell >= 11) svg.append(s('text', { class: 'letter', x: x + size / 2, y: y + high / 2 + 4.5, 'text-anchor': 'middle' }, letters[r.function] || '?'));
		});
		y += pitch;
	}
	return h('figure', { class: 'hall' }, h('figcaption', null, `${name || t('racks')} · ${number(racks.length)}`), svg);
}

export function plan(racks, width, mode) {
	if (!racks.length) return h('p', { class: 'empty' }, t('no_value'));
	const halls = new Map();
	for (const r of racks) halls.set(r.hall || '', [...(halls.get(r.hall || '') || []), r]);
	const across = width >= 900 && halls.size > 1 ? 2 : 1;
	const legend = mode === 'function'
		? Object.keys(letters).map((f) => h('li', null, s('svg', { width: 16, height: 16, 'aria-hidden': true }, s('rect', { class: `cell f-${f}`, width: 15, height: 15 }), s('text', { class: 'letter', x: 7.5, y: 12, 'text-anchor': 'middle' }, letters[f])), t(`fn_${f}`)))
		: [0, 1, 2, 3, 4].map((i) => h('li', null, s('svg', { width: 14, height: 14, 'aria-hidden': true }, s('rect', { class: `cell r-${i}`, width: 13, height: 13 })), `${i * 20}–${i * 20 + 20} %`));
	return h('div', null, h('div', { class: `halls across-${across}` }, [...halls].map(([name, list]) => hallPicture(name, list, width / across - 18, mode))),
		h('ul', { class: 'legend' }, legend), h('p', { class: 'note' }, t(mode === 'function' ? 'floor_function' : 'floor_note')));
}

export function rackTable(racks) {
	return table(t('racks'), [t('rack'), t('hall'), t('row'), t('function'), t('power'), t('rated'), t('load')], racks.map((r) => [r.id, r.hall || '—', r.row || '—', t(`fn_${r.function}`), power(r.power_mw), power(r.rated_mw), r.power_mw !== null && r.rated_mw ? percent(Math.floor(r.power_mw / r.rated_mw * 1e6), 0) : '—']), [4, 5, 6]);
}

// ---- compute share: intervals on a line from 0 to 100 % ----

export function shares(list, width) {
	const known = list.filter((x) => x.defined), names = [...new Set(list.map((x) => x.id))];
	const rows = () => table(t('compute_share'), [t('definition'), t('network_in'), t('empty_in'), t('lowest'), t('highest')], list.map((x) => [t(x.id), t(x.network ? 'in' : 'out'), t(x.empty ? 'in' : 'out'), x.defined ? percent(x.low_ppm) : t('not_defined'), x.defined ? percent(x.high_ppm) : t('not_defined')]), [3, 4]);
	const lines = names.map((id) => {
		const mine = known.filter((x) => x.id === id);
		if (!mine.length) return h('li', null, h('span', { class: 'pair' }, h('span', null, t(id)), h('span', { class: 'none' }, t('not_defined'))));
		const low = Math.min(...mine.map((x) => x.low_ppm)), high = Math.max(...mine.map((x) => x.high_ppm)), w = Math.max(width - 4, 60);
		const svg = s('svg', { width: w, height: 16, 'aria-hidden': true }, s('rect', { class: 'track', y: 6, width: w, height: 4, rx: 2 }),
			mine.map((x) => s('rect', { class: 'span', x: x.low_ppm / 1e6 * w, y: 3, width: Math.max((x.high_ppm - x.low_ppm) / 1e6 * w, 2), height: 10, rx: 2 })),
			[25, 50, 75].map((p) => s('line', { class: 'tickmark', x1: p / 100 * w, x2: p / 100 * w, y1: 4, y2: 12 })));
		return h('li', null, h('span', { class: 'pair' }, h('span', null, t(id)), h('span', { class: 'num' }, percent(low), ' – ', percent(high))), svg);
	});
	return h('div', null, h('ul', { class: 'steps' }, lines), h('p', { class: 'note' }, t('share_note')), fold('shares', t('as_table'), rows));
}
