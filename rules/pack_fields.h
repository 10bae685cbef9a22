/* rules/pack_fields.h - the schema table of a pack. */
#ifndef RULES_PACK_FIELDS_H
#define RULES_PACK_FIELDS_H

#include "rules/language.h"

extern const struct conf_field pack_fields[];
bool pack_bilingual(struct conf *c, const struct conf_node *n, struct bilingual *out);
conf_reader pack_share;

#endif
