// Gets the figures, draws the page. Long lists come from /api/v1/status, all else live from /api/v1/stream.
import { h } from '/assets/dom.js';
import { t, both, lang, load, keep, preferred, zone, zoneName, parts } from '/assets/i18n.js';
import { views, show } from '/assets/views.js';

const $ = (id) => document.getElementById(id);
let data = null, heard = 0, streaming = false, lost = false;

const view = () => { const name = location.hash.slice(1); return views[name] ? name : 'now'; };

function tabs() {
	$('tabs').setAttribute('aria-label', 'pued');
	$('tabs').replaceChildren(h('ul', null, Object.keys(views).map((name) => h('li', null, h('a', { href: `#${name}`, 'aria-current': name === view() ? 'page' : null }, t(`tab_${name}`))))));
}

function languages() {
	$('lang').setAttribute('aria-label', t('language'));
	$('lang').replaceChildren(...[['zh', '中文', 'zh-CN'], ['en', 'English', 'en']].map(([which, name, code]) => h('button', { type: 'button', lang: code, 'aria-pressed': String(lang === which), onclick: async () => { keep(which); await load(which); draw(); } }, name)));
}

function band() {
	const box = $('band'), on = Boolean(data && data.site.simulated);
	box.hidden = !on;
	document.body.classList.toggle('simulated', on);
	box.replaceChildren(...(on ? [h('strong', null, '模拟数据 · SIMULATED'), h('span', null, t('simulated_note'))] : []));
}

function state() {
	const box = $('live');
	box.className = lost ? 'lost' : streaming ? 'on' : 'off';
	if (lost && data) { const p = parts(data.at); box.textContent = t('lost', { time: `${p.date} ${p.time}:${p.seconds}` }); }
	else box.textContent = t(streaming ? 'live' : 'polling');
}

function heads() {
	$('skip').textContent = t('skip');
	$('foot').textContent = `${t('foot')} ${data ? data.software : ''}`;
	if (!data) { $('site').textContent = 'pued'; return; }
	zone(data.site.offset_s);
	const p = parts(data.at), name = both(data.site.name) || data.site.id;
	$('site').textContent = name;
	document.title = `${data.site.simulated ? `${t('simulated')} · ` : ''}${name} · pued`;
	$('clock').replaceChildren(t('site_time', { time: `${p.date} ${p.time}:${p.seconds}`, zone: zoneName() }), data.clock.synced ? '' : h('span', { class: 'warn' }, ` ${t('clock_unsynced')}`), data.degraded ? h('a', { class: 'warn', href: '#system' }, ` ${t('degraded')}`) : '');
}

function draw() {
	tabs();
	languages();
	band();
	heads();
	state();
	if (data) show($('main'), view(), data);
	else $('main').replaceChildren(h('p', { class: 'empty', id: 'waiting' }, t('waiting')));
}

function got(part) {
	if (!data) $('main').replaceChildren();
	data = { ...(data || {}), ...part };
	heard = Date.now();
	lost = false;
	if (data.devices) draw();
}

async function fetchAll() {
	try {
		const answer = await fetch('/api/v1/status', { cache: 'no-store' });
		if (answer.ok) got(await answer.json());
	} catch { /* told by the clock below */ }
}

function listen() {
	if (!window.EventSource) return;
	const source = new EventSource('/api/v1/stream');
	source.addEventListener('status', (e) => { streaming = true; if (data) got(JSON.parse(e.data)); });
	source.onerror = () => { streaming = false; state(); if (source.readyState === EventSource.CLOSED) setTimeout(listen, 10000); };
}

async function main() {
	await load(preferred());
	draw();
	await fetchAll();
	listen();
	setInterval(() => { if (!document.hidden) fetchAll(); }, 10000);
	setInterval(() => { if (heard && Date.now() - heard > 25000 && !document.hidden && !lost) { lost = true; state(); } }, 2000);
	window.addEventListener('hashchange', () => { draw(); $('main').focus({ preventScroll: true }); window.scrollTo(0, 0); });
	let timer = 0;
	window.addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(draw, 120); });
	document.addEventListener('visibilitychange', () => { if (!document.hidden) fetchAll(); });
}

main();
