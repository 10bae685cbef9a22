// What the program says in English (a device's error, a broker's refusal, a reason in the ledger) in the reader's language.
// said.zh.json holds the sentences of the source as they stand there, "%" for each hole, beside the translation with {1}, {2}, ...;
// a hole behind ": " or "(" may hold a sentence of its own, and "place: cause" is translated part by part.  What is not there stays English.
let rows = [];

function pattern(english) {
	const parts = english.split('%').map((x) => x.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
	return parts.reduce((all, x) => `${all}${/(: |\()$/.test(all) ? '(.*?)' : '((?:(?!: ).)*?)'}${x}`);
}

export function known(sentences) {
	rows = Object.entries(sentences).map(([english, text]) => [new RegExp(`^${pattern(english)}$`, 's'), text]);
}

function whole(english) {
	for (const [pattern, text] of rows) {
		const holes = pattern.exec(english);
		if (holes) return text.replace(/\{(\d)\}/g, (_, i) => said(holes[i]));
	}
	return null;
}

export function said(english) {
	if (!english || !rows.length) return english;
	const all = whole(english);
	if (all !== null) return all;
	for (let at = english.indexOf(': '); at > 0; at = english.indexOf(': ', at + 1)) {
		const place = english.slice(0, at), cause = english.slice(at + 2), left = whole(place), right = whole(cause);
		if (left !== null || right !== null) return `${left ?? place}：${right ?? said(cause)}`;
	}
	return english;
}
