{{ config(materialized='view') }}

{{ each_record_once('ticket_updates') }}
