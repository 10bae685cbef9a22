// tests/browser/jose.mjs CERT_TOOL PACK - an independent JOSE library (npm jose) verifies our envelopes; and one it makes, we verify.
// Exit 0 good, 1 bad, 77 skipped (jose is not installed).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [tool, pack] = process.argv.slice(2);
let jose;
try { jose = await import('jose'); } catch {
	console.log('skipped: jose is not installed (npm ci in tests/browser)');
	process.exit(77);
}
const dir = mkdtempSync(join(tmpdir(), 'jose-'));
let failed = 0;
const check = (name, good) => { if (!good) { failed++; console.log('FAILED', name); } };
try {
	execFileSync(tool, [pack, dir]);
	const envelope = JSON.parse(readFileSync(join(dir, 'cert.json'), 'utf8'));
	const { keys: [key] } = JSON.parse(readFileSync(join(dir, 'trust.json'), 'utf8'));
	const publicKey = await jose.importJWK({ kty: 'OKP', crv: 'Ed25519', x: key.public }, 'EdDSA');
	const jws = { payload: envelope.payload, signatures: envelope.signatures };
	const { payload, protectedHeader } = await jose.generalVerify(jws, publicKey);
	check('header', protectedHeader.alg === 'EdDSA' && protectedHeader.kid === key.kid && protectedHeader.typ === 'pued-certificate+json');
	check('payload', JSON.parse(new TextDecoder().decode(payload)).identity.number === 'SIM-demo-baoding-2025-001');
	for (const [name, change] of [['payload', (e) => { e.payload = (e.payload[0] === 'e' ? 'f' : 'e') + e.payload.slice(1); }],
		['signature', (e) => { const s = e.signatures[0]; s.signature = (s.signature[0] === 'A' ? 'B' : 'A') + s.signature.slice(1); }],
		['header', (e) => { e.signatures[0].protected = jose.base64url.encode('{"alg":"EdDSA","kid":"' + key.kid + '","typ":"pued-report+json"}'); }]]) {
		const copy = structuredClone(jws);
		change(copy);
		check('changed ' + name, await jose.generalVerify(copy, publicKey).then(() => false, () => true));
	}
	check('another key', await jose.generalVerify(jws, (await jose.generateKeyPair('EdDSA', { crv: 'Ed25519' })).publicKey).then(() => false, () => true));
} finally {
	rmSync(dir, { recursive: true });
}
console.log(failed ? `${failed} failed` : 'jose verifies what is signed here');
process.exit(failed ? 1 : 0);
