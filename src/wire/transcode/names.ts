/**
 * Field names recognised on input; those in capitals are the journal's (journalctl -o json). Within a role the first in this order wins; the others become attributes, as does
 * a value that cannot be read as what its name says (then the next name of the role is tried).
 */
export const ROLE_TIMESTAMP = 0
export const ROLE_SEVERITY = 1
/** Roles from here on are the text fields in their storage order: role − ROLE_TEXT is the index in TEXT_FIELDS. */
export const ROLE_TEXT = 2
export const ROLES = 8
/** The event's message. */
export const ROLE_MESSAGE = 5

const NAMES_BY_ROLE: readonly (readonly string[])[] = [
  [
    'timestamp',
    '@timestamp',
    'time',
    'ts',
    '_time',
    '__REALTIME_TIMESTAMP',
    '@t',
    'datetime',
    'asctime',
    'eventTime',
    'Timestamp',
    't.$date',
    't',
    'date',
  ],
  [
    'level',
    'severity',
    'lvl',
    'severity_number',
    'severity_text',
    'severity_code',
    'severityNumber',
    'severityText',
    'PRIORITY',
    'log.level',
    'levelname',
    'loglevel',
    '@l',
    'Level',
    'LogLevel',
  ],
  ['service', 'facility', 'key', 'app', 'service.name', 'SYSLOG_IDENTIFIER'],
  ['host', 'hostname', '_HOSTNAME', 'host.name', 'host.hostname'],
  ['source', 'file'],
  [
    'message',
    'msg',
    '_msg',
    'body',
    'event',
    'log',
    'MESSAGE',
    'fields.message',
    '@m',
    '@mt',
    'Message',
    'RenderedMessage',
    'MessageTemplate',
  ],
  ['trace_id', 'traceId', 'trace.id', 'TraceId', '@tr'],
  ['span_id', 'spanId', 'span.id', 'SpanId', '@sp'],
]

export interface KnownName {
  name: string
  role: number
}

/** Index 0 is no known name; a lower index wins over a higher one of the same role. */
export const KNOWN_NAMES: readonly (KnownName | undefined)[] = [
  undefined,
  ...NAMES_BY_ROLE.flatMap((names, role) => names.map((name) => ({ name, role }))),
]

/** Role of each known name; index 0 is meaningless. */
export const ROLE_OF_NAME: Uint8Array = Uint8Array.from(KNOWN_NAMES, (known) => known?.role ?? 255)

const INDEX_BY_NAME: ReadonlyMap<string, number> = new Map(
  KNOWN_NAMES.flatMap((known, index) => (known ? [[known.name, index]] : [])),
)

/** Position of a name in `KNOWN_NAMES`, 0 for any other name. */
export function knownNameIndex(name: string): number {
  return INDEX_BY_NAME.get(name) ?? 0
}

/** Short words that mean other things as well: times only where they look like RFC 3339. */
export const NAMES_TEXT_TIME: ReadonlySet<number> = new Set([knownNameIndex('t'), knownNameIndex('date')])

/** Numbers under these names are syslog codes 0–7. */
export const NAMES_SYSLOG_CODE: ReadonlySet<number> = new Set([
  knownNameIndex('severity_code'),
  knownNameIndex('PRIORITY'),
])
/** Numbers under these names are OpenTelemetry's 1–24, never pino's. */
export const NAMES_OTEL_NUMBER: ReadonlySet<number> = new Set([
  knownNameIndex('severity_number'),
  knownNameIndex('severityNumber'),
])
