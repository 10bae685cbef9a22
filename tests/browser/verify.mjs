// tests/browser/verify.mjs CERT_TOOL PACK VERIFY.html [SHOTS-FOLDER] - the static verification page in a real browser, from a file.
// Exit 0 good, 1 bad, 77 skipped (playwright-core or chromium is not installed).
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [tool, pack, html, shots] = process.argv.slice(2);
const here = new URL('.', import.meta.url).pathname;
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
let playwright = null;
try { playwright = await import(`${here}node_modules/playwright-core/index.mjs`); } catch { /* told below */ }
if (!playwright || !chromium) {
	console.log(`skipped: ${chromium ? 'playwright-core is not installed (npm ci in tests/browser)' : 'chromium is not installed'}`);
	process.exit(77);
}
const dir = mkdtempSync(join(tmpdir(), 'verify-'));
const path = (name) => join(dir, name);
execFileSync(tool, [pack, dir]);
const cert = readFileSync(path('cert.json'), 'utf8'), trust = readFileSync(path('trust.json'), 'utf8');
const at = cert.search(/"it_mwh": \d/) + 10;
const big = cert.indexOf('"known_total_mwh": ') + 19;
const cases = {
	'cert.json': [cert, trust, /✓/],
	'digit.json': [cert.slice(0, at) + (cert[at] === '9' ? '8' : '9') + cert.slice(at + 1), trust, /NOT VALID.*it_mwh/],
	'big.json': [cert.slice(0, big) + (cert[big] === '9' ? '8' : '9') + cert.slice(big + 1), trust, /NOT VALID.*known_total_mwh/],
	'blank.json': [cert.replace('"simulated": true', '"simulated":  true'), trust, /NOT VALID.*bytes/],
	'escape.json': [cert.replace('demo-baoding', 'demo\\u002dbaoding'), trust, /NOT VALID.*bytes/],
	'cut.json': [cert.slice(0, -2), trust, /NOT VALID/],
	'member.json': [cert.replace('"signatures":', '"extra": 1,\n  "signatures":'), trust, /NOT VALID.*extra/],
	'unknown-key.json': [cert, readFileSync(path('other.json'), 'utf8'), /NOT VALID.*not among the keys/],
	'revoked-key.json': [cert, trust.replace('"site"', '"revoked":"2026-01-01T00:00:00Z","site"'), /NOT VALID.*revoked/],
	'real-key.json': [cert, trust.replace('"simulated":true', '"simulated":false'), /NOT VALID.*simulated/],
	'other-site.json': [cert, trust.replace('"site":"demo-baoding"', '"site":"x"'), /NOT VALID.*site x/],
};
let failed = 0;
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
try {
	for (const [width, height] of [[1280, 800], [390, 844]]) {
		const context = await browser.newContext({ viewport: { width, height }, offline: true });
		const page = await context.newPage(), wrong = [];
		page.on('console', (m) => { if (m.type() === 'error') wrong.push(m.text()); });
		page.on('pageerror', (e) => wrong.push(String(e)));
		page.on('request', (r) => { if (!r.url().startsWith('file:')) wrong.push(`asks ${r.url()}`); });
		for (const [name, [text, keys, want]] of Object.entries(cases)) {
			writeFileSync(path(name), text);
			writeFileSync(path('keys.json'), keys);
			await page.goto(pathToFileURL(html).href);
			await page.setInputFiles('#file', path(name));
			await page.setInputFiles('#trust', path('keys.json'));
			await page.waitForFunction(() => document.getElementById('sentence').className !== '');
			const said = await page.textContent('#sentence');
			if (!want.test(said)) { failed++; console.log('FAILED', name, said); }
			if (name === 'cert.json') {
				const body = await page.textContent('body');
				for (const word of ['模拟数据', 'ELIGIBLE_ROBUST', '机架数不低于1000架', 'PUE2 = ', '500000.00', 'evidence leaves are in the tree'])
					if (!body.includes(word)) { failed++; console.log('FAILED to show', word); }
				const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
				if (wide) { failed++; console.log('FAILED: wider than the screen at', width); }
				if (shots) { mkdirSync(shots, { recursive: true }); await page.screenshot({ path: join(shots, `verify-${width}.png`), fullPage: true }); }
			}
		}
		if (wrong.length) { failed++; console.log('FAILED', wrong.join('; ')); }
		await context.close();
	}
} finally {
	await browser.close();
	rmSync(dir, { recursive: true });
}
console.log(failed ? `${failed} failed` : `${Object.keys(cases).length} files, two screens`);
process.exit(failed ? 1 : 0);
