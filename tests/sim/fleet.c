#include "tests/sim/fleet.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct class_row classes[CLASSES] = {
	[CLASS_IEM3000] = { "schneider-iem3000", "total.energy", "Schneider Electric", "iEM3255", false, 1000, 0, 5 },
	[CLASS_ADW300] = { "acrel-adw300", "total.energy", "Acrel", "ADW300", false, 10000, INT64_C(1) << 31, 5 },
	[CLASS_CABINET] = { "pued-sim-rowcabinet", "total.energy", "pued-sim", "ROWCABINET", false, 10000, INT64_C(1) << 32, 5 },
	[CLASS_CHILLER] = { "daikin-microtech3", NULL, "Daikin", "MicroTech III", false, 0, 0, 15 },
	[CLASS_CLIMATE] = { "th-modbus", NULL, "generic", "TH", false, 0, 0, 30 },
	[CLASS_UPS] = { "ups-rfc1628", NULL, "pued-sim", "UPS 600 kVA", true, 0, 0, 10 },
	[CLASS_RPDU2] = { "apc-rpdu2", "total.energy", "APC", "AP8853", true, 100000, INT64_C(1) << 31, 15 },
	[CLASS_PX2] = { "raritan-px2", "inlet.1.energy", "Raritan", "PX2-1234", true, 1000, INT64_C(1) << 32, 15 },
	[CLASS_INROW] = { "apc-inrow-rc", NULL, "APC", "ACRC103", true, 0, 0, 30 },
};

static uint32_t loopback(int b, int c, int d)
{
	return (uint32_t)(127 << 24 | b << 16 | c << 8 | d);
}

static struct sim_device *add(struct fleet *f, enum device_class class, uint32_t address, int unit)
{
	struct sim_device *d = &f->devices[f->n];
	*d = (struct sim_device){ .class = class, .address = address, .unit = (uint8_t)unit, .node = -1, .rack = -1, .hall = -1 };
	if (class == CLASS_IEM3000)   /* its serial number is a number */
		snprintf(d->serial, sizeof d->serial, "%zu", 40000001 + f->n);
	else
		snprintf(d->serial, sizeof d->serial, "SIM%d%05zu", class, f->n + 1);
	d->chance = f->seed * 1000003 + f->n;
	f->n++;
	return d;
}

/* Gateways by what hangs on them: UPS meters per hall, cabinets per UPS, the plant per transformer. */
static void place(const struct model *m, int node, enum device_class *class, uint32_t *address, int *unit)
{
	const struct node *n = model_node(m, node);
	*class = CLASS_ADW300;
	switch (n->kind) {
	case NODE_UTILITY:
		*class = CLASS_IEM3000, *address = loopback(10, 0, 1 + n->side), *unit = 1;
		break;
	case NODE_TRANSFORMER:
		*class = CLASS_IEM3000, *address = loopback(10, 0, 11 + n->unit), *unit = 1;
		break;
	case NODE_UPS_IN:
	case NODE_UPS_OUT:
		*address = loopback(10, 1, 1 + n->hall), *unit = 1 + n->side * 2 + (n->kind == NODE_UPS_OUT);
		break;
	case NODE_ROW:
		*class = CLASS_CABINET, *address = loopback(10, 2, 1 + n->hall * 2 + n->side), *unit = 1 + n->row % 8;
		break;
	default:
		*address = loopback(10, 3, 1 + n->unit);
		*unit = n->kind == NODE_CRAH ? 5 + n->hall % 2 : n->kind == NODE_LIGHTING ? 7 : n->kind < NODE_CRAH ? 1 + (int)n->kind - NODE_CHILLER : 8;
	}
}

static void add_meters(struct fleet *f)
{
	for (int i = 0; i < model_nodes(f->model); i++) {
		enum device_class class;
		uint32_t address;
		int unit;
		place(f->model, i, &class, &address, &unit);
		struct sim_device *d = add(f, class, address, unit);
		const struct node *n = model_node(f->model, i);
		snprintf(d->id, sizeof d->id, "%s", n->id);
		d->node = i;
		d->side = n->side;
		d->hall = n->hall;
		d->meter = true;
	}
}

static void add_plant(struct fleet *f)
{
	for (int c = 0; c < SIM_TRANSFORMERS; c++) {
		struct sim_device *d = add(f, CLASS_CHILLER, loopback(10, 4, 1 + c), 1);
		snprintf(d->id, sizeof d->id, "chiller-%d-plc", c + 1);
		char node[16];
		snprintf(node, sizeof node, "chiller-%d", c + 1);
		d->node = model_find(f->model, node);
		d->unit_no = c;
	}
	for (int hall = 0; hall < SIM_HALLS; hall++) {
		for (int side = 0; side < 2; side++) {
			struct sim_device *d = add(f, CLASS_UPS, loopback(11, 1 + hall, 1 + side), 0);
			snprintf(d->id, sizeof d->id, "ups-h%d%c", hall + 1, 'a' + side);
			char node[16];
			snprintf(node, sizeof node, "ups-h%d%c-out", hall + 1, 'a' + side);
			d->node = model_find(f->model, node);
			d->side = side;
			d->hall = hall;
		}
	}
}

static void add_rack(struct fleet *f, int rack)
{
	int row = rack / SIM_RACKS_A_ROW, place_in_row = rack % SIM_RACKS_A_ROW, hall = row / 8;
	for (int side = 0; side < 2; side++) {
		struct sim_device *d = add(f, row % 2 ? CLASS_PX2 : CLASS_RPDU2,
				       loopback(21 + hall, 1 + row % 8, 1 + place_in_row * 2 + side), 0);
		snprintf(d->id, sizeof d->id, "pdu-h%dr%dk%02d%c", hall + 1, row % 8 + 1, place_in_row + 1, 'a' + side);
		d->rack = rack;
		d->side = side;
		d->hall = hall;
	}
	struct sim_device *d = add(f, CLASS_CLIMATE, loopback(10, 5 + row % 8, 1 + hall), 1 + place_in_row);
	snprintf(d->id, sizeof d->id, "th-h%dr%dk%02d", hall + 1, row % 8 + 1, place_in_row + 1);
	d->rack = rack;
	d->hall = hall;
}

static void add_crahs(struct fleet *f)
{
	for (int hall = 0; hall < SIM_HALLS; hall++) {
		for (int k = 0; k < 18; k++) {
			struct sim_device *d = add(f, CLASS_INROW, loopback(12, 1 + hall, 1 + k), 0);
			snprintf(d->id, sizeof d->id, "inrow-h%dn%02d", hall + 1, k + 1);
			d->hall = hall;
			d->unit_no = k;
		}
	}
}

static void add_extra(struct fleet *f, int n)
{
	for (int i = 0; i < n; i++) {
		struct sim_device *meter = add(f, CLASS_ADW300, loopback(40 + i / 50000, i / 250 % 200, 1 + i % 250), 1);
		snprintf(meter->id, sizeof meter->id, "x-meter-%05d", i + 1);
		meter->rack = i % SIM_RACKS;
	}
	for (int i = 0; i < n; i++) {
		struct sim_device *pdu = add(f, CLASS_RPDU2, loopback(50 + i / 50000, i / 250 % 200, 1 + i % 250), 0);
		snprintf(pdu->id, sizeof pdu->id, "x-pdu-%05d", i + 1);
		pdu->rack = i % SIM_RACKS;
		pdu->side = 1;
	}
}

struct fleet *fleet_new(struct model *m, uint64_t seed, struct fleet_size size, struct err *err)
{
	struct fleet *f = calloc(1, sizeof *f);
	if (f)
		f->devices = calloc((size_t)(model_nodes(m) + 200 + size.racks_polled * 3 + size.extra * 2), sizeof *f->devices);
	if (!f || !f->devices) {
		free(f);
		err_memory(err);
		return NULL;
	}
	f->model = m;
	f->seed = seed;
	f->start_ms = SIM_EPOCH_MS;
	add_meters(f);
	add_plant(f);
	for (int row = 0; row < SIM_ROWS; row++)
		for (int k = 0; k < size.racks_polled / SIM_ROWS; k++)
			add_rack(f, row * SIM_RACKS_A_ROW + k);
	if (size.crahs)
		add_crahs(f);
	add_extra(f, size.extra);
	for (size_t i = 0; i < f->n; i++)   /* meters were installed at some time before: up to 4 GW.h, or 40 MW.h at a rack */
		f->devices[i].offset_mwh = ((int64_t)sim_chance(seed, 6000, i) + 1000000) * (f->devices[i].rack >= 0 ? 20000 : 2000000);
	return f;
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_faults; i++)
		free(f->faults[i]);
	free(f->devices);
	free(f->faults);
	free(f);
}

struct sim_device *fleet_find(struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->devices[i].id, id))
			return &f->devices[i];
	return NULL;
}

static bool give(struct fleet *f, const struct fault *fault, struct err *err)
{
	size_t fits = 0;
	if (fault->kind == FAULT_SWAPPED && fault->text[0] && !fleet_find(f, fault->text))
		return err_set(err, ERR_USAGE, "swapped: no device is called `%s`", fault->text);
	for (size_t i = 0; i < f->n; i++) {
		struct sim_device *d = &f->devices[i];
		if (fnmatch(fault->pattern, d->id, 0))
			continue;
		fits++;
		if (fault->percent < 100 && (sim_chance(f->seed, 7000, i) + 1000000) / 20000 >= fault->percent)
			continue;
		if (d->n_faults == FAULTS_A_DEVICE)
			return err_set(err, ERR_USAGE, "%s has more than %d faults", d->id, FAULTS_A_DEVICE);
		if (fault->kind == FAULT_WRAP && !fault->arg && !classes[d->class].modulus)
			return err_set(err, ERR_USAGE, "%s: its register never rolls over; give the span, as wrap:10000000", d->id);
		d->faults[d->n_faults++] = fault;
	}
	return fits || err_set(err, ERR_USAGE, "no device fits `%s`", fault->pattern);
}

bool fleet_fault_add(struct fleet *f, const struct fault *fault, struct err *err)
{
	struct fault **faults = realloc(f->faults, (f->n_faults + 1) * sizeof *faults), *copy = malloc(sizeof *copy);
	if (faults)
		f->faults = faults;
	if (!faults || !copy) {
		free(copy);
		return err_memory(err);
	}
	*copy = *fault;
	f->faults[f->n_faults++] = copy;
	return give(f, copy, err);
}

void fleet_fault_clear(struct fleet *f, const char *pattern)
{
	for (size_t i = 0; i < f->n; i++)
		if (!fnmatch(pattern, f->devices[i].id, 0))
			f->devices[i].n_faults = 0;
}

const struct fault *fleet_fault(const struct sim_device *d, enum fault_kind kind, struct wall now)
{
	for (int i = 0; i < d->n_faults; i++)
		if (d->faults[i]->kind == kind && now.ms >= d->faults[i]->from.ms && now.ms < d->faults[i]->to.ms)
			return d->faults[i];
	return NULL;
}
