// Elements are only ever made from names and texts: nothing that a device, a rack or a topic is called can become markup.
const svgns = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
	for (const [key, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false) continue;
		if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
		else node.setAttribute(key, value === true ? '' : String(value));
	}
	for (const child of children.flat(Infinity)) {
		if (child === null || child === undefined || child === false) continue;
		node.append(child instanceof Node ? child : document.createTextNode(String(child)));
	}
	return node;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(svgns, tag), attributes, children);

// A table with its caption; rows are lists of texts or nodes, `numeric` the columns that hold figures, `words` those with sentences.
export function table(caption, heads, rows, numeric = [], words = []) {
	const at = (i) => (numeric.includes(i) ? 'num' : words.includes(i) ? 'say' : null);
	return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
		h('table', null, h('caption', null, caption),
			h('thead', null, h('tr', null, heads.map((x, i) => h('th', { scope: 'col', class: at(i) }, x)))),
			h('tbody', null, rows.map((r) => h('tr', null, r.map((x, i) => h(i ? 'td' : 'th', { class: at(i), scope: i ? null : 'row' }, x)))))));
}

// Open or closed stays as the reader left it when the section is drawn again.
const open = new Set();
export function fold(key, summary, make) {
	const body = h('div');
	const turn = (shown) => {
		if (shown) open.add(key); else open.delete(key);
		if (shown && !body.firstChild) body.append(make());
	};
	// At the click, not at the toggle that follows it: the section may be drawn again between the two.
	const box = h('details', { open: open.has(key), ontoggle: () => turn(box.open) },
		h('summary', { onclick: () => turn(!box.open) }, summary), body);
	turn(open.has(key));
	return box;
}
