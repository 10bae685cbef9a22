// tests/browser/said.mjs SOURCE-ROOT - every sentence that can reach the page while the site runs has its Chinese, hole for hole.
import { readFileSync } from 'node:fs';
import { known, said } from '../../publish/web/said.js';

const root = process.argv[2];
const sentences = JSON.parse(readFileSync(`${root}/publish/web/said.zh.json`, 'utf8'));
let passed = 0, failed = 0;
function check(good, what) {
	good ? passed++ : failed++;
	if (!good) console.log(`FAILED ${what}`);
}

// What a running site says: devices, broker, store and ledger.  Kinds that only a bad configuration, a bad call or a bug of ours has
// (ERR_CONFIG, ERR_USAGE, ERR_INTERNAL) stop the program or the command instead.
const sources = {
	errors: ['agent/life.c', 'agent/poller.c', 'collectors/modbus_conn.c', 'collectors/modbus_connect.c', 'collectors/modbus_receive.c', 'collectors/modbus_frame.c', 'collectors/modbus_tcp.c', 'collectors/net.c', 'collectors/serial.c',
		'collectors/snmp.c', 'collectors/snmp_job.c', 'collectors/snmp_life.c', 'collectors/snmp_session.c', 'collectors/snmp_udp.c', 'publish/mqtt_client.c', 'publish/mqtt_session.c', 'publish/mqtt_wire.c', 'store/reserve.c', 'store/writer.c'],
	all: ['core/ledger_meter.c', 'core/balance_watch.c', 'core/kpi_table.c', 'core/kpi_baseline.c'],
};
const plain = (text) => text.replace(/\\"/g, '"').replace(/%(?:\.\*|[-+0]?[\d.]*)?(?:hh|h|ll|l|z|t|j)?[a-zA-Z]/g, '%');
const joined = (file) => readFileSync(`${root}/${file}`, 'utf8').replace(/"\s*PRI[diux]64\s*/g, 'd"').replace(/"\s*"/g, '');
const missing = (file, text) => check(Object.hasOwn(sentences, text), `${file}: "${text}" is not in publish/web/said.zh.json`);
for (const file of sources.errors)
	for (const [, call] of joined(file).matchAll(/\b(?:err_set\([^,"]*,[^"]*?ERR_(?:UNAVAILABLE|IO|INPUT|DENIED|EVIDENCE|RANGE)|say\([^"]*),[^"]*?"((?:[^"\\]|\\.)*)"/g))
		if (/[a-z]{2,} [a-z]{2,}/.test(call)) missing(file, plain(call));
for (const file of sources.all)
	for (const [, text] of joined(file).matchAll(/"((?:[^"\\\n]|\\.)*)"/g))
		if (/[a-z]{2,} [a-z]{2,}/.test(text)) missing(file, plain(text));
for (const [, text] of readFileSync(`${root}/core/sample.c`, 'utf8').matchAll(/\[REASON_(?!NONE|MANUAL)\w+\] = "([^"]*)"/g)) missing('core/sample.c', text);

known(sentences);
for (const [english, chinese] of Object.entries(sentences)) {
	const holes = english.split('%').length - 1;
	for (const [, i] of chinese.matchAll(/\{(\d)\}/g)) check(Number(i) >= 1 && Number(i) <= holes, `"${english}": {${i}} has no hole`);
}
for (const [english, chinese] of [
	['no answer within 900 ms', '900 ms 内没有应答'],
	['unit 3, 2 holding registers at 0x0034: exception 2: illegal data address', '单元 3，0x0034 起 2 个保持寄存器：异常码 2：没有这个地址'],
	['pdu-07: connection lost: Connection reset by peer', 'pdu-07：连接中断：连接被对方重置'],
	['no answer 3 times in a row, tried once a minute from now on: no answer within 900 ms', '连续 3 次无应答，此后每分钟试一次：900 ms 内没有应答'],
	['cannot open /dev/ttyS0: Permission denied; add the user to group dialout', '无法打开 /dev/ttyS0：权限不足；请把用户加入 dialout 组'],
	['1250 between 1000 and 1001: 2 readings rejected, energy known', '1000 与 1001 之间出现 1250：拒收 2 个读数，电量已知'],
	['more_above: ups, suspect cab-1: residual 41800000 mW.h, 3u 1200 mW.h: the meters below see more than flows in: a wrong CT ratio, a swapped CT, or a meter counted twice',
		'流入多于下级：ups，可疑 cab-1：差额 41800000 mW.h，3u 1200 mW.h：下级各表之和多于流入：互感器变比有误、互感器接错，或有表重复计入'],
	['low_load: the CT carries 12.0 % of its rated current on average, its class holds from 20.0 % on', '互感器负荷过低：互感器平均负荷为额定电流的 12.0 %，其等级自 20.0 % 起成立'],
	['one poll took 1510 ms, more than its period of 1000 ms: the longest of 2 asked took 1500 ms in 2 tries (1 holding register at 0x0400): no answer within 900 ms',
		'一次轮询用时 1510 ms，超过其周期 1000 ms：2 个请求中最久的用时 1500 ms，共试 2 次（1 holding register at 0x0400）：900 ms 内没有应答'],
	['gone: ups: residual 12 mW.h, u 400 mW.h: it closes', '已消除：ups：差额 12 mW.h，u 400 mW.h：平衡'],
	['iPUE2 = 1.2499 ± 0.006 (k=2), 2026-01-01..2026-03-31, completeness 99.98 %, ISO/IEC 30134-2:2026', 'iPUE2 = 1.2499 ± 0.006 (k=2)，2026-01-01..2026-03-31，完整率 99.98 %，ISO/IEC 30134-2:2026'],
	['no PUE, 2025-03-03T08:00:00+08:00..2025-03-03T09:00:00+08:00: insufficient data: E_IT is zero', '没有 PUE，2025-03-03T08:00:00+08:00..2025-03-03T09:00:00+08:00：数据不足：E_IT 为零'],
	['the CT of meter fb carried 1.4 % of its rated current on average; its class holds from 5 %', '电表 fb 的互感器平均负荷为额定电流的 1.4 %；其等级自 5 % 起成立'],
	['the CT class of meter fb is not stated', '电表 fb 没有写明CT 等级'],
	['meter A1 -> B7: moved (statement 0123)', '电表 A1 -> B7：moved (statement 0123)'],
	['a sentence nobody knows: not even in part', 'a sentence nobody knows: not even in part'],
]) check(said(english) === chinese, `"${english}" became "${said(english)}"`);
known({});
check(said('no answer within 900 ms') === 'no answer within 900 ms', 'English stays English');
check(said(null) === null, 'nothing stays nothing');

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
