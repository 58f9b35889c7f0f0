/**
 * Every setting of the server: its place in tailrace.yaml, what it means, its default and its bounds. Flags
 * (`--spool-bytes-max`), variables (`TAILRACE_SPOOL_BYTES_MAX`), the check of the file and docs/reference/config.md
 * all derive from this schema.
 *
 * `unit: 'bytes'` accepts sizes such as `64MiB`, `unit: 'ms'` durations such as `30s`; both are numbers afterwards.
 * A map of sizes is a section of its own names in the file, and `name=64MiB,other=1MiB` in a flag or variable.
 */
import Type, { type Static } from 'typebox'
import { SYSLOG_DEFAULTS } from './syslog-defaults.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE

const bytes = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description, unit: 'bytes' })
const duration = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description, unit: 'ms' })
const count = (value: number, description: string, minimum = 1) =>
  Type.Integer({ default: value, minimum, description })
const text = (value: string, description: string) => Type.String({ default: value, description })
/** A text that other programs' variable may set as well; ours wins. */
const alsoFrom = (otherVariable: string, description: string) =>
  Type.String({ default: '', description, otherVariable })
/** Several, as a list in the file, as flags of the same name, or with commas. */
const addresses = (value: string, description: string) =>
  Type.String({ default: value, description, isRepeatable: true })
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description })
const sizes = (description: string, minimum: number) =>
  Type.Record(Type.String(), Type.Integer({ minimum }), { default: {}, description, unit: 'bytes' })

export const SettingsSchema = Type.Object(
  {
    port: Type.Integer({
      default: 7575,
      minimum: 0,
      maximum: 65_535,
      description: 'Main HTTP port; 0 picks a free one',
    }),
    host: text('127.0.0.1', 'Address the main HTTP port listens on; one that others can reach needs a key'),
    tls: Type.Union([Type.Literal('off'), Type.Literal('self-signed'), Type.Literal('files')], {
      default: 'off',
      description:
        'off, self-signed (makes a certificate once and keeps it), or files, which `tlsCert` and `tlsKey` imply',
    }),
    tlsCert: text('', 'File with the certificate and its chain, PEM; read again when it changes and on SIGHUP'),
    tlsKey: text('', 'File with the private key of the certificate, PEM'),
    tlsClientCa: text('', 'File with the authorities, PEM, one of which every client’s certificate has to come from'),
    storage: Type.Union(
      (['disk', 'memory'] as const).map((kind) => Type.Literal(kind)),
      {
        default: 'disk',
        description:
          'disk, or memory: events are in the rings alone and nothing of them is written; what is acknowledged is gone when the server stops, or when newer events need the room',
      },
    ),
    data: text('./tailrace-data', 'Folder for the spool, the embedded store and the node’s identity'),
    store: text('embedded', '`embedded`, or the URL of a ClickHouse server: https://user:password@host:8443/database'),
    storeSilence: duration(
      10 * SECOND,
      'How long the store may leave a ping unanswered before the server says that it is not ready',
      SECOND,
    ),
    logd: text('udp://127.0.0.1:6102', 'Where logd’s signed packets are taken: udp://address:port, or off'),
    logdReadSecret: alsoFrom('LOGD_READ_SECRET', 'Secret of tails and queries; also the variable `LOGD_READ_SECRET`'),
    logdWriteSecret: alsoFrom('LOGD_WRITE_SECRET', 'Secret of writers; also the variable `LOGD_WRITE_SECRET`'),
    logdInsecure: flag(false, 'Opens what has no secret to everybody, instead of closing it'),
    logdV1Skew: duration(100, 'How far the time of a packet of layout v1 may be from the server’s, both ways', 1),
    logdV2Age: duration(200, 'How old a packet of layout v2 may be; from the future it is never taken', 1),
    logdV3Skew: duration(
      30 * SECOND,
      'How far the time of a packet of layout v3 may be from the server’s, both ways',
      1,
    ),
    logdSignaturesMax: count(2_000_000, 'Signatures remembered in order to know replays, of about 64 bytes each'),
    logdReceiveBufferBytes: bytes(16 * MiB, 'What the kernel is asked to keep of packets that wait', 64 * KiB),
    logdUnacknowledgedBytesMax: bytes(32 * MiB, 'Events that wait for the disk; further packets are dropped', MiB),
    logdTailsMax: count(100, 'Addresses that tail at once over logd’s protocol; further ones are dropped'),
    forward: addresses(
      'tcp://127.0.0.1:24224',
      'Where the forward protocol and audit messages are taken: tcp://, tls:// and unix:// addresses, or off',
    ),
    forwardSharedKey: text('', 'Lets senders of the forward protocol in that know it; keys do so as well'),
    forwardInsecure: flag(false, 'Lets everybody in who reaches a forward address, whatever keys there are'),
    forwardUnixMode: Type.String({
      default: '0660',
      pattern: '^0?[0-7]{3}$',
      description: 'Permissions of forward sockets in the file system, octal: who may use them',
    }),
    forwardConnectionsMax: count(1000, 'Open connections of one forward address; further ones are closed at once'),
    forwardMessageBytesMax: bytes(64 * MiB, 'Largest forward message, as sent and after decompression', 64 * KiB),
    forwardBufferBytesMax: bytes(256 * MiB, 'Memory for messages that have come in part, of one forward address', MiB),
    forwardUnacknowledgedBytesMax: bytes(
      32 * MiB,
      'Events of one forward address that wait for the disk; with more of them reading pauses',
      MiB,
    ),
    auditAgentsMax: count(1000, 'Senders of audit records that status knows of'),
    syslog: addresses('off', 'Where syslog is taken: udp://, tcp://, tls:// and unix:// addresses, or off'),
    syslogAllow: text(
      '',
      'Addresses and CIDR ranges from which syslog is taken, with commas; `*` for all; empty: this machine only',
    ),
    syslogKey: text('', 'Id of the key on whose behalf syslog is taken: its stamps, address ranges and expiry count'),
    syslogTimeZone: text(
      SYSLOG_DEFAULTS.timeZone,
      'Zone of syslog times that do not say: a name such as Europe/Berlin, UTC, or local',
    ),
    syslogMessageBytesMax: bytes(
      SYSLOG_DEFAULTS.messageBytesMax,
      'Longest syslog message; a longer one is cut and says so',
      SYSLOG_DEFAULTS.messageBytesMaxMin,
    ),
    syslogConnectionsMax: count(
      SYSLOG_DEFAULTS.connectionsMax,
      'Open connections of one syslog address; further ones are closed at once',
    ),
    syslogReceiveBufferBytes: bytes(
      SYSLOG_DEFAULTS.receiveBufferBytes,
      'What the kernel is asked to keep of syslog datagrams',
      SYSLOG_DEFAULTS.receiveBufferBytesMin,
    ),
    syslogUnacknowledgedBytesMax: bytes(
      SYSLOG_DEFAULTS.unacknowledgedBytesMax,
      'Events of one syslog address that wait for the disk; then streams pause and datagrams are dropped',
      SYSLOG_DEFAULTS.unacknowledgedBytesMaxMin,
    ),
    syslogUnixMode: Type.String({
      default: SYSLOG_DEFAULTS.unixMode,
      pattern: SYSLOG_DEFAULTS.unixModePattern,
      description: 'Permissions of syslog sockets in the file system, octal: who may use them',
    }),
    livestreamPut: text(
      'tcp://127.0.0.1:60022',
      'Where livelog’s PUT /log is taken: tcp://address:port of this machine, or off',
    ),
    livestreamGet: text(
      'tcp://127.0.0.1:60023',
      'Where livelog’s GET /log/<token> is answered: tcp://address:port, or off; with TLS as the main port',
    ),
    livestreamToken: alsoFrom('ACCESS_TOKEN', 'What has to follow /log/ there; also the variable `ACCESS_TOKEN`'),
    rings: sizes(
      'Memory for the newest events of one service, by what its name begins with; the longest wins',
      4 * KiB,
    ),
    logLevel: Type.Union(
      (['debug', 'info', 'warn', 'error', 'silent'] as const).map((level) => Type.Literal(level)),
      {
        default: 'info',
        description: 'What the server says about itself on stderr: debug, info, warn, error or silent',
      },
    ),
    retention: Type.Object({
      age: duration(30 * DAY, 'Events are dropped this long after they were received; 0 keeps them', 0),
      rules: Type.Array(Type.Object({ filter: Type.String(), age: Type.Integer({ minimum: 0 }) }), {
        default: [],
        description:
          'What is kept longer or shorter: a list of `filter` and `age` in the file, `filter=>age; …` elsewhere; the first that selects an event decides',
      }),
      diskBytes: bytes(0, 'When the stored events exceed this size the oldest days are dropped; 0 means no limit'),
    }),
    engine: Type.Object({
      memoryBytesMax: bytes(0, 'Memory cap of the embedded engine; 0 takes a quarter of the machine, at most 4 GiB'),
    }),
    access: Type.Object({
      keysMax: count(10_000, 'Keys in the table, revoked and expired ones included'),
      tokenAgeMax: duration(DAY, 'Longest life of a token', SECOND),
      sessionAge: duration(7 * DAY, 'Life of a session of the page', MINUTE),
      signatureSkew: duration(5 * MINUTE, 'How far the time of a signed request may be from the server’s', SECOND),
      signaturesMax: count(200_000, 'Signatures remembered in order to know replays; more are answered 429'),
      signedBodyBytesMax: bytes(16 * MiB, 'Largest body of a signed request, which is checked before it is used', 1),
      signedBytesMax: bytes(128 * MiB, 'Memory for all signed bodies that are being checked; more are answered 429', 1),
      failuresPerMinuteMax: count(
        60,
        'Invalid keys from one address within a minute; more are answered 429, valid ones never',
      ),
    }),
    ingest: Type.Object({
      bodyBytesMax: bytes(4 * GiB, 'Largest body of one request, as sent', 1),
      decompressedBytesMax: bytes(16 * GiB, 'Largest body of one request after decompression', 1),
      compressionRatioMax: count(500, 'Decompressed bytes per byte sent; looked at once a body has grown past 16 MiB'),
      lineBytesMax: bytes(
        1 * MiB,
        'Longest line or event; longer JSON is rejected, a longer text line is cut and says so',
        KiB,
      ),
      requestsMax: count(
        1000,
        'Ingest requests under way at once; more are answered 429; each may hold one line in memory',
      ),
      futureSkewMax: duration(10 * MINUTE, 'How far in the future a timestamp may lie before it is replaced'),
    }),
    eventlog: Type.Object({
      timestamps: Type.Union(
        (['client', 'server'] as const).map((whose) => Type.Literal(whose)),
        { default: 'client', description: 'Whose time an event of the event log bears: client or server' },
      ),
      grace: duration(5 * SECOND, 'How long after its end a minute takes events of that minute; later ones are late'),
      repeatWindow: duration(60 * MINUTE, 'How long a repeated submission of the same event is known', SECOND),
      idsMax: count(1_000_000, 'Events remembered for that', 1000),
      bodyBytesMax: bytes(16 * MiB, 'Largest body of one submission, after decompression', KiB),
      bytesMax: bytes(256 * MiB, 'Memory for the bodies of all submissions under way; more are answered 429', MiB),
    }),
    streams: Type.Object({
      bytesMax: bytes(10 * GiB, 'Bytes of all streams together; beyond it the oldest that have ended make room', MiB),
      age: duration(30 * DAY, 'How long a stream is kept after its end; 0 keeps it while there is room'),
      countMax: count(10_000, 'Streams kept; beyond it the oldest that have ended make room'),
      diskFreeBytesMin: bytes(512 * MiB, 'Writers are refused while less than this is free on the disk'),
      index: flag(true, 'Lines become events, unless the writer says `index=false`'),
      writersMax: count(200, 'Streams written at once; more are answered 429'),
      readersMax: count(15_000, 'Readers at once; more are answered 429'),
      resumeWait: duration(MINUTE, 'How long readers wait for a writer that was cut off to come back'),
      writerIdleTimeout: duration(12 * 60 * MINUTE, 'Longest silence of a writer', SECOND),
      readerIdleTimeout: duration(60 * MINUTE, 'Longest time a reader may take nothing of what waits for it', SECOND),
      slowReaders: Type.Union(
        (['disk', 'drop'] as const).map((way) => Type.Literal(way)),
        {
          default: 'disk',
          description: 'disk: slow readers are given everything from there; or drop: they are cut off',
        },
      ),
      readerLagBytesMax: bytes(800 * KiB, 'With drop: how far a reader may fall behind before that', 4 * KiB),
      shareAgeMax: duration(30 * DAY, 'Longest life of a link that shows a stream without a key', MINUTE),
    }),
    http: Type.Object({
      connectionsMax: count(20_000, 'Open connections; further ones are closed at once'),
      headersTimeout: duration(10 * SECOND, 'Longest time for the headers of a request to arrive', SECOND),
      headerBytesMax: bytes(16 * KiB, 'All headers of a request together', KiB),
      bodyBytesMax: bytes(1 * MiB, 'Largest body of a request other than ingest', KiB),
      bodyIdleTimeout: duration(30 * SECOND, 'Longest silence within the body of a request', SECOND),
      answerIdleTimeout: duration(2 * MINUTE, 'Longest time a reader may take nothing of an answer', SECOND),
      keepAliveTimeout: duration(72 * SECOND, 'How long an idle connection is kept', SECOND),
      requestsPerSecondPerKeyMax: count(10_000, 'Requests a second with one key; more are answered 429'),
      requestsPerSecondPerAddressMax: count(20_000, 'Requests a second from one address; more are answered 429'),
      hosts: text('', 'Further host names that this server is called by, with commas; checked while there are no keys'),
      corsOrigins: text('', 'Origins of other pages that may use the API, with commas; `*` for all'),
      trustedProxies: text('', 'Addresses and CIDR ranges of proxies whose X-Forwarded headers count, with commas'),
    }),
    spool: Type.Object({
      bytesMax: bytes(4 * GiB, 'Size limit of the spool; writers are refused with 503 beyond it', MiB),
      flushBytes: bytes(8 * MiB, 'Bytes that make a file of the spool', KiB),
      flushDelay: duration(50, 'Longest time an event waits for others to be written with', 1),
      diskFreeBytesMin: bytes(512 * MiB, 'Writers are refused while less than this is free on the disk'),
    }),
    live: Type.Object({
      ringsBytesMax: bytes(64 * MiB, 'Memory for the newest events of all services', 64 * KiB),
      ringBytes: bytes(1 * MiB, 'Memory for the newest events of one service', 4 * KiB),
      bufferEventsMax: count(10_000, 'Events that may wait for one tail reader before it skips'),
      bufferBytes: bytes(16 * MiB, 'The same in bytes', KiB),
      subscribersMax: count(1000, 'Tail readers at once; more are answered 429'),
      subscribersPerKeyMax: count(200, 'Tail readers at once with one key; more are answered 429'),
    }),
    query: Type.Object({
      timeout: duration(30 * SECOND, 'Longest run of one query', SECOND),
      memoryBytesMax: bytes(0, 'Memory one query may use in the store; 0 leaves it to the store’s own share'),
      rowsMax: count(10_000, 'Rows one JSON answer may have; ndjson and csv stream without this limit'),
      bytesReadMax: bytes(256 * GiB, 'What one query may read in the store, uncompressed', MiB),
      concurrentMax: count(16, 'Queries at once; more wait, and are answered 429 after a while'),
      concurrentPerKeyMax: count(8, 'Queries at once with one key; more wait in the same way'),
      slow: duration(SECOND, 'From there on a query is slow, and shown in the status', 1),
      slowMax: count(50, 'Different slow queries that are remembered'),
    }),
    saved: Type.Object({
      searchesMax: count(1000, 'Saved searches of everybody together'),
      sharesMax: count(2000, 'Shared views of everybody together'),
      perKeyMax: count(500, 'Saved searches of one key, and shared views of one key'),
    }),
  },
  { additionalProperties: false },
)

export type Settings = Static<typeof SettingsSchema>

/** One setting, for the reference, flags and variables. */
export interface SettingEntry {
  /** `spool.bytesMax` */
  path: string
  /** `spool-bytes-max`: the flag without its dashes. */
  flag: string
  /** `TAILRACE_SPOOL_BYTES_MAX` */
  variable: string
  /** A variable without our prefix that sets it as well. */
  otherVariable: string | undefined
  unit: 'bytes' | 'ms' | undefined
  kind: 'text' | 'integer' | 'boolean' | 'sizes' | 'rules'
  /** A text that may be given several times, which joins them with commas. */
  isRepeatable: boolean
  /** The only values, where they are few. */
  choices: readonly string[] | undefined
  defaultValue: SettingValue
  description: string
}

export type SettingValue = string | number | boolean | Readonly<Record<string, number>> | readonly []

interface SchemaNode {
  type?: string
  properties?: Record<string, SchemaNode>
  default?: SettingValue
  description?: string
  unit?: 'bytes' | 'ms'
  otherVariable?: string
  isRepeatable?: boolean
  anyOf?: readonly { const?: string }[]
}

const KINDS: Readonly<Record<string, SettingEntry['kind']>> = {
  integer: 'integer',
  boolean: 'boolean',
  object: 'sizes',
  array: 'rules',
}

/** Every setting in the order of the schema. */
export function settingEntries(node: SchemaNode = SettingsSchema, prefix: string[] = []): SettingEntry[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = [...prefix, name]
    if (child.properties) return settingEntries(child, path)
    const words = path.flatMap((part) =>
      part
        .replaceAll(/([A-Z])/g, '-$1')
        .toLowerCase()
        .split('-'),
    )
    return [
      {
        path: path.join('.'),
        flag: words.join('-'),
        variable: `TAILRACE_${words.join('_').toUpperCase()}`,
        otherVariable: child.otherVariable,
        unit: child.unit,
        kind: KINDS[child.type ?? ''] ?? 'text',
        isRepeatable: child.isRepeatable ?? false,
        choices: child.anyOf?.flatMap((choice) => choice.const ?? []),
        defaultValue: child.default ?? '',
        description: child.description ?? '',
      },
    ]
  })
}
