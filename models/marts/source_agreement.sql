{% set results = source_results() %}
{% set counts = [] %}
{% for metric in results %}{% do counts.append('count(' ~ metric ~ ') as ' ~ metric) %}{% endfor %}
{% set sources = 'source in (select source from stated)' if has_rows(ref('int_source_results')) else 'false' %}

with

stated as (

    select
        source,
        metric,
        count(*) as tickets_stated,
        count(difference) as tickets,
        -- Beside a count(is_agreed), Trino's count(*) filter (where is_agreed) counts the false ones, too.
        sum(case when is_agreed then 1 else 0 end) as agree,
        {{ nearest_rank('case when not is_agreed then abs(difference) end', 0.5) }} as difference_median,
        {{ nearest_rank('case when not is_agreed then abs(difference) end', 0.9) }} as difference_p90,
        avg(case when not is_agreed then difference end) as difference_avg
    from {{ ref('int_source_results') }}
    group by source, metric

),

computed as (

    select
        source,
        {{ counts | join(',\n        ') }}
    from {{ ref('int_ticket_results') }}
    where {{ sources }}
    group by source

)

select
    stated.source,
    stated.metric,
    cast(stated.tickets as integer) as tickets,
    cast(stated.agree as integer) as agree,
    cast(stated.tickets - stated.agree as integer) as differ,
    case when stated.tickets > 0 then cast(stated.agree as double) / stated.tickets end as agree_share,
    cast(stated.tickets_stated - stated.tickets as integer) as only_source,
    cast(
        case stated.metric
            {% for metric in results -%}
            when '{{ metric }}' then computed.{{ metric }}
            {% endfor %}
        end - stated.tickets as integer
    ) as only_lake,
    stated.difference_median,
    stated.difference_p90,
    stated.difference_avg
from stated
inner join computed on stated.source = computed.source
