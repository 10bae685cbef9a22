// The pages. A view is a list of cards; a card is drawn again only when what it shows has changed.
import { h, table, fold } from '/assets/dom.js';
import { t, has, both, lang, number, power, energy, count, percent, yuan, duration, moment, parts } from '/assets/i18n.js';
import { said } from '/assets/said.js';
import * as charts from '/assets/charts.js';

const icon = { yes: '✓', no: '✕', unknown: '?', up: '●', late: '◐', down: '✕', starting: '○' };
const badge = (kind, words) => h('span', { class: `badge b-${kind}` }, h('span', { 'aria-hidden': 'true' }, `${icon[kind] || '·'} `), words);
const pairs = (list) => h('dl', { class: 'pairs' }, list.filter(Boolean).map(([k, v]) => [h('dt', null, k), h('dd', null, v)]));
const eventName = (kind) => (has(`ev_${kind}`) ? t(`ev_${kind}`) : kind);
const roleName = (role) => (has(role) ? t(role) : role);
// Uncertainty is rounded up.
const upward = (ppm) => number(Math.ceil(ppm / 1000) / 1000, 3);

function powerNow(d) {
	const p = d.power;
	return h('div', { class: 'figure' },
		h('p', { class: 'big', 'aria-live': 'polite', 'aria-atomic': 'true' }, p.ratio ?? '—'),
		h('p', { class: 'note' }, t('power_ratio_note')),
		pairs([[t('total_power'), power(p.total_mw)], [t('it_power'), power(p.it_mw)]]),
		p.known ? null : h('p', { class: 'warn' }, p.lacks_count ? t('power_unknown', { meters: p.lacks.slice(0, 4).join(', '), n: number(p.lacks_count) }) : t('power_zero')));
}

function windowText(k) {
	const a = parts(k.from), b = parts(k.to);
	return a.date === b.date ? `${a.date} ${a.time}–${b.time}` : `${a.date} ${a.time} – ${b.date} ${b.time}`;
}

function kpiFigure(k, standard) {
	if (k.kind === 'none')
		return h('div', { class: 'figure' }, h('p', { class: 'big none' }, '—'), h('p', { class: 'warn' }, `${t('no_value')}${k.why_not ? `: ${said(k.why_not)}` : ''}`),
			k.intervals > 0 ? pairs([[t('window'), windowText(k)], [t('completeness'), t('complete_text', { total: percent(k.complete_time_ppm[0]), it: percent(k.complete_time_ppm[1]) })]]) : null);
	const u = k.uncertainty_ppm;
	return h('div', { class: 'figure' },
		h('p', { class: 'big' }, k.value, u ? h('span', { class: 'u' }, ` ± ${upward(Math.max(...u))}`) : null),
		pairs([
			[t('window'), windowText(k)],
			[t('uncertainty'), u ? t('uncertainty_text', { low: upward(u[0]), high: upward(u[1]) }) : t('uncertainty_none')],
			[t('completeness'), t('complete_text', { total: percent(k.complete_time_ppm[0]), it: percent(k.complete_time_ppm[1]) })],
			[t('basis'), t('basis_text', { total: energy(k.total_mwh), it: energy(k.it_mwh), known: number(k.intervals_known), all: number(k.intervals) })],
			[t('standard'), standard || '—'],
		]));
}

// The day and the month of the newest evidence: just after midnight they are not today's.
function kpiTitle(k, when, at) {
	const own = parts(k.from).date, now = parts(at).date;
	const name = when === 'today' && own !== now ? own : when === 'this_month' && own.slice(0, 7) !== now.slice(0, 7) ? own.slice(0, 7) : t(when);
	return `${k.kind === 'none' ? 'iPUE / PUE' : k.name} · ${k.from ? name : t(when)}`;
}

function resultBadge(result) {
	return badge(result === 'depends' ? 'unknown' : result, t(result === 'unknown' ? 'unknown_result' : result));
}

const verdictKind = { ELIGIBLE_ROBUST: 'yes', ELIGIBLE_UNDER: 'unknown', NOT_ELIGIBLE: 'no', OUTSIDE_VALIDITY: 'no', ALREADY_CLAIMED: 'no' };

function verdictHead(v) {
	return [h('p', { class: 'verdict' }, badge(verdictKind[v.kind] || 'unknown', t(v.kind))), h('p', null, both(v.sentence))];
}

// With the word of the policy's own text: it decides what happens at the limit itself.
const limitOf = (c) => (c.limit ? [c.word ? h('span', { lang: 'zh-CN' }, `${c.word} `) : null, c.limit] : '—');

function verdictShort(d) {
	const v = d.verdict;
	if (!v) return h('p', { class: 'empty' }, t('no_verdict'));
	const rows = v.criteria.map((c) => [both(c.title) || c.id, resultBadge(c.result), c.value || '—', limitOf(c), c.margin || '—']);
	return h('div', null, verdictHead(v), table(t('verdict'), [t('criterion'), t('result'), t('value'), t('limit'), t('margin')], rows, [2, 3, 4]),
		h('p', null, h('a', { href: '#policy' }, t('verdict_more'))));
}

function checklist(d) {
	const v = d.verdict;
	if (!v) return h('p', { class: 'empty' }, t('no_verdict'));
	const line = (c) => h('li', { class: `criterion k-${c.result}` },
		h('h3', null, resultBadge(c.result), ' ', both(c.title) || c.id),
		c.quote ? h('blockquote', { lang: 'zh-CN' }, `「${c.quote}」`, c.locator ? h('span', { class: 'locator' }, ` ${c.locator}`) : null) : null,
		pairs([[t('value'), c.value || '—'], [t('limit'), limitOf(c)], [t('margin'), c.margin || '—'], c.uncertainty ? [t('uncertainty'), c.uncertainty] : null]),
		both(c.why) ? h('p', null, both(c.why)) : null);
	return h('div', null, verdictHead(v), h('p', { class: 'note' }, t('checklist_note')), h('ul', { class: 'criteria' }, v.criteria.map(line)),
		v.reasons.length ? h('p', null, `${t('reasons')}: `, v.reasons.map((r, i) => [i ? ', ' : '', h('code', null, r ?? '')])) : null,
		h('p', null, `${t('uncertainty')}: ${t(v.guarded ? 'guarded_yes' : 'guarded_no')}`));
}

function amount(d) {
	const v = d.verdict;
	if (!v || v.amount_fen <= 0) return h('p', { class: 'empty' }, t('amount_none'));
	return h('div', null, h('p', { class: 'big' }, yuan(v.amount_fen)), h('p', null, t('amount_text', { amount: yuan(v.amount_fen), rate: yuan(v.rate_fen), racks: number(v.counted_racks), cap: yuan(v.cap_fen) })),
		v.split.length ? pairs(v.split.map((x) => [has(x.who) ? t(x.who) : x.who || '—', x.fen === null ? t('unspecified') : yuan(x.fen)])) : null);
}

function packCard(d) {
	const p = d.pack;
	if (!p) return h('p', { class: 'empty' }, t('not_configured'));
	return h('div', null, pairs([[t('pack'), `${p.id} ${p.version}`], ['SHA-256', h('code', { class: 'hash' }, p.hash)]]), p.draft ? h('p', { class: 'warn' }, t('draft')) : null);
}

function rackNumbers(d) {
	const r = d.racks, tiles = [['installed', r.installed], ['metered', r.metered], ['in_use', r.in_use], ['unknown_function', r.unknown]];
	return h('div', null, h('ul', { class: 'tiles' }, tiles.map(([k, n]) => h('li', null, h('span', { class: 'tile' }, count(n)), h('span', null, t(k))))),
		pairs([[t('standard_racks'), number(Math.floor(r.standard_milli / 1000))], [t('rated'), power(r.rated_mw)]]));
}

let rackMode = null;
function floor(d, width, redraw) {
	rackMode ??= d.rack_rows.some((r) => r.power_mw !== null) ? 'load' : 'function';
	const choice = (mode) => h('button', { type: 'button', 'aria-pressed': String(rackMode === mode), onclick: () => { rackMode = mode; redraw(); } }, t(`by_${mode}`));
	return h('div', null, h('div', { class: 'switch', role: 'group', 'aria-label': t('colour_by') }, choice('load'), choice('function')), charts.plan(d.rack_rows, width, rackMode),
		fold('racks', t('as_table'), () => charts.rackTable(d.rack_rows)));
}

const health = (d) => ['up', 'late', 'down', 'starting'].map((k) => [k, d.devices.filter((x) => x.state === k).length]);
function healthTiles(d) {
	return h('ul', { class: 'tiles' }, health(d).filter(([k, n]) => n || k !== 'starting').map(([k, n]) => h('li', null, h('span', { class: 'tile' }, number(n)), badge(k, t(k)))));
}
const stateBadge = (x) => badge(x, has(x) ? t(x) : x);

function deviceTable(caption, list) {
	return table(caption, [t('device'), t('state'), t('profile'), t('endpoint'), t('latency'), t('polls'), t('failures'), t('last_good'), t('error')],
		list.map((x) => [x.id, stateBadge(x.state), x.profile || '—', h('code', null, x.endpoint || ''), `${number(x.latency_us / 1000, 1)} ms`, number(x.polls), number(x.failures), moment(x.last_good), said(x.error) || '—']), [4, 5, 6], [8]);
}

function deviceShort(d) {
	const ill = d.gateways.filter((g) => g.ill === g.units), names = new Set(ill.map((g) => g.gateway)), bad = d.devices.filter((x) => x.state !== 'up' && !names.has(x.gateway)).slice(0, 12);
	return h('div', null, healthTiles(d), ill.slice(0, 8).map((g) => h('p', { class: 'warn' }, t('way_ill', { way: g.gateway, n: number(g.units) }))),
		bad.length ? table(t('only_trouble'), [t('device'), t('state'), t('last_good'), t('error')], bad.map((x) => [x.id, stateBadge(x.state), moment(x.last_good), said(x.error) || '—']), [], [3]) : ill.length ? null : h('p', { class: 'good' }, t('no_trouble')),
		h('p', null, h('a', { href: '#devices' }, t('all_devices'))));
}

let filterText = '', onlyTrouble = false;
function deviceFull(d, width, redraw) {
	const body = h('div');
	const draw = () => {
		const list = d.devices.filter((x) => (!onlyTrouble || x.state !== 'up') && `${x.id} ${x.profile} ${x.endpoint} ${x.state}`.toLowerCase().includes(filterText.toLowerCase()));
		body.replaceChildren(h('p', { role: 'status' }, t('shown', { n: number(Math.min(list.length, 500)), all: number(d.devices.length) })), deviceTable(t('devices'), list.slice(0, 500)));
	};
	draw();
	return h('div', null, healthTiles(d), h('p', { class: 'filter' },
		h('label', null, `${t('filter')} `, h('input', { type: 'search', id: 'device-filter', value: filterText, oninput: (e) => { filterText = e.target.value; draw(); } })),
		h('label', null, h('input', { type: 'checkbox', id: 'device-trouble', checked: onlyTrouble, onchange: (e) => { onlyTrouble = e.target.checked; draw(); } }), ` ${t('only_trouble')}`)), body);
}

function events(d) {
	if (!d.events.length) return h('p', { class: 'empty' }, t('no_events'));
	return table(t('events'), [t('time'), t('kind'), t('meter'), t('energy'), t('why')], d.events.map((e) => [moment(e.from), eventName(e.kind), e.meter ?? t('site_wide'), e.energy_mwh ? energy(e.energy_mwh) : '—', said(e.reason) || '—']), [3], [4]);
}

function findings(d) {
	if (!d.findings.length) return h('p', { class: 'empty' }, t('no_findings'));
	return table(t('open_findings'), [t('since'), t('kind'), t('meter'), t('residual'), t('why')], d.findings.map((f) => [moment(f.from), has(`fi_${f.kind}`) ? t(`fi_${f.kind}`) : f.kind, f.meter ?? t('site_wide'), f.residual_mwh ? energy(f.residual_mwh) : '—', said(f.reason) || '—']), [3], [4]);
}

function deviceEvents(d) {
	if (!d.device_events.length) return h('p', { class: 'empty' }, t('no_events'));
	return table(t('device_events'), [t('time'), t('device'), t('kind'), t('why')], d.device_events.map((e) => [moment(e.at), e.device, has(`dev_${e.kind}`) ? t(`dev_${e.kind}`) : e.kind, e.sentence || '—']), [], [3]);
}

function eventCounts(d) {
	const list = Object.entries(d.event_counts).filter(([, n]) => n > 0);
	return list.length ? pairs(list.map(([k, n]) => [eventName(k), number(n)])) : h('p', { class: 'empty' }, t('no_events'));
}

function proof(d) {
	return h('div', null, pairs([[t('leaves'), number(d.evidence.size)], [t('epoch'), String(d.evidence.epoch)], [t('root'), h('code', { class: 'hash' }, d.evidence.root || '—')]]));
}
function outbox(d) {
	return pairs([[t('pending'), number(d.outbox.pending)], [t('oldest'), d.outbox.pending ? duration(d.outbox.oldest_s) : '—'], [t('sent'), number(d.outbox.sent)], [t('broker'), said(d.mqtt) || t('not_configured')]]);
}
function machine(d) {
	return pairs([[t('store'), said(d.store) || '—'],
		[t('clock'), h('span', null, t(d.clock.synced ? 'synced' : 'not_synced'), d.clock.offset_us === null ? '' : `, ${t('offset')} ${number(d.clock.offset_us / 1000, 2)} ms`)],
		[t('software'), d.software], [t('reloaded'), moment(d.reloaded)]]);
}

function meters(d) {
	return table(t('meters'), [t('meter'), t('role'), t('parent'), t('hall'), t('power'), t('energy_today'), t('register')],
		d.meters.map((m) => [h('span', null, m.id, m.label ? h('span', { class: 'sub' }, ` ${m.label}`) : null), roleName(m.role), m.parent || '—', m.hall || '—', power(m.power_mw), energy(m.day_mwh), energy(m.energy_mwh)]), [4, 5, 6]);
}

function quality(d) {
	const rows = ['day', 'month', 'year'].map((w) => [t({ day: 'today', month: 'this_month', year: 'twelve_months' }[w]), d[w]]);
	return table(t('completeness'), [t('window'), t('complete_time'), t('complete_energy'), t('intervals_missing'), t('late_intervals'), t('unsynced_intervals'), t('findings')],
		rows.map(([name, k]) => [name, [percent(k.complete_time_ppm[0]), ' · ', percent(k.complete_time_ppm[1])], [percent(k.complete_energy_ppm[0]), ' · ', percent(k.complete_energy_ppm[1])], number(k.intervals - k.intervals_known), number(k.late_intervals), number(k.unsynced_intervals), number(k.findings)]), [1, 2, 3, 4, 5, 6]);
}

const fullNames = (d) => h('ul', { class: 'plain' }, ['day', 'month', 'year'].map((w) => h('li', null, h('code', { class: 'wrap' }, d[w].text || said(d[w].why_not) || '—'))));
const command = (intro, line) => h('div', null, h('p', null, intro), h('pre', { tabindex: 0 }, line));

// card: [key, title (text or function), function (data, width, redraw), members of the data it shows, wide?]
export const views = {
	now: [
		['power', () => t('power_ratio'), powerNow, ['power']],
		['day', (d) => kpiTitle(d.day, 'today', d.at), (d) => kpiFigure(d.day, d.site.standard), ['day', 'site']],
		['month', (d) => kpiTitle(d.month, 'this_month', d.at), (d) => kpiFigure(d.month, d.site.standard), ['month', 'site']],
		['verdict', () => t('verdict'), verdictShort, ['verdict'], 'wide'],
		['year', (d) => kpiTitle(d.year, 'twelve_months', d.at), (d) => kpiFigure(d.year, d.site.standard), ['year', 'site']],
		['quarters', () => t('last_day'), (d, w) => charts.quarters(d.quarters, w), ['quarters', 'site'], 'full'],
		['flow', () => t('flow'), (d, w) => charts.flow(d.meters, w), ['meters'], 'full'],
		['domains', () => t('domains'), (d, w) => charts.domains(d.domains, d.day.known_total_mwh, w), ['domains', 'day'], 'wide'],
		['racknumbers', () => t('racks'), rackNumbers, ['racks']],
		['floor', () => t('floor'), floor, ['rack_rows'], 'full'],
		['devices', () => t('devices'), deviceShort, ['devices'], 'wide'],
		['shares', () => t('compute_share'), (d, w) => charts.shares(d.shares, w), ['shares']],
		['findings', () => t('open_findings'), findings, ['findings'], 'wide'],
		['events', () => t('events'), events, ['events'], 'wide'],
		['proof', () => t('evidence'), (d) => h('div', null, proof(d), h('h3', null, t('outbox')), outbox(d), h('h3', null, t('store')), machine(d)), ['evidence', 'outbox', 'store', 'mqtt', 'clock', 'software', 'reloaded']],
	],
	energy: [
		['quarters', () => t('last_day'), (d, w) => charts.quarters(d.quarters, w), ['quarters', 'site'], 'full'],
		['flow', () => t('flow'), (d, w) => charts.flow(d.meters, w), ['meters'], 'full'],
		['domains', () => t('domains'), (d, w) => charts.domains(d.domains, d.day.known_total_mwh, w), ['domains', 'day'], 'full'],
		['meters', () => t('meters'), meters, ['meters'], 'full'],
		['events', () => t('events'), events, ['events'], 'wide'],
		['counts', () => t('events'), eventCounts, ['event_counts']],
		['findings', () => t('open_findings'), findings, ['findings'], 'full'],
	],
	racks: [
		['racknumbers', () => t('racks'), rackNumbers, ['racks']],
		['shares', () => t('compute_share'), (d, w) => charts.shares(d.shares, w), ['shares'], 'wide'],
		['floor', () => t('floor'), floor, ['rack_rows'], 'full'],
	],
	devices: [['device_events', () => t('device_events'), deviceEvents, ['device_events'], 'full'], ['devices', () => t('devices'), deviceFull, ['devices'], 'full']],
	policy: [
		['checklist', () => t('checklist'), checklist, ['verdict'], 'full'],
		['amount', () => t('amount'), amount, ['verdict']],
		['year', (d) => kpiTitle(d.year, 'twelve_months', d.at), (d) => kpiFigure(d.year, d.site.standard), ['year', 'site']],
		['pack', () => t('pack'), packCard, ['pack']],
		['make', () => t('verdict'), () => command(t('certificate_how'), 'puectl eligibility --why\npuectl certificate'), [], 'full'],
	],
	audit: [
		['names', () => t('full_name'), fullNames, ['day', 'month', 'year'], 'full'],
		['quality', () => t('completeness'), quality, ['day', 'month', 'year'], 'full'],
		['proof', () => t('evidence'), proof, ['evidence'], 'wide'],
		['outbox', () => t('outbox'), outbox, ['outbox', 'mqtt']],
		['verify', () => t('audit'), () => h('div', null, h('p', null, t('audit_note')), command(t('verify_how'), 'puectl verify --trust KEYS FILE')), [], 'wide'],
		['pack', () => t('pack'), packCard, ['pack']],
		['findings', () => t('open_findings'), findings, ['findings'], 'full'],
		['events', () => t('events'), events, ['events'], 'full'],
	],
	system: [
		['machine', () => t('system'), machine, ['store', 'clock', 'software', 'reloaded'], 'wide'],
		['outbox', () => t('outbox'), outbox, ['outbox', 'mqtt']],
		['proof', () => t('evidence'), proof, ['evidence'], 'wide'],
		['pack', () => t('pack'), packCard, ['pack']],
	],
};

// Draws the view into `main`; cards whose data, width and language are as before stay untouched (focus and scroll with them).
export function show(main, name, d) {
	const cards = views[name], wanted = cards.map(([key]) => `card-${name}-${key}`);
	for (const old of [...main.children]) if (!wanted.includes(old.id)) old.remove();
	cards.forEach(([key, title, draw, members, size], i) => {
		const id = wanted[i];
		let card = document.getElementById(id);
		if (!card) {
			card = h('section', { id, class: `card ${size || 'one'}`, 'aria-labelledby': `${id}-title` }, h('h2', { id: `${id}-title` }), h('div', { class: 'body' }));
			main.insertBefore(card, main.children[i] || null);
		}
		const [head, body] = card.children, width = body.clientWidth;
		const redraw = () => body.replaceChildren(draw(d, width, redraw));
		const now = JSON.stringify([lang, width, title(d), members.map((m) => d[m])]);
		if (card.drawn === now) return;
		card.drawn = now;
		head.textContent = title(d);
		redraw();
	});
}
