/* Schedules: hourly, daily, weekly, monthly, five fields of cron, or an ISO 8601 duration. UTC. Pure; any thread.
 *
 * cron(5): minute 0-59, hour 0-23, day of month 1-31, month 1-12, day of week 0-7 (0 and 7: Sunday), each *, or numbers and ranges with
 * commas between, a * or a range with a step behind a slash; months and days of the week also by the first three letters of their English
 * names. Where neither the day of month nor the day of week starts with *, either one will do.
 * Duration: PnW, or PnYnMnDTnHnMnS, each part at most once, whole numbers, a second to 100 years. Months and years are those of the
 * calendar; a day that the month does not have is its last one. */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include "hub/base.h"

/* The first time after `after` (ms), or of a duration `after` + it; 0: no schedule, or it never comes (30 February). hourly: at minute 0,
 * daily at midnight, weekly on Mondays, monthly on the first. `after` from 1970 to 9999. */
int64_t hub_schedule_next(hub_slice_t schedule, int64_t after);
/* What settings accept: what comes at some time. */
bool hub_schedule_valid(hub_slice_t schedule);

#endif
