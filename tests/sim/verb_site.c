/* site.yaml, devices.csv and racks.csv of the simulated site, in the format of docs/configuration.md. */
#include "tests/sim/verbs.h"
#include "tests/sim/fleet.h"
#include "agent/file.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct ports { int64_t modbus, snmp; bool rack_meters; };

static const struct kind_row {
	const char *role, *point, *p_max, *ct, *zh;
	const char *meter_class, *ct_class, *losses;
} kinds[NODE_KINDS] = {
	[NODE_UTILITY] = { "supply", NULL, "2.5 MW", "200/5", "市电进线", "0.2S", "0.2S", "0.35 %" },
	[NODE_TRANSFORMER] = { "transformer", NULL, "1.6 MW", "3000/5", "变压器低压侧", "0.2S", "0.2S", NULL },
	[NODE_UPS_IN] = { "ups_input", NULL, "640 kW", "1250/5", "UPS输入", "0.5S", "0.5S", "3.2 %" },
	[NODE_UPS_OUT] = { "distribution", "ups_output", "600 kW", "1250/5", "UPS输出", "0.5S", "0.5S", "0.25 %" },
	[NODE_ROW] = { "it", "row_cabinet", "120 kW", "250/5", "列头柜", "0.5S", "0.2S", NULL },
	[NODE_CHILLER] = { "cooling", NULL, "300 kW", "600/5", "冷水机组", "0.5S", "0.5S", NULL },
	[NODE_CHILLED_PUMP] = { "cooling", NULL, "45 kW", "150/5", "冷冻水泵", "0.5S", "0.5S", NULL },
	[NODE_CONDENSER_PUMP] = { "cooling", NULL, "45 kW", "150/5", "冷却水泵", "0.5S", "0.5S", NULL },
	[NODE_TOWER] = { "cooling", NULL, "45 kW", "150/5", "冷却塔", "0.5S", "0.5S", NULL },
	[NODE_CRAH] = { "cooling", NULL, "40 kW", "100/5", "机房空调", "0.5S", "0.5S", NULL },
	[NODE_LIGHTING] = { "lighting", NULL, "15 kW", "50/5", "照明", "0.5S", "0.5S", NULL },
	[NODE_OFFICE] = { "other", NULL, "40 kW", "100/5", "办公", "0.5S", "0.5S", NULL },
	[NODE_SECURITY] = { "other", NULL, "15 kW", "50/5", "安防消防", "0.5S", "0.5S", NULL },
	[NODE_AUXILIARY] = { "other", NULL, "15 kW", "50/5", "辅助", "0.5S", "0.5S", NULL },
};
static const char *const functions[] = { "compute", "storage", "network" };

static const char head[] =
	"# The simulated data center of pued-sim, written by `pued-sim site`.  Everything measured here is simulated.\n"
	"version: 1\n\n"
	"site:\n"
	"  id: sim-dc1\n"
	"  name: {zh: 模拟数据中心, en: Simulated data center}\n"
	"  address: {zh: 河北省保定市(模拟), en: \"Baoding, Hebei (simulated)\"}\n"
	"  timezone: Asia/Shanghai\n"
	"  simulated: true\n"
	"  administrative_code: \"130600\"\n"
	"  jurisdiction: city_district\n"
	"  applicant:\n"
	"    name: {zh: 模拟申请单位, en: Simulated applicant}\n"
	"    code: 91130600MA0000000Q\n"
	"    representative: 模拟\n"
	"    contact: +86 312 0000000\n"
	"  operation_start: 2016-05-01\n"
	"  retrofit_completed: 2024-12-20\n"
	"  boundary: SIM-SLD-01\n"
	"  standard: \"ISO/IEC 30134-2:2026\"\n\n"
	"pack: baoding-2024-clause2\n\n";

static void write_meter(const struct fleet *f, const struct sim_device *d, struct buf *out)
{
	const struct node *n = model_node(f->model, d->node);
	const struct kind_row *k = &kinds[n->kind];
	buf_printf(out, "  - {id: %s, role: %s, label: %s %s", n->id, k->role, k->zh, n->id);
	if (n->parent >= 0)
		buf_printf(out, ", parent: %s", model_node(f->model, n->parent)->id);
	if (k->point)
		buf_printf(out, ", point: %s", k->point);
	if (n->hall >= 0)
		buf_printf(out, ", hall: h%d", n->hall + 1);
	if (n->kind == NODE_ROW)
		buf_printf(out, ", feeds: %s", functions[model_row_function(n->row)]);
	if (k->losses)
		buf_printf(out, ", losses: %s", k->losses);
	buf_printf(out, ", p_max: %s, class: %s, ct: %s, ct_class: %s", k->p_max, k->meter_class, k->ct, k->ct_class);
	if (n->kind == NODE_UTILITY)
		buf_str(out, ", pt: 10000/100, pt_class: 0.2");
	buf_printf(out, ", applied_by: meter, serial: %s, certificate: SIM-%s, calibrated_until: 2027-12-31}\n", d->serial, d->serial);
}

static void write_rack_meter(const struct sim_device *d, struct buf *out)
{
	int row = d->rack / SIM_RACKS_A_ROW;
	const char *energy = classes[d->class].energy_point;
	buf_printf(out, "  - {id: %s, role: rack, point: rack_inlet, parent: rc-h%dr%d%c, hall: h%d, feeds: %s, energy: %s, power: %.*s.power, ", d->id,
		   d->hall + 1, row % 8 + 1, 'a' + d->side, d->hall + 1, functions[model_row_function(row)], energy,
		   (int)(strrchr(energy, '.') - energy), energy);
	buf_printf(out, "p_max: 7.4 kW, class: 1 %%, serial: %s}\n", d->serial);
}

static void write_site(const struct fleet *f, const struct ports *p, struct buf *out)
{
	buf_str(out, head);
	buf_str(out, "devices:\n  - csv: devices.csv\n\nracks:\n  - csv: racks.csv\n\nmeters:\n");
	for (size_t i = 0; i < f->n; i++) {
		if (f->devices[i].meter)
			write_meter(f, &f->devices[i], out);
		else if (p->rack_meters && f->devices[i].rack >= 0 && classes[f->devices[i].class].energy_point)
			write_rack_meter(&f->devices[i], out);
	}
}

static void write_devices(const struct fleet *f, const struct ports *p, struct buf *out)
{
	buf_str(out, "id,profile,endpoint,credential,poll,deadline\n");
	for (size_t i = 0; i < f->n; i++) {
		const struct sim_device *d = &f->devices[i];
		const struct class_row *c = &classes[d->class];
		const char *host = inet_ntoa((struct in_addr){ htonl(d->address) });
		if (c->snmp)
			buf_printf(out, "%s,%s,snmp://%s:%lld,snmp-read,%ds,2s\n", d->id, c->profile, host, (long long)p->snmp, c->poll_s);
		else
			buf_printf(out, "%s,%s,modbus+tcp://%s:%lld/%u,,%ds,2s\n", d->id, c->profile, host, (long long)p->modbus, d->unit, c->poll_s);
	}
}

static bool has_pdu(const struct fleet *f, int rack)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->devices[i].rack == rack)
			return true;
	return false;
}

static void write_racks(const struct fleet *f, const struct ports *p, struct buf *out)
{
	buf_str(out, "id,hall,row,function,rated,feeds,installed\n");
	for (int rack = 0; rack < SIM_RACKS; rack++) {
		int row = rack / SIM_RACKS_A_ROW, hall = row / 8 + 1, r = row % 8 + 1, k = rack % SIM_RACKS_A_ROW + 1;
		buf_printf(out, "h%dr%dk%02d,h%d,h%dr%d,%s,4 kW,", hall, r, k, hall, hall, r, functions[model_row_function(row)]);
		if (p->rack_meters && has_pdu(f, rack))
			buf_printf(out, "pdu-h%dr%dk%02da;pdu-h%dr%dk%02db", hall, r, k, hall, r, k);
		else
			buf_printf(out, "rc-h%dr%da;rc-h%dr%db", hall, r, hall, r);
		buf_str(out, ",2024-12-20T00:00:00+08:00\n");
	}
}

static bool write_one(const char *dir, const char *name, unsigned mode, void (*write)(const struct fleet *, const struct ports *, struct buf *),
		      const struct fleet *f, const struct ports *p, struct err *err)
{
	CLEANUP(buf_done) struct buf path = { 0 }, text = { 0 };
	buf_printf(&path, "%s/%s", dir, name);
	write(f, p, &text);
	if (path.failed || text.failed)
		return err_memory(err);
	return file_write(path.data, text.data, text.len, mode, err);
}

static void write_community(const struct fleet *f, const struct ports *p, struct buf *out)
{
	(void)f, (void)p;
	buf_str(out, "public");
}

static bool make_dir(const char *dir, const char *below, struct err *err)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	buf_printf(&path, "%s%s", dir, below);
	if (path.failed)
		return err_memory(err);
	return !mkdir(path.data, 0777) || errno == EEXIST || err_set(err, ERR_IO, "%s: %s", path.data, strerror(errno));
}

static bool write_all(const char *dir, const struct fleet *f, const struct ports *p, struct err *err)
{
	return make_dir(dir, "", err) && make_dir(dir, "/credentials", err) && write_one(dir, "site.yaml", 0644, write_site, f, p, err) &&
	       write_one(dir, "devices.csv", 0644, write_devices, f, p, err) && write_one(dir, "racks.csv", 0644, write_racks, f, p, err) &&
	       write_one(dir, "credentials/snmp-read", 0600, write_community, f, p, err);
}

bool verb_site(int argc, char **argv, struct err *err)
{
	struct setup setup = { 0 };
	struct ports ports = { .modbus = 15020, .snmp = 16100 };
	const char *out = NULL, *modbus = NULL, *snmp = NULL, *rack_meters = NULL;
	const struct option_row rows[] = {
		{ "--out", &out, false }, { "--modbus-port", &modbus, false }, { "--snmp-port", &snmp, false },
		{ "--rack-meters", &rack_meters, true }, SETUP_OPTIONS(setup),
	};
	if (!options_parse(argc, argv, rows, countof(rows), NULL, err))
		return false;
	if (!out)
		return err_set(err, ERR_USAGE, "give --out DIR");
	if ((modbus && !number_parse("--modbus-port", modbus, 1, 65535, &ports.modbus, err)) ||
	    (snmp && !number_parse("--snmp-port", snmp, 1, 65535, &ports.snmp, err)))
		return false;
	ports.rack_meters = rack_meters;
	struct model *m = NULL;
	struct fleet *f = NULL;
	if (!setup_fleet(&setup, (struct wall){ SIM_EPOCH_MS }, &m, &f, err))
		return false;
	bool good = write_all(out, f, &ports, err);
	fleet_free(f);
	model_free(m);
	return good;
}
