/* What goes out of a Session. S1, S3: a PUT at first, then PATCHes with what has changed and the charging periods that are new; before 2.2
 * a PATCH replaces the list. A PATCH that appends must not be sent twice: whenever an answer may have been lost, the whole goes out
 * instead. What only tells how far charging has come goes out once an interval (chargingPeriodIntervalInMinutes). */
#include <string.h>

#include "parcel.h"

typedef struct note { /* of a member that was sent */
    uint64_t name, value;
} note_t;

typedef struct news { /* a Session against what the partner has */
    hub_memo_t then, now;
    note_t *notes; /* of now */
    bool known;    /* the partner has it in this version, as far as is known */
    bool shrunk;   /* a member or a period is gone, or a period has become another: no PATCH can say that */
    bool news;     /* something has changed … */
    bool urgent;   /* … beyond how far charging has come */
    bool final;
    hub_buf_t changed; /* members of a PATCH, without braces */
    size_t from;       /* the first period of a PATCH */
} news_t;

static bool is_any(hub_slice_t name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hub_slice_eq_str(name, names[i]))
            return true;
    return false;
}

static const char *const who[] = {"country_code", "party_id", "id", "charging_periods"}; /* not told by members of their own */
static const char *const progress[] = {"kwh", "total_cost", "last_updated"};

static const note_t *find_note(const note_t *notes, uint32_t count, uint64_t name)
{
    for (uint32_t i = 0; i < count; i++)
        if (notes[i].name == name)
            return &notes[i];
    return NULL;
}

static void add_member(hub_buf_t *out, hub_slice_t name, hub_slice_t value)
{
    if (out->len)
        hub_buf_add_char(out, ',');
    hub_buf_add_json(out, name);
    hub_buf_add_char(out, ':');
    hub_buf_add(out, value);
}

static void compare_members(hub_parcel_t *parcel, news_t *news, const note_t *old)
{
    size_t i, n;
    uint32_t same = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(parcel->root, i, n, key, value)
    {
        hub_slice_t name = ocpi_str(key), text;
        if (is_any(name, who, HUB_COUNT(who)))
            continue;
        text = ocpi_write(parcel->pool, value);
        note_t note = {hub_push__hash(name), hub_push__hash(text)};
        const note_t *before = find_note(old, news->then.members, note.name);
        news->notes[news->now.members++] = note;
        same += before != NULL;
        if (before && before->value == note.value)
            continue;
        news->news = true;
        news->urgent |= !is_any(name, progress, HUB_COUNT(progress));
        if (!hub_slice_eq_str(name, "last_updated"))
            add_member(&news->changed, name, text);
    }
    news->shrunk |= same < news->then.members;
    news->urgent |= same < news->then.members;
}

/* A chain, so that its value after n periods tells whether the first n are those that were sent. */
static void compare_periods(hub_parcel_t *parcel, news_t *news)
{
    size_t i, n;
    yyjson_val *period, *periods = yyjson_obj_get(parcel->root, "charging_periods");
    uint64_t chain = 0;
    bool kept = news->then.periods == 0;
    yyjson_arr_foreach(periods, i, n, period)
    {
        uint64_t link[2] = {chain, hub_push__hash(ocpi_write(parcel->pool, period))};
        chain = hub_push__hash(hub_slice((const char *)link, sizeof link));
        kept |= i + 1 == news->then.periods && chain == news->then.periods_hash;
    }
    news->now.periods = (uint32_t)yyjson_arr_size(periods);
    news->now.periods_hash = chain;
    news->shrunk |= !kept;
    news->news |= !kept || news->now.periods != news->then.periods;
    news->from = news->now.version == OCPI_V2_1_1 ? 0 : news->then.periods;
}

static void look(hub_parcel_t *parcel, news_t *news)
{
    hub_slice_t rest, status = ocpi_get_str(parcel->root, "status");
    const hub_push_item_t *item = parcel->item;
    ocpi_version_t version = item->pump->push->agent->integration->ocpi_version;
    memset(news, 0, sizeof *news);
    news->changed = HUB_BUF_INIT(parcel->pool);
    news->known = hub_pump__memo(item->pump, parcel->view, item->key, &news->then, &rest) && news->then.version == version &&
                  rest.len == news->then.members * sizeof(note_t);
    if (!news->known)
        news->then.members = news->then.periods = 0;
    note_t *old = hub_pool_alloc(parcel->pool, (news->then.members + 1) * sizeof *old);
    if (news->then.members)
        memcpy(old, rest.ptr, rest.len);
    news->notes = hub_pool_alloc(parcel->pool, (yyjson_obj_size(parcel->root) + 1) * sizeof *news->notes);
    news->now.version = version;
    news->final = hub_slice_eq_str(status, "COMPLETED") || hub_slice_eq_str(status, "INVALID");
    compare_members(parcel, news, old);
    compare_periods(parcel, news);
}

static void add_periods(hub_parcel_t *parcel, news_t *news)
{
    size_t i, n, count = 0;
    yyjson_val *period;
    hub_buf_t list = HUB_BUF_INIT(parcel->pool);
    if (news->now.periods == news->then.periods)
        return;
    hub_buf_add_char(&list, '[');
    yyjson_arr_foreach(yyjson_obj_get(parcel->root, "charging_periods"), i, n, period)
    {
        if (i < news->from)
            continue;
        if (count++)
            hub_buf_add_char(&list, ',');
        hub_buf_add(&list, ocpi_write(parcel->pool, period));
    }
    hub_buf_add_char(&list, ']');
    add_member(&news->changed, HUB_SLICE_LIT("charging_periods"), hub_buf_slice(&list));
}

static hub_filling_t patch(hub_parcel_t *parcel, news_t *news)
{
    hub_buf_t updated = HUB_BUF_INIT(parcel->pool);
    add_periods(parcel, news);
    hub_buf_add_json(&updated, ocpi_get_str(parcel->root, "last_updated")); /* O7 */
    add_member(&news->changed, HUB_SLICE_LIT("last_updated"), hub_buf_slice(&updated));
    if (!hub_parcel__name(parcel, HUB_SLICE_NONE))
        return HUB_FILL_FAILED;
    parcel->method = HUB_PATCH;
    parcel->body = hub_pool_printf(parcel->pool, "{%.*s}", HUB_SLICE_FMT(hub_buf_slice(&news->changed)));
    return HUB_FILL_SEND;
}

static hub_slice_t notes_of(const note_t *notes, uint32_t count)
{
    return hub_slice((const char *)notes, count * sizeof *notes);
}

/* Until when it has to wait; 0: it goes now. */
static int64_t not_before(const hub_parcel_t *parcel, const news_t *news)
{
    int64_t minutes = parcel->item->pump->push->agent->integration->charging_period_minutes;
    if (minutes <= 0 || !news->known || news->urgent || news->final)
        return 0;
    int64_t due = news->then.sent_at + minutes * 60000;
    return due > hub_now_ms() ? due : 0;
}

/* Its row says so already, or it is written down. */
static hub_filling_t put_off(hub_parcel_t *parcel, const news_t *news, int64_t due)
{
    hub_memo_t memo;
    hub_slice_t rest;
    hub_push_item_t *item = parcel->item;
    hub_pump__memo(item->pump, parcel->view, item->key, &memo, &rest);
    memo.due = due;
    hub_push__item_memo(item, news->then.due == due ? NULL : &memo, rest);
    return HUB_FILL_PUT_OFF;
}

hub_filling_t hub_parcel__fill_session(hub_parcel_t *parcel)
{
    news_t news;
    hub_push_item_t *item = parcel->item;
    look(parcel, &news);
    int64_t due = not_before(parcel, &news);
    bool send = !news.known || news.news;
    if (send && due)
        return put_off(parcel, &news, due);
    /* S1: COMPLETED is final: nothing more is to be compared with. */
    news.now.sent_at = send ? hub_now_ms() : news.then.sent_at;
    hub_push__item_memo(item, news.final && send ? NULL : &news.now, notes_of(news.notes, news.now.members));
    if (!send)
        return HUB_FILL_SAME;
    hub_parcel__to_token_party(parcel);
    if (!news.known || news.shrunk || item->whole_instead || item->uncertain)
        return hub_parcel__put(parcel);
    return patch(parcel, &news);
}
