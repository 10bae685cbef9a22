// tests/browser/page.mjs SERVER [SHOTS-FOLDER] - the dashboard in a real browser, served by page_server with made-up figures.
// Exit 0 good, 1 bad, 77 skipped (playwright-core or chromium is not installed).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [server, shots] = process.argv.slice(2);
const here = new URL('.', import.meta.url).pathname;
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
let playwright = null;
try { playwright = await import(`${here}node_modules/playwright-core/index.mjs`); } catch { /* told below */ }
if (!playwright || !chromium) {
	console.log(`skipped: ${chromium ? 'playwright-core is not installed (npm ci in tests/browser)' : 'chromium is not installed'}`);
	process.exit(77);
}
if (shots) mkdirSync(shots, { recursive: true });

const sizes = [[1280, 800], [390, 844]];
const views = ['now', 'energy', 'racks', 'devices', 'policy', 'audit', 'system'];
let passed = 0, failed = 0;
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });

// A server of its own for each test; what is wrong with the page itself is collected on the way.
async function open(kinds, options, use) {
	const child = spawn(server, kinds, { stdio: ['pipe', 'pipe', 'inherit'] });
	const url = await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
	const context = await browser.newContext(options);
	const page = await context.newPage(), wrong = [];
	page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') wrong.push(m.text()); });
	page.on('pageerror', (e) => wrong.push(String(e)));
	page.on('dialog', (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
	page.on('request', (r) => { if (!r.url().startsWith(url)) wrong.push(`asks ${r.url()}`); });
	try {
		await page.goto(url);
		await page.waitForSelector('.card .body > *');
		await use(page, child, url);
		if (wrong.length) throw new Error(wrong.join('; '));
	} finally {
		await context.close();
		child.stdin.end();
	}
}

async function test(name, run) {
	try { await run(); passed++; console.log(`ok   ${name}`); } catch (e) { failed++; console.log(`FAIL ${name}: ${e.message}`); }
}
function check(good, words) { if (!good) throw new Error(words); }

const look = (page, view) => page.evaluate((v) => { location.hash = v; }, view).then(() => page.waitForSelector(`[id^="card-${view}-"] .body > *`));

// Text colours against what lies behind them, as WCAG 2.2 (1.4.3) computes it.
const contrast = () => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), alpha: m[3] ?? 1 }; };
	const light = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const poor = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walker.nextNode());) {
		const el = n.parentElement;
		if (!n.textContent.trim() || !el.checkVisibility() || el.closest('#band, svg, noscript, .skip, caption')) continue;
		let back = el;
		while (back && parse(getComputedStyle(back).backgroundColor).alpha === 0) back = back.parentElement;
		const style = getComputedStyle(el), a = light(parse(style.color).rgb), b = light(back ? parse(getComputedStyle(back).backgroundColor).rgb : [255, 255, 255]);
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), big = parseFloat(style.fontSize) >= 24;
		if (ratio < (big ? 3 : 4.5)) poor.add(`"${n.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
	}
	return [...poor];
};

for (const [locale, short] of [['zh-CN', 'zh'], ['en-GB', 'en']])
	for (const [width, height] of sizes)
		for (const scheme of ['light', 'dark'])
			await test(`every view fits and can be read: ${short}, ${width}x${height}, ${scheme}`, () => open([], { locale, viewport: { width, height }, colorScheme: scheme }, async (page) => {
				for (const view of views) {
					await look(page, view);
					const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
					check(over <= 0, `${view} is ${over} px too wide`);
					const words = await page.evaluate(() => document.body.innerText);
					const odd = words.match(/undefined|NaN|\[object|\bnull\b|\btab_\w+|\bev_\w+|\bfn_\w+/);
					check(!odd, `${view} shows "${odd}"`);
					check(words.includes('模拟数据 · SIMULATED'), `${view} does not say that it is simulated`);
					const poor = await page.evaluate(contrast);
					check(!poor.length, `${view}: poor contrast: ${poor.join(', ')}`);
					if (shots && scheme === 'light') await page.screenshot({ path: `${shots}/${view}-${short}-${width}.png`, fullPage: true });
				}
				if (shots && scheme === 'dark') { await look(page, 'now'); await page.screenshot({ path: `${shots}/dark-${short}-${width}.png`, fullPage: true }); }
			}));

await test('every word is there in both languages', async () => {
	const folder = `${here}../../publish/web/`, words = (l) => JSON.parse(readFileSync(`${folder}${l}.json`, 'utf8'));
	const zh = words('zh'), en = words('en');
	check(Object.keys(zh).join() === Object.keys(en).join(), 'zh.json and en.json have different keys');
	for (const file of ['app.js', 'views.js', 'charts.js', 'i18n.js'])
		for (const [, key] of readFileSync(folder + file, 'utf8').matchAll(/\bt\('(\w+)'/g)) check(key in en, `${file} uses "${key}", which no language has`);
});

await test('the language is the browser\'s, can be switched and is kept', () => open([], { locale: 'en-US', viewport: { width: 1280, height: 800 } }, async (page) => {
	check(await page.evaluate(() => document.documentElement.lang) === 'en', 'does not begin in English');
	await page.click('#lang button:has-text("中文")');
	await page.waitForFunction(() => document.documentElement.lang === 'zh-CN');
	check((await page.textContent('#card-now-power h2')).includes('功率比'), 'the page is not in Chinese after the switch');
	await page.reload();
	await page.waitForSelector('#card-now-power');
	check(await page.evaluate(() => document.documentElement.lang) === 'zh-CN', 'the choice is not kept');
}));

await test('names with markup stay names', () => open(['hostile'], { locale: 'en-GB', viewport: { width: 1280, height: 800 } }, async (page) => {
	for (const view of views) {
		await look(page, view);
		await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
		await page.waitForTimeout(50);
		const found = await page.evaluate(() => ({ owned: window.owned, images: document.querySelectorAll('img, main script, iframe').length }));
		check(found.owned === undefined && found.images === 0, `${view}: markup came alive`);
	}
	await look(page, 'devices');
	check((await page.textContent('main')).includes('<img src=x onerror=alert(1)>'), 'the device\'s name is not shown as text');
}));

await test('figures have their full names', () => open([], { locale: 'en-GB', viewport: { width: 1280, height: 800 } }, async (page) => {
	const titles = await page.$$eval('main h2', (list) => list.map((x) => x.textContent));
	check(titles.includes('Power ratio now') && titles.includes('iPUE1 · Today') && titles.includes('iPUE1 · This month'), titles.join(' | '));
	check((await page.textContent('#card-now-power .big')) === '1.245', 'power ratio');
	check((await page.textContent('#card-now-day .big')) === '1.245 ± 0.013', 'iPUE of the day');
	check((await page.textContent('#card-now-day')).includes('2026-03-14 00:00–14:15'), 'window of the day');
	check((await page.textContent('#card-now-month')).includes('total 99.69 % · IT 99.92 %'), 'completeness of the month');
	check(await page.getAttribute('#card-now-power .big', 'aria-live') === 'polite', 'the main figure is not announced');
}));

await test('a dead gateway is one sentence, and what the ratio lacks has a name', () => open(['gateway'], { locale: 'en-GB', viewport: { width: 1280, height: 800 } }, async (page) => {
	const power = await page.textContent('#card-now-power');
	check(power.includes('no fresh power of it-1 (1 in all)') && power.includes('3,336'), power);
	const body = await page.textContent('main');
	check(body.includes('modbus+tcp://127.9.1.1:502: none of its 12 units answers'), 'no word of the gateway');
	check(!body.includes('meter-110'), 'its units are told one by one');
	if (shots) await page.screenshot({ path: `${shots}/gateway.png`, fullPage: true });
}));

await test('what is not known is said, not drawn', () => open(['early', 'real'], { locale: 'en-GB', viewport: { width: 390, height: 844 } }, async (page) => {
	check((await page.textContent('#card-now-power .big')) === '—', 'a ratio without readings');
	check((await page.textContent('#card-now-day')).includes('in no interval are all terms'), 'no reason is given');
	check(await page.isHidden('#band'), 'a real site is called simulated');
	for (const view of views) {
		await look(page, view);
		check(!/undefined|NaN|\[object/.test(await page.evaluate(() => document.body.innerText)), `${view} shows a hole`);
	}
}));

await test('new figures come by themselves and leave the reader\'s place alone', () => open([], { locale: 'en-GB', viewport: { width: 1280, height: 800 } }, async (page, child) => {
	check((await page.textContent('#clock')).includes('14:20:30'), 'time of the site');
	await page.waitForFunction(() => document.getElementById('live').className === 'on');
	await look(page, 'devices');
	await page.fill('#device-filter', 'pdu-00');
	child.stdin.write('\n');
	await page.waitForFunction(() => document.getElementById('clock').textContent.includes('14:21:30'));
	check(await page.inputValue('#device-filter') === 'pdu-00', 'the filter was emptied');
	check((await page.textContent('#card-devices-devices [role=status]')).startsWith('6 of 130'), await page.textContent('#card-devices-devices [role=status]'));
}));

await test('the chart answers to keys, every chart has its table', () => open([], { locale: 'en-GB', viewport: { width: 1280, height: 800 } }, async (page) => {
	await page.focus('#card-now-quarters svg[tabindex]');
	await page.keyboard.press('End');
	check((await page.textContent('#card-now-quarters .readout')).startsWith('2026-03-14 14:00: Total energy'), await page.textContent('#card-now-quarters .readout'));
	await page.keyboard.press('Home');
	check((await page.textContent('#card-now-quarters .readout')).startsWith('2026-03-13 14:15'), 'Home');
	for (const [card, rows] of [['quarters', 96], ['flow', 13], ['shares', 16], ['floor', 1024]]) {
		await page.click(`#card-now-${card} summary`);
		await page.waitForFunction(([id, want]) => document.querySelectorAll(`#card-now-${id} details tbody tr`).length === want, [card, rows], { timeout: 20000 })
			.catch(async () => check(false, `${card}: ${await page.$$eval(`#card-now-${card} details tbody tr`, (list) => list.length)} rows, not ${rows}`));
	}
	check((await page.$$('.gap')).length >= 6, 'gaps are not marked');
}));

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
