// Language: what the reader chose, else the first one of the browser (its Accept-Language) that is here.
import { h } from '/assets/dom.js';
import { known } from '/assets/said.js';

let words = {};
export let lang = 'en';

export function preferred() {
	const asked = new URLSearchParams(location.search).get('lang');
	let kept = null;
	try { kept = localStorage.getItem('pued.lang'); } catch { /* storage may be closed */ }
	for (const x of [asked, kept, ...(navigator.languages || [])]) {
		if (/^zh\b/i.test(x || '')) return 'zh';
		if (/^en\b/i.test(x || '')) return 'en';
	}
	return 'en';
}

export async function load(which) {
	const answer = await fetch(`/assets/${which}.json`);
	words = await answer.json();
	known(which === 'en' ? {} : await (await fetch(`/assets/said.${which}.json`)).json());
	lang = which;
	document.documentElement.lang = which === 'zh' ? 'zh-CN' : 'en';
}

export function keep(which) {
	try { localStorage.setItem('pued.lang', which); } catch { /* storage may be closed */ }
}

// "{name}" in a text is replaced; a missing key shows itself.
export function t(key, values) {
	let text = words[key] ?? key;
	for (const [k, v] of Object.entries(values || {})) text = text.replaceAll(`{${k}}`, String(v));
	return text;
}
export const has = (key) => key in words;
export const both = (b) => (b ? b[lang] || b.en || b.zh || '' : '');

const locale = () => (lang === 'zh' ? 'zh-CN' : 'en-GB');
export const number = (x, digits = 0) => new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(x);
const none = () => h('span', { class: 'none', title: t('unknown') }, '—');

export function power(mw) {
	if (mw === null || mw === undefined) return none();
	const kw = mw / 1e6;
	return Math.abs(kw) >= 100000 ? `${number(kw / 1000, 2)} MW` : `${number(kw, Math.abs(kw) < 100 ? 1 : 0)} kW`;
}
export function energy(mwh) {
	if (mwh === null || mwh === undefined) return none();
	const kwh = mwh / 1e6;
	return Math.abs(kwh) >= 10000 ? `${number(kwh / 1000, 2)} MWh` : `${number(kwh, Math.abs(kwh) < 100 ? 1 : 0)} kWh`;
}
export const count = (n) => (n === null || n === undefined ? none() : number(n));
// Completeness is cut, never rounded up to 100 %.
export const percent = (ppm, digits = 2) => (ppm === null || ppm === undefined ? none() : `${number(Math.floor(ppm / 10 ** (4 - digits)) / 10 ** digits, digits)} %`);
export const yuan = (fen) => `${number(Math.trunc(fen / 100))} ${t('yuan')}`;
export function duration(seconds) {
	if (seconds < 120) return `${number(seconds)} s`;
	if (seconds < 7200) return `${number(Math.floor(seconds / 60))} min`;
	return seconds < 172800 ? `${number(Math.floor(seconds / 3600))} h` : `${number(Math.floor(seconds / 86400))} d`;
}

// Site time, whatever the reader's machine thinks its zone is.
let offset = 0;
export const zone = (seconds) => { offset = seconds; };
const two = (n) => String(n).padStart(2, '0');
export function parts(text) {
	const d = new Date(Date.parse(text) + offset * 1000);
	return { date: `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`, time: `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`, seconds: two(d.getUTCSeconds()), hour: d.getUTCHours(), minute: d.getUTCMinutes() };
}
export const moment = (text) => { if (!text) return none(); const p = parts(text); return h('span', { class: 'when' }, `${p.date} ${p.time}`); };
export function zoneName() {
	const m = Math.abs(offset) / 60;
	return `UTC${offset < 0 ? '−' : '+'}${Math.floor(m / 60)}${m % 60 ? `:${two(m % 60)}` : ''}`;
}
