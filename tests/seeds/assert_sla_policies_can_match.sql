{% call refuse_seeds() -%}

with

policies as (

    select * from {{ ref('sla_policies') }}

),

problems as (

    select
        policies.policy || ': market ' || policies.market || ' is not in seeds/markets.csv. Name one that is there, or none for any.' as problem
    from policies
    left join {{ ref('markets') }} as markets on policies.market = markets.market
    where policies.market is not null and markets.market is null

    union all

    select policy || ': there is no severity ' || severity || '. Write P1, P2, P3 or P4, or nothing for any.' as problem
    from policies
    where severity not in ('P1', 'P2', 'P3', 'P4')

    union all

    select
        policy || ': metric is ' || coalesce('''' || metric || '''', 'blank') || '. Write first_reply, next_reply or resolution.' as problem
    from policies
    where metric is null or metric not in ('first_reply', 'next_reply', 'resolution')

    union all

    select
        policy || ': target_minutes is ' || coalesce(cast(target_minutes as varchar), 'blank')
        || '. Write a number from 0 to 52560000, which is a hundred years.' as problem
    from policies
    where target_minutes is null or target_minutes not between 0 and 52560000

    union all

    select policy || ': hours is ' || coalesce('''' || hours || '''', 'blank') || '. Write business or calendar.' as problem
    from policies
    where hours is null or hours not in ('business', 'calendar')

    union all

    select
        policy || ': valid_from ' || cast(valid_from as varchar) || ' is not before valid_to ' || cast(valid_to as varchar)
        || ', so it is never valid. valid_to is the date after the last valid one.' as problem
    from policies
    where valid_from >= valid_to

)

select
    'sla_policies' as seed,
    problem
from problems

{%- endcall %}
