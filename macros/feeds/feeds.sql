{#
    The feeds, by the name of their folder below raw/. `fields`: what a line can give, and of which type; `required`: what it must give; `identity`: the
    columns that two lines share if they tell of the same; `values`: all that a text may be; `ranges`: what a number must be greater than (gt), at least (ge)
    and at most (le); `elements`: what an array holds, texts or objects with fields of their own; `past`: moments that must lie before the second day after
    landing; `results`: more fields that a line can give, which never refuse it; `adds`: what staging adds to the fields; `repeated`: the model that decides between such lines; `records`: the one that has each accepted one
    once. A lake may be without what `is_optional`. The receiver of service records reads this file, too (receiver/definition.py): it is plain Jinja, without `do`.
#}
{% macro feeds() %}
    {{ return({
        'ticket_updates': {
            'fields': {
                'ticket_id': 'text', 'updated_at': 'timestamp', 'created_at': 'timestamp', 'status': 'text', 'severity': 'text', 'market': 'text',
                'source': 'text', 'update_id': 'text', 'sequence': 'integer', 'event': 'text', 'category': 'text', 'channel': 'text', 'product': 'text',
                'team': 'text', 'agent_id': 'text', 'customer_id': 'text', 'vehicle_id': 'text', 'subject': 'text', 'satisfaction': 'integer',
                'sla_due_at': 'timestamp',
            },
            'results': {
                'source_sla_breached': 'boolean', 'source_sla_elapsed_minutes': 'number',
                'source_first_reply_sla_breached': 'boolean', 'source_first_reply_sla_elapsed_minutes': 'number',
                'source_resolution_minutes': 'number', 'source_resolution_business_minutes': 'number',
                'source_first_reply_minutes': 'number', 'source_first_reply_business_minutes': 'number',
                'source_reopen_count': 'integer', 'source_agent_reply_count': 'integer',
            },
            'required': ['ticket_id', 'updated_at', 'created_at', 'status', 'severity', 'market'],
            'identity': ['source', 'update_id'],
            'adds': ['ticket_key'],
            'repeated': 'int_repeated_updates',
            'records': 'int_ticket_updates',
        },
        'support_logs': {
            'is_optional': true,
            'fields': {
                'log_id': 'text', 'ticket_id': 'text', 'source': 'text', 'logged_at': 'timestamp', 'log_level': 'text', 'component': 'text',
                'message': 'text', 'response_time_ms': 'number', 'cpu_percent': 'number',
            },
            'required': ['log_id', 'ticket_id', 'logged_at', 'log_level'],
            'values': {'log_level': ['DEBUG', 'INFO', 'WARN', 'ERROR']},
            'ranges': {'response_time_ms': {'ge': 0}, 'cpu_percent': {'ge': 0, 'le': 100}},
            'past': ['logged_at'],
            'identity': ['log_id'],
            'adds': ['ticket_key'],
            'repeated': 'int_repeated_support_logs',
            'records': 'int_support_logs',
        },
        'calls': {
            'is_optional': true,
            'fields': {
                'call_id': 'text', 'agent_id': 'text', 'customer_id': 'text', 'start_time': 'timestamp', 'end_time': 'timestamp', 'ticket_id': 'text',
                'source': 'text', 'issue_type': 'text', 'resolution': 'text', 'rating': 'number',
            },
            'required': ['call_id', 'agent_id', 'customer_id', 'start_time', 'end_time'],
            'ranges': {'rating': {'ge': 1, 'le': 5}},
            'identity': ['call_id'],
            'adds': ['ticket_key'],
            'repeated': 'int_repeated_calls',
            'records': 'int_calls',
        },
        'service_records': {
            'is_optional': true,
            'fields': {
                'service_record_id': 'text', 'dealership_id': 'text', 'vehicle_id': 'text', 'serviced_at': 'timestamp', 'service_type': 'text',
                'odometer_km': 'number', 'vehicle_model': 'text', 'technician_id': 'text', 'city': 'text', 'notes': 'text', 'failure_codes': 'json',
                'parts': 'json', 'labor_hours': 'number', 'labor_cost': 'number', 'currency': 'text', 'is_warranty': 'boolean',
            },
            'required': ['service_record_id', 'dealership_id', 'vehicle_id', 'serviced_at', 'service_type'],
            'values': {'service_type': ['maintenance', 'repair', 'recall', 'inspection', 'warranty']},
            'ranges': {'odometer_km': {'ge': 0}, 'labor_hours': {'ge': 0}, 'labor_cost': {'ge': 0}},
            'elements': {
                'parts': {
                    'fields': {'part_code': 'text', 'part_name': 'text', 'quantity': 'number', 'unit_price': 'number'},
                    'required': ['part_code', 'quantity'],
                    'ranges': {'quantity': {'gt': 0}, 'unit_price': {'ge': 0}},
                },
                'failure_codes': 'text',
            },
            'past': ['serviced_at'],
            'identity': ['service_record_id'],
            'adds': ['parts_count', 'parts_cost', 'failure_count'],
            'repeated': 'int_repeated_service_records',
            'records': 'int_service_records',
        },
    }) }}
{% endmacro %}


{# How the text of a timestamp must look, from its first character to its last. #}
{% macro timestamp_pattern() %}
    {{ return('\\d{4}-\\d{2}-\\d{2}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-](0\\d|1[0-3]):[0-5]\\d|[+-]14:00)') }}
{% endmacro %}


{# The staging model of a feed. #}
{% macro staged_lines(feed) %}{{ return('stg_' ~ feed ~ '__lines') }}{% endmacro %}


{# The feeds that a model takes in: `meta.feeds`, or that of tickets. #}
{% macro own_feeds() %}
    {{ return((config.get('meta') or {}).get('feeds') or ['ticket_updates']) }}
{% endmacro %}
