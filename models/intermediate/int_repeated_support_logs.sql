{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['support_logs'], 'replaces': 'read_records'},
        post_hook="{{ record_load() }}",
    )
}}

{{ first_of_repeated_lines('support_logs') }}
