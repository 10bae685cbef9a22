// node sums.mjs DAY.csv FROM_MS TO_MS: the same two sums in DuckDB on one thread; CPU microseconds a query and the answer.
import { DuckDBInstance } from "@duckdb/node-api";

const [csv, from, to] = process.argv.slice(2);
const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
const db = await instance.connect();
await db.run(`CREATE TABLE r AS SELECT s::INTEGER AS s, t::BIGINT AS t, v::BIGINT AS v
	FROM read_csv('${csv}', header = false, names = ['s', 't', 'v']) ORDER BY s, t`);
const queries = {
	day: `SELECT sum(m) / 1000.0 FROM (SELECT avg(v) AS m FROM r WHERE t >= ${from} AND t < ${to} GROUP BY s)`,
	quarters: `SELECT sum(m) / 1000.0 FROM (SELECT sum(m) AS m FROM (SELECT t // 900000 AS q, avg(v) AS m FROM r WHERE t >= ${from} AND t < ${to} GROUP BY s, q) GROUP BY q)`,
	plain: `SELECT sum(v) / 1000.0 FROM r WHERE t >= ${from} AND t < ${to}`,
};
for (const [name, sql] of Object.entries(queries)) {
	const rounds = 30;
	let answer;
	await db.runAndReadAll(sql);
	const before = process.cpuUsage();
	for (let i = 0; i < rounds; i++)
		answer = (await db.runAndReadAll(sql)).getRows()[0][0];
	const used = process.cpuUsage(before);
	console.log(`sum ${name} ${Math.round((used.user + used.system) / rounds)} ${Number(answer).toFixed(6)}`);
}
