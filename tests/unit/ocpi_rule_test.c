/* Every row of rule.def: an object that keeps it, and one that breaks it, with the pointer. The test's name is the rule's number and
 * function; what a breach weighs is the row's. Objects hold what the rule looks at and little else. */
#include "json.h"
#include "ocpi/rule.h"

typedef struct sample {
    const char *number, *function; /* of the row; a row of the same function is told by its text */
    ocpi_object_id_t object;
    uint8_t versions;
    const char *good, *bad, *pointer;
} sample_t;

#define V211 OCPI_V2_1_1
#define V221 OCPI_V2_2_1
#define V230 OCPI_V2_3_0
#define V22UP OCPI_V_22UP
#define VALL OCPI_V_ALL
#define PERIOD(time, type, volume) "{'start_date_time':'2026-01-02T" time "Z','dimensions':[{'type':'" type "','volume':" volume "}]}"
#define PRICED(type, price, rest) "{'price_components':[{'type':'" type "','price':" price ",'step_size':1}]" rest "}"

static const sample_t samples[] = {
    {"C19", "unique_roles", OCPI_OBJECT_CREDENTIALS, V22UP,
     "{'roles':[{'role':'CPO','party_id':'ABC','country_code':'NL'},{'role':'EMSP','party_id':'ABC','country_code':'NL'}]}",
     "{'roles':[{'role':'CPO','party_id':'ABC','country_code':'NL'},{'role':'CPO','party_id':'abc','country_code':'nl'}]}", "/roles/1"},

    {"L5", "live_evse", OCPI_OBJECT_LOCATION, VALL, "{'evses':[{'status':'REMOVED'},{'status':'BLOCKED'}]}",
     "{'evses':[{'status':'REMOVED'}]}", ""},
    {"L5", "live_evse", OCPI_OBJECT_LOCATION, VALL, "{'evses':[{'status':'AVAILABLE'}]}", "{}", ""},
    {"L7", "only_without", OCPI_OBJECT_LOCATION, V22UP, "{'publish':false,'publish_allowed_to':[{'group_id':'A'}]}",
     "{'publish':true,'publish_allowed_to':[{'group_id':'A'}]}", "/publish_allowed_to"},
    {"L9", "unique", OCPI_OBJECT_LOCATION, VALL, "{'evses':[{'uid':'A'},{'uid':'B'}]}", "{'evses':[{'uid':'A'},{'uid':'B'},{'uid':'a'}]}",
     "/evses/2"},
    {"L13", "unique", OCPI_OBJECT_LOCATION, V230, "{'parking_places':[{'id':'A'},{'id':'B'}]}",
     "{'parking_places':[{'id':'A'},{'id':'A'}]}", "/parking_places/1"},
    {"L13", "known_parking", OCPI_OBJECT_LOCATION, V230, "{'parking_places':[{'id':'A'}],'evses':[{'parking':[{'parking_id':'a'}]}]}",
     "{'parking_places':[{'id':'A'}],'evses':[{},{'parking':[{'parking_id':'A'},{'parking_id':'B'}]}]}", "/evses/1/parking/1"},
    {"L9", "unique", OCPI_OBJECT_EVSE, VALL, "{'connectors':[{'id':'1'},{'id':'2'}]}", "{'connectors':[{'id':'1'},{'id':'1'}]}",
     "/connectors/1"},
    {"L11", "unique", OCPI_OBJECT_CONNECTOR, V22UP, "{'tariff_ids':['A','B']}", "{'tariff_ids':['A','B','a']}", "/tariff_ids/2"},
    {"L10", "needed_without", OCPI_OBJECT_HOURS, V22UP, "{'twentyfourseven':true}", "{'twentyfourseven':false}", ""},
    {"L10", "only_without", OCPI_OBJECT_HOURS, V22UP,
     "{'twentyfourseven':false,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'09:00'}]}",
     "{'twentyfourseven':true,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'09:00'}]}", "/regular_hours"},
    {"L10", "clock_order", OCPI_OBJECT_REGULAR_HOURS, V22UP, "{'weekday':1,'period_begin':'08:00','period_end':'08:01'}",
     "{'weekday':1,'period_begin':'08:00','period_end':'08:00'}", ""},
    {"order", "time_order", OCPI_OBJECT_EXCEPTIONAL_PERIOD, VALL,
     "{'period_begin':'2026-01-02T08:00:00Z','period_end':'2026-01-02T09:00:00Z'}",
     "{'period_begin':'2026-01-02T08:00:00Z','period_end':'2026-01-02T07:00:00Z'}", "/period_end"},
    {"order", "time_order", OCPI_OBJECT_STATUS_SCHEDULE, VALL, "{'period_begin':'2026-01-02T08:00:00Z'}",
     "{'period_begin':'2026-01-02T08:00:00Z','period_end':'2026-01-02T07:00:00Z'}", "/period_end"},
    {"L8", "names_tokens", OCPI_OBJECT_PUBLISH_TOKEN_TYPE, V22UP, "{'group_id':'A'}", "{'type':'RFID'}", ""},
    {"L8", "needs", OCPI_OBJECT_PUBLISH_TOKEN_TYPE, V22UP, "{'uid':'A','type':'RFID'}", "{'uid':'A'}", ""},
    {"L8", "needs", OCPI_OBJECT_PUBLISH_TOKEN_TYPE, V22UP, "{'visual_number':'A','issuer':'B'}", "{'visual_number':'A','type':'RFID'}", ""},
    {"L15", "adds_to_hundred", OCPI_OBJECT_ENERGY_MIX, VALL,
     "{'energy_sources':[{'source':'WIND','percentage':33.3},{'source':'SOLAR','percentage':33.3},{'source':'GAS','percentage':33.4}]}",
     "{'energy_sources':[{'source':'WIND','percentage':70},{'source':'SOLAR','percentage':20}]}", "/energy_sources"},

    {"F3", "reachable_elements", OCPI_OBJECT_TARIFF, V22UP,
     "{'elements':[" PRICED("ENERGY", "0.3", ",'restrictions':{'min_kwh':9}") "," PRICED("ENERGY", "0.4", "") "," PRICED("TIME", "1",
                                                                                                                         "") "]}",
     "{'elements':[" PRICED("ENERGY", "0.4", ",'restrictions':{'min_kwh':null}") "," PRICED("ENERGY", "0.3",
                                                                                            ",'restrictions':{'min_kwh':9}") "]}",
     "/elements/1"},
    {"F3", "reachable_elements", OCPI_OBJECT_TARIFF, V22UP,
     "{'elements':[" PRICED("TIME", "0.4", "") "," PRICED("TIME", "0.3", ",'restrictions':{'reservation':'RESERVATION'}") "]}",
     "{'elements':[" PRICED("TIME", "0.4", "") "," PRICED("TIME", "0.3", "") "]}", "/elements/1"},
    {"F3", "reachable_elements", OCPI_OBJECT_TARIFF, V211,
     "{'elements':[" PRICED("ENERGY", "0.3", ",'restrictions':{'min_kwh':9}") "," PRICED("TIME", "0.4", "") "]}",
     "{'elements':[" PRICED("ENERGY", "0.3", "") "," PRICED("TIME", "0.4", "") "]}", "/elements/1"},
    {"F5", "free_is_flat", OCPI_OBJECT_TARIFF, VALL, "{'elements':[" PRICED("FLAT", "0.00", "") "]}",
     "{'elements':[" PRICED("ENERGY", "0.00", "") "]}", "/elements"},
    {"F5", "free_is_flat", OCPI_OBJECT_TARIFF, VALL, "{'elements':[" PRICED("FLAT", "0", "") "," PRICED("ENERGY", "0.25", "") "]}",
     "{'elements':[" PRICED("FLAT", "0", "") "," PRICED("ENERGY", "0", "") "]}", "/elements"},
    {"F7", "price_order", OCPI_OBJECT_TARIFF, V221, "{'min_price':{'excl_vat':1},'max_price':{'excl_vat':1}}",
     "{'min_price':{'excl_vat':10},'max_price':{'excl_vat':9.5}}", "/max_price"},
    {"F7", "price_order", OCPI_OBJECT_TARIFF, V230, "{'min_price':{'before_taxes':1},'max_price':{'before_taxes':2}}",
     "{'min_price':{'before_taxes':10},'max_price':{'before_taxes':9.5}}", "/max_price"},
    {"order", "time_order", OCPI_OBJECT_TARIFF, V22UP, "{'start_date_time':'2026-01-02T08:00:00Z'}",
     "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-01T08:00:00Z'}", "/end_date_time"},
    {"F3", "unique", OCPI_OBJECT_TARIFF_ELEMENT, VALL, "{'price_components':[{'type':'TIME'},{'type':'ENERGY'}]}",
     "{'price_components':[{'type':'TIME'},{'type':'TIME'}]}", "/price_components/1"},
    {"F6", "reservation_dimensions", OCPI_OBJECT_TARIFF_ELEMENT, V22UP,
     "{'price_components':[{'type':'TIME'},{'type':'FLAT'}],'restrictions':{'reservation':'RESERVATION'}}",
     "{'price_components':[{'type':'ENERGY'}],'restrictions':{'reservation':'RESERVATION_EXPIRES'}}", "/price_components"},
    {"D10", "not_negative", OCPI_OBJECT_PRICE_COMPONENT, VALL, "{'step_size':0}", "{'step_size':-1}", "/step_size"},
    {"F4", "range", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP, "{'min_kwh':1,'max_kwh':20}", "{'min_kwh':20,'max_kwh':20.0}", "/max_kwh"},
    {"F4", "range", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP, "{'min_current':6,'max_current':16}", "{'min_current':16,'max_current':6}",
     "/max_current"},
    {"F4", "range", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP, "{'min_power':6,'max_power':16}", "{'min_power':16,'max_power':6}",
     "/max_power"},
    {"F4", "range", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP, "{'min_duration':60,'max_duration':120}",
     "{'min_duration':60,'max_duration':60}", "/max_duration"},
    {"F4", "unique", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP, "{'day_of_week':['MONDAY','FRIDAY']}", "{'day_of_week':['MONDAY','MONDAY']}",
     "/day_of_week/1"},
    {"F9", "clock_order", OCPI_OBJECT_TARIFF_RESTRICTIONS, V22UP,
     "{'start_date':'2026-04-01','end_date':'2026-04-02','start_time':'22:00','end_time':'06:00'}",
     "{'start_date':'2026-04-01','end_date':'2026-04-01'}", ""},

    {"S1", "ended_session", OCPI_OBJECT_SESSION, V211, "{'status':'COMPLETED','end_datetime':'2026-01-02T08:00:00Z'}",
     "{'status':'COMPLETED'}", "/end_datetime"},
    {"S1", "ended_session", OCPI_OBJECT_SESSION, V22UP, "{'status':'COMPLETED','end_date_time':'2026-01-02T08:00:00Z'}",
     "{'status':'COMPLETED','end_date_time':null}", "/end_date_time"},
    {"S1", "running_session", OCPI_OBJECT_SESSION, V211, "{'status':'INVALID','end_datetime':'2026-01-02T08:00:00Z'}",
     "{'status':'ACTIVE','end_datetime':'2026-01-02T08:00:00Z'}", "/end_datetime"},
    {"S1", "running_session", OCPI_OBJECT_SESSION, V22UP, "{'status':'ACTIVE','end_date_time':null}",
     "{'status':'PENDING','end_date_time':'2026-01-02T08:00:00Z'}", "/end_date_time"},
    {"order", "time_order", OCPI_OBJECT_SESSION, V211, "{'start_datetime':'2026-01-02T08:00:00Z','end_datetime':'2026-01-02T08:00:00Z'}",
     "{'start_datetime':'2026-01-02T08:00:00Z','end_datetime':'2026-01-02T07:00:00Z'}", "/end_datetime"},
    {"order", "time_order", OCPI_OBJECT_SESSION, V22UP, "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T08:00:01Z'}",
     "{'start_date_time':'2026-01-02T08:00:00+01:00','end_date_time':'2026-01-02T06:59:59Z'}", "/end_date_time"},
    {"S6", "periods_within", OCPI_OBJECT_SESSION, V22UP,
     "{'start_date_time':'2026-01-02T08:00:00Z','charging_periods':[" PERIOD("07:00:00", "RESERVATION_TIME",
                                                                             "1") "," PERIOD("08:00:00", "TIME", "1") "]}",
     "{'start_date_time':'2026-01-02T08:00:00Z','charging_periods':[" PERIOD("07:59:59", "TIME", "1") "]}",
     "/charging_periods/0/start_date_time"},
    {"S11", "assigned", OCPI_OBJECT_SESSION, V22UP, "{'status':'RESERVATION','evse_uid':'#NA'}", "{'status':'ACTIVE','evse_uid':'#NA'}",
     "/evse_uid"},
    {"S11", "assigned", OCPI_OBJECT_SESSION, V22UP, "{'status':'ACTIVE','connector_id':'1'}", "{'status':'ACTIVE','connector_id':'#NA'}",
     "/connector_id"},
    {"totals", "energy_total", OCPI_OBJECT_SESSION, VALL,
     "{'kwh':3.5,'charging_periods':[" PERIOD("08:00:00", "ENERGY", "1.5") "," PERIOD("09:00:00", "ENERGY", "2") "]}",
     "{'kwh':3.5,'charging_periods':[" PERIOD("08:00:00", "ENERGY", "1500") "," PERIOD("09:00:00", "ENERGY", "2000") "]}", "/kwh"},

    {"D4", "credit_reference", OCPI_OBJECT_CDR, V22UP, "{'credit':true,'credit_reference_id':'A'}", "{'credit':true}",
     "/credit_reference_id"},
    {"D4", "only_with", OCPI_OBJECT_CDR, V22UP, "{'credit':false}", "{'credit_reference_id':'A'}", "/credit_reference_id"},
    {"D4", "other_reference", OCPI_OBJECT_CDR, V22UP, "{'id':'A-C','credit':true,'credit_reference_id':'A'}",
     "{'id':'A','credit':true,'credit_reference_id':'a'}", "/credit_reference_id"},
    {"D4", "credit_sign", OCPI_OBJECT_CDR, V221, "{'credit':true,'total_cost':{'excl_vat':-4.00}}",
     "{'credit':true,'total_cost':{'excl_vat':4.00}}", "/total_cost"},
    {"D4", "credit_sign", OCPI_OBJECT_CDR, V230, "{'total_cost':{'before_taxes':4.00}}",
     "{'credit':true,'total_cost':{'before_taxes':4.00}}", "/total_cost"},
    {"D5", "credit_length", OCPI_OBJECT_CDR, V22UP, "{'id':'1234567890-1234567890-1234567890-12345-C','credit':true}",
     "{'id':'1234567890-1234567890-1234567890-1234'}", "/id"},
    {"D7", "periods_in_order", OCPI_OBJECT_CDR, VALL,
     "{'charging_periods':[" PERIOD("08:00:00", "TIME", "1") "," PERIOD("09:00:00", "TIME", "1") "]}",
     "{'charging_periods':[" PERIOD("08:00:00", "TIME", "1") "," PERIOD("08:00:00", "ENERGY", "1") "]}", "/charging_periods/1"},
    {"D7", "periods_within", OCPI_OBJECT_CDR, V211,
     "{'start_date_time':'2026-01-02T08:00:00Z','stop_date_time':'2026-01-02T09:00:00Z','charging_periods':[" PERIOD("08:00:00", "TIME",
                                                                                                                     "1") "]}",
     "{'start_date_time':'2026-01-02T08:00:00Z','stop_date_time':'2026-01-02T09:00:00Z','charging_periods':[" PERIOD("09:00:01", "TIME",
                                                                                                                     "1") "]}",
     "/charging_periods/0/start_date_time"},
    {"D7", "periods_within", OCPI_OBJECT_CDR, V22UP,
     "{'start_date_time':'1970-01-01T00:00:00Z','end_date_time':'1970-01-01T00:00:00Z','charging_periods':[" PERIOD("08:00:00", "TIME",
                                                                                                                    "1") "]}",
     "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T09:00:00Z','charging_periods':[" PERIOD("09:00:01", "TIME",
                                                                                                                    "1") "]}",
     "/charging_periods/0/start_date_time"},
    {"D8", "session_dimensions", OCPI_OBJECT_CDR, V22UP, "{'charging_periods':[" PERIOD("08:00:00", "MAX_POWER", "1") "]}",
     "{'charging_periods':[" PERIOD("08:00:00", "TIME", "1") "," PERIOD("09:00:00", "STATE_OF_CHARGE", "1") "]}",
     "/charging_periods/1/dimensions/0/type"},
    {"D9", "session_named", OCPI_OBJECT_CDR, V22UP, "{'total_energy':0}", "{'total_energy':1.5}", "/session_id"},
    {"order", "time_order", OCPI_OBJECT_CDR, V211, "{'start_date_time':'2026-01-02T08:00:00Z','stop_date_time':'2026-01-02T09:00:00Z'}",
     "{'start_date_time':'2026-01-02T08:00:00Z','stop_date_time':'2026-01-02T07:00:00Z'}", "/stop_date_time"},
    {"order", "time_order", OCPI_OBJECT_CDR, V22UP, "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'1970-01-01T00:00:00Z'}",
     "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T07:00:00Z'}", "/end_date_time"},
    {"totals", "energy_total", OCPI_OBJECT_CDR, VALL, "{'total_energy':1.5,'charging_periods':[" PERIOD("08:00:00", "ENERGY", "1.499") "]}",
     "{'total_energy':15,'charging_periods':[" PERIOD("08:00:00", "ENERGY", "1.5") "]}", "/total_energy"},
    {"totals", "ordered_numbers", OCPI_OBJECT_CDR, VALL, "{'total_time':2,'total_parking_time':2}",
     "{'total_time':2,'total_parking_time':2.5}", "/total_parking_time"},
    {"totals", "cost_total", OCPI_OBJECT_CDR, V221,
     "{'total_cost':{'excl_vat':4.00},'total_fixed_cost':{'excl_vat':0.50},'total_energy_cost':{'excl_vat':3.50}}",
     "{'total_cost':{'excl_vat':4.00},'total_fixed_cost':{'excl_vat':0.50},'total_energy_cost':{'excl_vat':3.00}}", "/total_cost"},
    {"totals", "cost_total", OCPI_OBJECT_CDR, V230, "{'total_cost':{'before_taxes':4.00}}",
     "{'total_cost':{'before_taxes':4.00},'total_time_cost':{'before_taxes':3.00}}", "/total_cost"},

    {"K11", "app_whitelist", OCPI_OBJECT_TOKEN, V22UP, "{'type':'APP_USER','whitelist':'NEVER'}",
     "{'type':'AD_HOC_USER','whitelist':'ALLOWED'}", "/whitelist"},
    {"K11", "no_emaid", OCPI_OBJECT_TOKEN, V230, "{'type':'RFID'}", "{'type':'EMAID'}", "/type"},
    {"M11", "needs", OCPI_OBJECT_START_SESSION, V22UP, "{'evse_uid':'A','connector_id':'1'}", "{'connector_id':'1'}", ""},
    {"G7", "one_decimal", OCPI_OBJECT_CHARGING_PROFILE, V22UP, "{'min_charging_rate':6.50}", "{'min_charging_rate':6.55}",
     "/min_charging_rate"},
    {"G7", "one_decimal", OCPI_OBJECT_CHARGING_PROFILE_PERIOD, V22UP, "{'start_period':0,'limit':16}", "{'start_period':0,'limit':16.25}",
     "/limit"},
    {"order", "time_order", OCPI_OBJECT_CALENDAR, V230, "{'begin_from':'2026-01-02T08:00:00Z','end_before':'2026-01-02T09:00:00Z'}",
     "{'begin_from':'2026-01-02T08:00:00Z','end_before':'2026-01-02T07:00:00Z'}", "/end_before"},
    {"order", "time_order", OCPI_OBJECT_TIMESLOT, V230, "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T09:00:00Z'}",
     "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T07:00:00Z'}", "/end_date_time"},
    {"order", "time_order", OCPI_OBJECT_PERIOD, V230, "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T09:00:00Z'}",
     "{'start_date_time':'2026-01-02T08:00:00Z','end_date_time':'2026-01-02T07:00:00Z'}", "/end_date_time"},
};

typedef enum mode { LENIENT, STRICT, OWN } mode_t_;

/* The problem that this row gives at this pointer; NULL: none. pointer NULL: anywhere. */
static const ocpi_problem_t *breach_of(const ocpi_problems_t *problems, const ocpi_rule_t *rule, const char *pointer)
{
    for (uint32_t i = 0; i < problems->count; i++) {
        const ocpi_problem_t *p = &problems->list[i];
        if (strcmp(p->rule, rule->number) == 0 && hub_slice_eq_str(p->message, rule->text) &&
            (!pointer || hub_slice_eq_str(p->pointer, pointer)))
            return p;
    }
    return NULL;
}

static void check(const sample_t *sample, ocpi_version_t version, mode_t_ mode, const char *text, ocpi_problems_t *problems)
{
    ocpi_check_t check = {.object = sample->object, .version = version, .strict = mode == STRICT, .own = mode == OWN};
    ocpi_problems_init(problems, pool);
    ocpi_check(json(text), &check, problems);
}

static bool is_row_of(const ocpi_rule_t *rule, const sample_t *sample)
{
    return rule->object == sample->object && (rule->versions & sample->versions) == sample->versions &&
           strcmp(rule->number, sample->number) == 0 && strcmp(rule->function, sample->function) == 0;
}

/* The bad one of a sample breaks this row: in every version, as heavily as the row says. The good one keeps it. */
static bool breaks(const sample_t *sample, const ocpi_rule_t *rule)
{
    ocpi_problems_t problems;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
        for (mode_t_ mode = LENIENT; (sample->versions & ocpi_versions[v]) && mode <= OWN; mode++) {
            check(sample, ocpi_versions[v], mode, sample->bad, &problems);
            const ocpi_problem_t *p = breach_of(&problems, rule, sample->pointer);
            if (!p)
                return false;
            bool error = (mode == STRICT && rule->weight != ADVICE) || (mode == OWN && rule->weight >= PLAIN);
            if ((p->severity == OCPI_ERROR) != error)
                fail_msg("%s %s: severity in mode %d", rule->number, rule->function, mode);
            check(sample, ocpi_versions[v], mode, sample->good, &problems);
            if (breach_of(&problems, rule, NULL))
                fail_msg("%s %s: %s breaks it", rule->number, rule->function, sample->good);
        }
    return true;
}

static void every_sample_breaks_a_row(void **state)
{
    (void)state;
    for (size_t s = 0; s < HUB_COUNT(samples); s++) {
        hub_pool_clear(pool);
        bool broken = false;
        for (size_t i = 0; i < ocpi__rule_count; i++)
            broken |= is_row_of(&ocpi__rules[i], &samples[s]) && breaks(&samples[s], &ocpi__rules[i]);
        if (!broken)
            fail_msg("%s %s: %s breaks nothing at %s", samples[s].number, samples[s].function, samples[s].bad, samples[s].pointer);
    }
}

static void every_row_is_broken_by_a_sample(void **state)
{
    (void)state;
    for (size_t i = 0; i < ocpi__rule_count; i++) {
        const ocpi_rule_t *rule = &ocpi__rules[i];
        uint32_t versions = 0;
        hub_pool_clear(pool);
        for (size_t s = 0; s < HUB_COUNT(samples); s++)
            if (is_row_of(rule, &samples[s]) && breaks(&samples[s], rule))
                versions |= samples[s].versions;
        if (versions != rule->versions)
            fail_msg("no sample in every version breaks %s %s: %s", rule->number, rule->function, rule->text);
    }
}

/* Rows of an object stand together, name fields that it has, and say a sentence that fits a problem. */
static void rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < ocpi__rule_count; i++) {
        const ocpi_rule_t *rule = &ocpi__rules[i];
        const char *const names[] = {rule->a, rule->b};
        assert_true(rule->versions && strlen(rule->text) < 120 && rule->weight < HARD);
        for (size_t j = 0; j < i; j++)
            if (ocpi__rules[j].object == rule->object && ocpi__rules[j + 1].object != rule->object)
                fail_msg("the rows of %s do not stand together", ocpi_object((ocpi_object_id_t)rule->object)->name);
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
            for (size_t n = 0; (rule->versions & ocpi_versions[v]) && n < HUB_COUNT(names); n++) {
                if (!names[n][0])
                    continue;
                const ocpi_field_t *list = ocpi__field((ocpi_object_id_t)rule->object, ocpi_versions[v], hub_slice_str(rule->a));
                uint16_t inside = n && list && list->list && list->type == OCPI_TYPE_OBJECT ? list->ref : 0;
                if (!ocpi__field((ocpi_object_id_t)rule->object, ocpi_versions[v], hub_slice_str(names[n])) &&
                    !(inside && ocpi__field((ocpi_object_id_t)inside, ocpi_versions[v], hub_slice_str(names[n]))))
                    fail_msg("%s %s: no field %s in %s", rule->number, rule->function, names[n], ocpi_version_name(ocpi_versions[v]));
            }
    }
}

/* A partner is never refused for a rule between fields, and a PATCH is judged when it is merged. */
static void never_of_a_patch(void **state)
{
    (void)state;
    for (size_t s = 0; s < HUB_COUNT(samples); s++)
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
            ocpi_check_t patch = {.object = samples[s].object, .version = ocpi_versions[v], .partial = true};
            ocpi_problems_t problems;
            hub_pool_clear(pool);
            ocpi_problems_init(&problems, pool);
            ocpi_check(json(samples[s].bad), &patch, &problems);
            for (size_t i = 0; i < ocpi__rule_count; i++)
                if (is_row_of(&ocpi__rules[i], &samples[s]))
                    assert_null(breach_of(&problems, &ocpi__rules[i], samples[s].pointer));
        }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
        bool good;
    } rows[] = {{"2.50", 2.5, true}, {"-0.25", -0.25, true}, {"'12'", 12, true},    {"0", 0, true},   {"1e3", 0, false},
                {"'a'", 0, false},   {"'-'", 0, false},      {"'1.2.3'", 0, false}, {"''", 0, false}, {"true", 0, false}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        double number = 0;
        assert_int_equal(ocpi__number(json(rows[i].text), &number), rows[i].good);
        if (rows[i].good)
            assert_true(number >= rows[i].number && number <= rows[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(every_sample_breaks_a_row),
        json_test(every_row_is_broken_by_a_sample),
        json_test(rows_are_sound),
        json_test(never_of_a_patch),
        json_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
