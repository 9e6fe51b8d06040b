{{ config(materialized='view') }}

{{ each_record_once('service_records') }}
