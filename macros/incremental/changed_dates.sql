{#
    The days or months that lines of loads which this model has not taken in tell of, as text of their first day: those are what a table computes anew that
    counts records by when they happened. `meta.dates` says what those are: `moment` of a line, `grain` (day or month), `column` of the table, and `months_after`,
    how many more months look back at one. None for all of them.
#}
{% macro changed_dates() %}
    {% if not execute or not is_incremental() or reference_data_has_changed() %}{{ return(none) }}{% endif %}
    {% set dates = config.get('meta').get('dates') %}
    {% set changed = dates_since(own_feeds()[0], last_load(), dates.moment, dates.grain) %}
    {% set following = [] %}
    {% for month in changed if dates.months_after %}
        {% set later = [month] %}
        {% for _ in range(dates.months_after) %}
            {% if later[-1] %}{% do later.append(month_after(later[-1])) %}{% endif %}
        {% endfor %}
        {% do following.extend(later | select) %}
    {% endfor %}
    {{ return((following | unique | sort if dates.months_after else changed) | list) }}
{% endmacro %}


{# Those of lines of later loads than this one. #}
{% macro dates_since(feed, load, moment, grain) %}
    {{ return(looked_up(
        "select distinct cast(cast(date_trunc('" ~ grain ~ "', " ~ moment ~ ") as date) as varchar) as first_day
        from " ~ table_named(staged_lines(feed)) ~ "
        where load_id > " ~ load ~ " and " ~ is_supported_moment(moment) ~ "
        order by first_day"
    )) }}
{% endmacro %}


{# Whether a moment or a date lies in those. #}
{% macro in_changed_dates(moment) %}
    {% set changed = changed_dates() %}
    {{ return('true' if changed is none else in_spans(moment, changed, config.get('meta').get('dates').grain)) }}
{% endmacro %}


{# Whether a moment lies in those, or so many days before the first of them, or after it. #}
{% macro since_changed_dates(moment, days_before) %}
    {% set changed = changed_dates() %}
    {% if changed is none %}{{ return('true') }}{% endif %}
    {% if not changed %}{{ return('false') }}{% endif %}
    {{ return(moment ~ " >= " ~ add_days("cast('" ~ changed[0] ~ "' as date)", -days_before)) }}
{% endmacro %}
