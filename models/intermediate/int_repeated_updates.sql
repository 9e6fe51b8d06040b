{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        on_schema_change='append_new_columns',
        meta={'replaces': 'read_records'},
        post_hook="{{ record_load() }}",
    )
}}

{{ first_of_repeated_lines('ticket_updates', moment='created_at', months=repeated_months()) }}
