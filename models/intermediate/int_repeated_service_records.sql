{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        on_schema_change='append_new_columns',
        meta={'feeds': ['service_records'], 'replaces': 'read_records'},
        post_hook="{{ record_load() }}",
    )
}}

{{ first_of_repeated_lines('service_records') }}
