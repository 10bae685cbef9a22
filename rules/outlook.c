/* When the window that a pack asks for will be whole: from the rule, the day its event fell on, and the day of judging. */
#include "rules/language.h"

#include <string.h>

static struct date month_after(struct date first, int64_t months)
{
	int64_t index = (int64_t)first.year * 12 + first.month - 1 + months;
	return (struct date){ .year = (int32_t)(index / 12), .month = (int8_t)(index % 12 + 1), .day = 1 };
}

static struct date day_before(struct date d)
{
	return date_of_days(date_days(d) - 1);
}

/* The window goes by what the configuration says; what people stated stands in where there is no configuration. */
static struct date event_of(const struct pack_window_spec *w, const struct facts *f)
{
	if (strcmp(w->event, "operation_start") == 0)
		return f->site ? f->site->operation_start : (struct date){ 0 };
	return f->site && f->site->retrofit_completed.year ? f->site->retrofit_completed : f->completed;
}

void pack_outlook_of(const struct pack *p, const struct facts *f, struct pack_outlook *out)
{
	const struct pack_window_spec *w = &p->window;
	*out = (struct pack_outlook){ .months = w->months, .event = w->event };
	if (w->kind == WINDOW_CALENDAR_YEAR) {
		out->state = OUTLOOK_DATED;
		out->whole = (struct date){ f->judged.year, 12, 31 };
	} else if ((w->kind == WINDOW_ROLLING || w->kind == WINDOW_SINCE) && w->event) {
		struct date event = event_of(w, f), first = event.day > 1 ? month_after(event, 1) : event;
		out->state = event.year ? OUTLOOK_DATED : OUTLOOK_NO_EVENT;
		if (!event.year)
			return;
		out->whole = day_before(month_after(first, w->months));
		if (w->interim)
			out->interim = day_before(month_after(first, 1));
	}
	out->last = w->end_by;
	out->too_late = out->last.year && date_compare(out->whole, out->last) > 0;
	if (out->state == OUTLOOK_DATED && w->kind != WINDOW_CALENDAR_YEAR && date_compare(out->whole, f->judged) < 0)
		out->state = OUTLOOK_WHOLE;
	if (out->interim.year && date_compare(out->interim, f->judged) < 0)
		out->interim = (struct date){ 0 };
}

static void say_dated(const struct pack_outlook *o, bool chinese, struct buf *out)
{
	char day[DATE_TEXT];
	if (o->interim.year)
		buf_printf(out, chinese ? "首个整月于%s满:次日起可作中期判定。" : "The first whole month is complete on %s: decidable as an interim value from the day after. ", date_text(o->interim, day));
	if (!o->event)
		buf_printf(out, chinese ? "本公历年于%s满:次日起可判定。" : "This calendar year is complete on %s: decidable from the day after. ", date_text(o->whole, day));
	else
		buf_printf(out, chinese ? "%lld个整月于%s满:次日起可作全年判定。" : "%lld whole months are complete on %s: decidable for the whole window from the day after. ", (long long)o->months,
			   date_text(o->whole, day));
	if (o->too_late)
		buf_printf(out, chinese ? "但政策要求测量期最迟于%s结束:按此规则只能得到中期值。" : "But the rule lets the window end on %s at the latest: only an interim value can be had. ", date_text(o->last, day));
}

void pack_outlook_text(const struct pack_outlook *o, bool chinese, struct buf *out)
{
	const char *event = o->event ? o->event : "";
	bool started = strcmp(event, "operation_start") == 0;
	switch (o->state) {
	case OUTLOOK_NO_EVENT:
		buf_printf(out, chinese ? "测量期自%s起算,而该日期尚无人说明:在配置中写明 %s。其后满%lld个整月方可作全年判定。"
					: "The window begins with the %s, a day that nobody has stated: add '%s' to the configuration. Decidable for the whole window %lld whole months after it.",
			   chinese ? (started ? "投运日" : "改造完成日") : started ? "start of operation" : "completion of the retrofit", started ? "operation_start" : "retrofit_completed",
			   (long long)o->months);
		break;
	case OUTLOOK_DATED:
		say_dated(o, chinese, out);
		break;
	case OUTLOOK_WHOLE:
		buf_str(out, chinese ? "测量期已满,时间上无须再等。" : "The window is complete: nothing is left to wait for.");
		break;
	default:
		buf_str(out, chinese ? "测量期不取决于某一事件,有数据即可判定。" : "The window hangs on no event: decidable as soon as there are data.");
		break;
	}
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = 0;
}
