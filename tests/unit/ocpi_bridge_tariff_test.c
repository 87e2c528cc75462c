/* Tariffs and prices between versions: what keeps its meaning goes on, what would not is refused. */
#include "bridge_fixture.h"

static int setup(void **state)
{
    knowledge = (knowledge_t){0};
    return json_setup(state);
}
#define bridge_test(name) cmocka_unit_test_setup_teardown(name, setup, json_teardown)

#define WHEN "'last_updated':'2026-01-02T03:04:05Z'}"
#define OWNER "'country_code':'NL','party_id':'ABC',"
#define TARIFF(owner, more, elements) "{" owner "'id':'T','currency':'EUR'," more "'elements':[" elements "]," WHEN
#define PART(type, price) "{'type':'" type "','price':" price ",'step_size':1}"
#define ELEMENT(parts) "{'price_components':[" parts "]}"
#define WHILE(parts, restrictions) "{'price_components':[" parts "],'restrictions':{" restrictions "}}"

static void same(ocpi_version_t from, ocpi_version_t to, const char *elements)
{
    const char *owner = from == V211 ? "" : OWNER, *other = to == V211 ? "" : OWNER;
    expect_bridged(OCPI_OBJECT_TARIFF, from, to, hub_pool_printf(pool, TARIFF("%s", "", "%s"), owner, elements).ptr,
                   from == V211 ? hub_pool_printf(pool,
                                                  "{'id':'T','currency':'EUR','elements':[%s],'last_updated':"
                                                  "'2026-01-02T03:04:05Z','country_code':'NL','party_id':'ABC'}",
                                                  elements)
                                      .ptr
                                : hub_pool_printf(pool, TARIFF("%s", "", "%s"), other, elements).ptr,
                   "");
}

static void refused(ocpi_version_t from, const char *elements)
{
    ocpi_version_t to = from == V211 ? V221 : V211;
    expect_refused(OCPI_OBJECT_TARIFF, from, to, hub_pool_printf(pool, TARIFF("%s", "", "%s"), from == V211 ? "" : OWNER, elements).ptr,
                   "Tariff.elements", "/elements");
}

static void joined(const char *elements, const char *wanted)
{
    expect_bridged(OCPI_OBJECT_TARIFF, V221, V211, hub_pool_printf(pool, TARIFF(OWNER, "", "%s"), elements).ptr,
                   hub_pool_printf(pool, TARIFF("", "", "%s"), wanted).ptr, "LOSSY /elements Tariff.elements");
}

static void F3_both_ways_of_matching_agree(void **state)
{
    (void)state;
    same(V221, V211, ELEMENT(PART("ENERGY", "0.30") "," PART("FLAT", "1.00")));
    same(V211, V221, ELEMENT(PART("ENERGY", "0.30") "," PART("FLAT", "1.00")));
    const char *day_and_night = WHILE(PART("TIME", "2"), "'start_time':'08:00','end_time':'18:00'") "," ELEMENT(PART("TIME", "1"));
    same(V221, V211, day_and_night);
    same(V211, V221, day_and_night);
    const char *apart =
        WHILE(PART("ENERGY", "2"), "'day_of_week':['MONDAY','TUESDAY']") "," WHILE(PART("TIME", "1"), "'day_of_week':['SUNDAY']");
    same(V221, V211, apart);
    same(V211, V221, apart);
    same(V211, V221, WHILE(PART("ENERGY", "2"), "'max_kwh':10.0") "," WHILE(PART("TIME", "1"), "'min_kwh':10"));
    same(V211, V221,
         WHILE(PART("ENERGY", "2"), "'start_time':'22:00','end_time':'06:00'") "," WHILE(PART("TIME", "1"),
                                                                                         "'start_time':'06:00','end_time':'22:00'"));
    same(V211, V221, WHILE(PART("ENERGY", "2"), "'end_date':'2026-03-01'") "," WHILE(PART("TIME", "1"), "'start_date':'2026-03-01'"));
}

static void F3_elements_are_joined_for_2_1_1(void **state)
{
    (void)state;
    joined(ELEMENT(PART("FLAT", "1")) "," ELEMENT(PART("ENERGY", "0.30")), ELEMENT(PART("FLAT", "1") "," PART("ENERGY", "0.30")));
    joined(
        ELEMENT(PART("ENERGY", "0.30")) "," WHILE(PART("TIME", "2"), "'start_time':'08:00','end_time':'18:00'"),
        WHILE(PART("TIME", "2") "," PART("ENERGY", "0.30"), "'start_time':'08:00','end_time':'18:00'") "," ELEMENT(PART("ENERGY", "0.30")));
    /* the dimension of the first element is never added twice */
    joined(ELEMENT(PART("ENERGY", "0.30")) "," ELEMENT(PART("ENERGY", "0.40") "," PART("TIME", "1")),
           ELEMENT(PART("ENERGY", "0.30") "," PART("TIME", "1")));
}

static void F3_a_price_that_would_be_another_is_refused(void **state)
{
    (void)state;
    /* 2.1.1 never reaches the second; 2.2 would add it */
    refused(V211, ELEMENT(PART("FLAT", "1")) "," ELEMENT(PART("ENERGY", "0.30")));
    refused(V211, WHILE(PART("ENERGY", "2"), "'min_kwh':5") "," WHILE(PART("TIME", "1"), "'max_kwh':6"));
    /* a flat fee in two elements might be paid twice */
    refused(V221, ELEMENT(PART("FLAT", "1")) "," WHILE(PART("ENERGY", "2"), "'min_kwh':5") "," ELEMENT(PART("ENERGY", "1")));
    /* overlap */
    refused(V221, WHILE(PART("ENERGY", "2"), "'min_kwh':5") "," WHILE(PART("TIME", "1"), "'max_kwh':6"));
    refused(V221, WHILE(PART("ENERGY", "2"),
                        "'start_time':'22:00','end_time':'06:00'") "," WHILE(PART("TIME", "1"), "'start_time':'05:00','end_time':'22:00'"));
}

static void refused_for(ocpi_version_t from, ocpi_version_t to, const char *more, const char *restrictions, const char *row,
                        const char *pointer)
{
    expect_refused(OCPI_OBJECT_TARIFF, from, to,
                   hub_pool_printf(pool, TARIFF(OWNER, "%s", WHILE(PART("ENERGY", "1"), "%s")), more, restrictions).ptr, row, pointer);
}

static void what_2_1_1_cannot_say_of_a_price(void **state)
{
    (void)state;
    refused_for(V221, V211, "'min_price':{'excl_vat':1},", "", "Tariff.min_price", "/min_price");
    refused_for(V221, V211, "'max_price':{'excl_vat':1},", "", "Tariff.max_price", "/max_price");
    refused_for(V221, V211, "'end_date_time':'2026-01-02T03:04:05Z',", "", "Tariff.end_date_time", "/end_date_time");
    refused_for(V221, V211, "'type':'AD_HOC_PAYMENT',", "", "Tariff.type", "/type");
    refused_for(V221, V211, "", "'min_current':10", "TariffRestrictions.min_current", "/elements/0/restrictions/min_current");
    refused_for(V221, V211, "", "'max_current':10", "TariffRestrictions.max_current", "/elements/0/restrictions/max_current");
    refused_for(V221, V211, "", "'reservation':'RESERVATION'", "TariffRestrictions.reservation", "/elements/0/restrictions/reservation");
    refused_for(V230, V221, "'tax_included':'NO',", "'booking':'BOOKING'", "TariffRestrictions.booking",
                "/elements/0/restrictions/booking");
    /* nor is a restriction ever left out because it is broken */
    refused_for(V221, V230, "", "'start_time':'8 o clock'", "shape", "/elements/0/restrictions/start_time");
    refused_for(V221, V211, "", "'day_of_week':['FUNDAY']", "shape", "/elements/0/restrictions/day_of_week/0");
}

static void the_type_and_the_start(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_TARIFF, V221, V211, TARIFF(OWNER, "'type':'REGULAR',", ELEMENT(PART("ENERGY", "1"))),
                   TARIFF("", "", ELEMENT(PART("ENERGY", "1"))), "LOSSY /type Tariff.type");
    const char *starts = TARIFF(OWNER, "'start_date_time':'2026-01-02T03:04:05Z',", ELEMENT(PART("ENERGY", "1")));
    expect_refused(OCPI_OBJECT_TARIFF, V221, V211, starts, "Tariff.start_date_time", "/start_date_time");
    knowledge.now_ms = 1767323044000; /* a second before */
    expect_refused(OCPI_OBJECT_TARIFF, V221, V211, starts, "Tariff.start_date_time", "/start_date_time");
    knowledge.now_ms += 1000;
    expect_bridged(OCPI_OBJECT_TARIFF, V221, V211, starts, TARIFF("", "", ELEMENT(PART("ENERGY", "1"))),
                   "LOSSY /start_date_time Tariff.start_date_time");
}

#define VAT_PART(price, vat) "{'type':'ENERGY','price':" price ",'vat':" vat ",'step_size':1}"

static void F8_tax(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_TARIFF, V221, V230, TARIFF(OWNER, "", ELEMENT(VAT_PART("0.30", "21"))),
                   "{" OWNER "'id':'T','currency':'EUR','elements':[" ELEMENT(
                       VAT_PART("0.30", "21")) "],'last_updated':'2026-01-02T03:04:05Z','tax_included':'NO'}",
                   "");
    expect_bridged(OCPI_OBJECT_TARIFF, V230, V221, TARIFF(OWNER, "'tax_included':'NO',", ELEMENT(VAT_PART("0.30", "21"))),
                   TARIFF(OWNER, "", ELEMENT(VAT_PART("0.30", "21"))), "");
    expect_bridged(OCPI_OBJECT_TARIFF, V230, V221, TARIFF(OWNER, "'tax_included':'N/A',", ELEMENT(PART("ENERGY", "0.30"))),
                   TARIFF(OWNER, "", ELEMENT(PART("ENERGY", "0.30"))), "LOSSY /tax_included Tariff.tax_included");
    expect_bridged(OCPI_OBJECT_TARIFF, V230, V221, TARIFF(OWNER, "'tax_included':'YES',", ELEMENT(VAT_PART("0.30", "20"))),
                   TARIFF(OWNER, "", ELEMENT(VAT_PART("0.25", "20"))),
                   "LOSSY /tax_included Tariff.tax_included\nLOSSY /elements/0/price_components/0/price PriceComponent.price");
    bridged_t b = bridge_text(OCPI_OBJECT_TARIFF, V230, V211, TARIFF(OWNER, "'tax_included':'YES',", ELEMENT(VAT_PART("0.31", "19.0"))));
    assert_json(b.text, TARIFF("", "", ELEMENT(PART("ENERGY", "0.2605"))));
    assert_slice(loss_at(&b, "PriceComponent.price", "/elements/0/price_components/0/price")->message,
                 "without its tax, rounded to 4 decimals");
    assert_non_null(loss_at(&b, "PriceComponent.vat", "/elements/0/price_components/0/vat"));
    expect_refused(OCPI_OBJECT_TARIFF, V230, V221, TARIFF(OWNER, "'tax_included':'YES',", ELEMENT(PART("ENERGY", "0.30"))),
                   "PriceComponent.price", "/elements/0/price_components/0/price");
    expect_refused(OCPI_OBJECT_TARIFF, V230, V221, TARIFF(OWNER, "", ELEMENT(PART("ENERGY", "0.30"))), "PriceComponent.price",
                   "/elements/0/price_components/0/price");
    expect_bridged(OCPI_OBJECT_TARIFF, V221, V211, TARIFF(OWNER, "", ELEMENT(VAT_PART("0.30", "21"))),
                   TARIFF("", "", ELEMENT(PART("ENERGY", "0.30"))), "LOSSY /elements/0/price_components/0/vat PriceComponent.vat");
}

static void limits_and_preauthorization(void **state)
{
    (void)state;
    const char *old = TARIFF(OWNER, "'min_price':{'excl_vat':1.00,'incl_vat':1.21,'x':1},", ELEMENT(PART("ENERGY", "1")));
    expect_bridged(OCPI_OBJECT_TARIFF, V230, V221,
                   TARIFF(OWNER, "'min_price':{'before_taxes':1.00,'after_taxes':1.21,'x':1},'tax_included':'NO','preauthorize_amount':50,",
                          ELEMENT(PART("ENERGY", "1"))),
                   old, "LOSSY /preauthorize_amount Tariff.preauthorize_amount");
    bridged_t up = bridge_text(OCPI_OBJECT_TARIFF, V221, V230, old);
    assert_losses(&up, "");
    assert_json(ocpi_write(pool, yyjson_obj_get(json_read(up.text), "min_price")), "{'before_taxes':1.00,'after_taxes':1.21,'x':1}");
    expect_refused(OCPI_OBJECT_TARIFF, V221, V230, TARIFF(OWNER, "'max_price':{'incl_vat':1},", ELEMENT(PART("ENERGY", "1"))), "required",
                   "/max_price");
}

static void prices(void **state)
{
    (void)state;
    const ocpi_object_id_t price = OCPI_OBJECT_PRICE;
    expect_bridged(price, V221, V230, "{'excl_vat':2.50,'incl_vat':3.0250}",
                   "{'before_taxes':2.50,'taxes':[{'name':'VAT','amount':0.5250}]}", "");
    expect_bridged(price, V230, V221, "{'before_taxes':2.50,'taxes':[{'name':'VAT','amount':0.5250}]}",
                   "{'excl_vat':2.50,'incl_vat':3.0250}", "");
    expect_bridged(price, V230, V221, "{'before_taxes':1e1,'taxes':[{'name':'GST','percentage':5,'amount':0.5},{'name':'QST','amount':1}]}",
                   "{'excl_vat':1e1,'incl_vat':11.5}", "LOSSY /taxes Price.taxes");
    expect_bridged(price, V230, V221, "{'before_taxes':-0.1,'taxes':[]}", "{'excl_vat':-0.1}", "");
    expect_bridged(price, V221, V230, "{'excl_vat':-10.00,'incl_vat':-12.10}",
                   "{'before_taxes':-10.00,'taxes':[{'name':'VAT','amount':-2.10}]}", "");
    expect_bridged(price, V221, V230, "{'excl_vat':1,'incl_vat':1e99}", "{'before_taxes':1}", "LOSSY /incl_vat Price.incl_vat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bridge_test(F3_both_ways_of_matching_agree),
        bridge_test(F3_elements_are_joined_for_2_1_1),
        bridge_test(F3_a_price_that_would_be_another_is_refused),
        bridge_test(what_2_1_1_cannot_say_of_a_price),
        bridge_test(the_type_and_the_start),
        bridge_test(F8_tax),
        bridge_test(limits_and_preauthorization),
        bridge_test(prices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
