{{ config(materialized='view') }}

{{ each_record_once('calls') }}
