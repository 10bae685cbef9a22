#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/snmp_var.h"

#include <string.h>

static bool copy_oid(const oid *ids, size_t n, struct oid *out)
{
	if (n > OID_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ids[i] > UINT32_MAX)
			return false;
		out->ids[i] = (uint32_t)ids[i];
	}
	out->n = (uint32_t)n;
	return true;
}

static bool as_integer(const netsnmp_variable_list *in, struct var *out)
{
	out->integer = *in->val.integer;
	return true;
}

static bool as_unsigned(const netsnmp_variable_list *in, struct var *out)
{
	/* A negative Gauge or Counter is a fault of the agent: it stays outside the 32-bit range, so that decoding can see it. */
	out->integer = *in->val.integer;
	return true;
}

static bool as_counter64(const netsnmp_variable_list *in, struct var *out)
{
	uint64_t v = (uint64_t)in->val.counter64->high << 32 | (uint32_t)in->val.counter64->low;
	memcpy(&out->integer, &v, sizeof v);
	return true;
}

static bool as_text(const netsnmp_variable_list *in, struct var *out)
{
	size_t n = in->val_len < TEXT_VALUE_MAX ? in->val_len : TEXT_VALUE_MAX;
	memcpy(out->text, in->val.string, n);
	out->text[n] = 0;
	out->text_len = (uint16_t)n;
	return true;
}

static bool as_oid(const netsnmp_variable_list *in, struct var *out)
{
	return copy_oid(in->val.objid, in->val_len / sizeof(oid), &out->oid);
}

static bool as_float(const netsnmp_variable_list *in, struct var *out)
{
	out->real = (double)*in->val.floatVal;
	return true;
}

static bool as_double(const netsnmp_variable_list *in, struct var *out)
{
	out->real = *in->val.doubleVal;
	return true;
}

static bool as_nothing(const netsnmp_variable_list *in, struct var *out)
{
	(void)in, (void)out;
	return true;
}

static const struct { u_char asn; enum var_type type; bool (*read)(const netsnmp_variable_list *, struct var *); } types[] = {
	{ ASN_INTEGER, VAR_INTEGER, as_integer }, { ASN_GAUGE, VAR_UNSIGNED, as_unsigned }, { ASN_COUNTER, VAR_COUNTER32, as_unsigned },
	{ ASN_TIMETICKS, VAR_TICKS, as_unsigned }, { ASN_UINTEGER, VAR_UNSIGNED, as_unsigned }, { ASN_COUNTER64, VAR_COUNTER64, as_counter64 },
	{ ASN_OCTET_STR, VAR_STRING, as_text }, { ASN_BIT_STR, VAR_STRING, as_text }, { ASN_OBJECT_ID, VAR_OID, as_oid },
	{ ASN_IPADDRESS, VAR_ADDRESS, as_text }, { ASN_OPAQUE_FLOAT, VAR_OPAQUE_FLOAT, as_float },
	{ ASN_OPAQUE_DOUBLE, VAR_OPAQUE_DOUBLE, as_double }, { ASN_OPAQUE_COUNTER64, VAR_COUNTER64, as_counter64 },
	{ ASN_OPAQUE_U64, VAR_COUNTER64, as_counter64 }, { ASN_NULL, VAR_NONE, as_nothing },
	{ SNMP_NOSUCHOBJECT, VAR_NO_SUCH_OBJECT, as_nothing }, { SNMP_NOSUCHINSTANCE, VAR_NO_SUCH_INSTANCE, as_nothing },
	{ SNMP_ENDOFMIBVIEW, VAR_END_OF_VIEW, as_nothing },
};

bool snmp_var(const struct variable_list *in, struct var *out)
{
	if (!copy_oid(in->name, in->name_length, &out->name))
		return false;
	out->type = VAR_NONE;
	out->text_len = 0;
	out->text[0] = 0;
	for (size_t i = 0; i < countof(types); i++) {
		if (types[i].asn != in->type)
			continue;
		out->type = types[i].type;
		return types[i].read(in, out);
	}
	return true;   /* a type that no value is made of: the point says REASON_TYPE */
}

bool snmp_name_is(const struct variable_list *in, const struct oid *name)
{
	if (in->name_length != name->n)
		return false;
	for (size_t i = 0; i < name->n; i++)
		if (in->name[i] != name->ids[i])
			return false;
	return true;
}

const char *snmp_error_text(long status)
{
	static const char *const texts[] = {
		"no error", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength", "wrongEncoding",
		"wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed", "authorizationError",
	};
	return status >= 0 && (size_t)status < countof(texts) ? texts[status] : "unknown error";
}
