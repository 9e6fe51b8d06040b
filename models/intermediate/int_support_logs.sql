{{ config(materialized='view') }}

{{ each_record_once('support_logs') }}
