/* settings.schedule: hourly, daily, weekly, monthly, five fields of cron, or an ISO 8601 duration. UTC. Pure. */
#ifndef CORE_CONNECTOR_SCHEDULE_H
#define CORE_CONNECTOR_SCHEDULE_H

#include "hub/base.h"

/* The first time after `after` (ms), or of a duration `after` + it; 0: never (30 February), or no schedule. hourly: at minute 0, daily at
 * midnight, weekly on Mondays, monthly on the first. */
int64_t hub_schedule_next(hub_slice_t schedule, int64_t after);
/* What settings accept: exactly what hub_schedule_next understands. */
bool hub_schedule_valid(hub_slice_t schedule);

#endif
