/** From settings to what each room calls its limits. What has no setting keeps the room's own default. */
import { join } from 'node:path'
import type { AccessLimits } from '../access/access.ts'
import { DEFAULT_API_LIMITS, type ApiLimits } from '../api/context.ts'
import { NS_PER_MS } from '../core/time.ts'
import type { LiveOptions } from '../live/live.ts'
import type { MemoryOptions } from '../memory/memory.ts'
import type { HttpServerLimits } from '../net/http-limits.ts'
import { SYSLOG_LIMITS, type SyslogLimits } from '../sources/syslog/settings.ts'
import { FORWARD_LIMITS, type ForwardLimits } from '../sources/forward/settings.ts'
import type { LivestreamSettings } from '../sources/livestream/settings.ts'
import { LOGD_LIMITS, type LogdLimits, type LogdSettings } from '../sources/logd/settings.ts'
import { SOURCE_LIMITS, type SourceLimits } from '../sources/source.ts'
import type { SpoolLimits } from '../spool/spool.ts'
import type { StreamLimits } from '../streams/limits.ts'
import type { StoreConfig } from '../store/connect.ts'
import type { RetentionRules } from '../store/retention.ts'
import type { Config } from './config.ts'

export function storeConfig(config: Config, keep: RetentionRules['keep']): Omit<StoreConfig, 'logger' | 'counters'> {
  const { memoryBytesMax } = config.engine
  const { timeout: timeoutMs, memoryBytesMax: queryBytesMax, bytesReadMax } = config.query
  return {
    url: config.store,
    dataDir: join(config.data, 'store'),
    silenceMsMax: config.storeSilence,
    limits: { timeoutMs, bytesReadMax, ...(queryBytesMax === 0 ? {} : { memoryBytesMax: queryBytesMax }) },
    retention: {
      ageMs: config.retention.age,
      diskBytes: config.retention.diskBytes,
      keep,
    },
    ...(memoryBytesMax === 0 ? {} : { memoryBytesMax }),
  }
}

export function spoolLimits({ spool }: Config): Partial<SpoolLimits> {
  return {
    flushBytes: spool.flushBytes,
    flushDelayMs: spool.flushDelay,
    bytesMax: spool.bytesMax,
    diskFreeBytesMin: spool.diskFreeBytesMin,
  }
}

export function liveLimits({ live, rings }: Config): Omit<LiveOptions, 'startNs'> {
  return {
    ringBytesByPrefix: rings,
    budgetBytes: live.ringsBytesMax,
    ringBytesMax: live.ringBytes,
    bufferEventsMax: live.bufferEventsMax,
    bufferBytesMax: live.bufferBytes,
  }
}

/** Memory of one query over the rings, unless it is set. */
const QUERY_BYTES_MAX = 128 * 1024 * 1024
/** All of them together may take this many times as much. */
const QUERIES_FACTOR = 2

export function memoryLimits({ query, ingest }: Config): Omit<MemoryOptions, 'live' | 'node'> {
  const queryBytesMax = query.memoryBytesMax === 0 ? QUERY_BYTES_MAX : query.memoryBytesMax
  return {
    queryBytesMax,
    queriesBytesMax: queryBytesMax * QUERIES_FACTOR,
    timeoutMsMax: query.timeout,
    futureSkewMaxNs: BigInt(ingest.futureSkewMax) * NS_PER_MS,
  }
}

export function httpLimits({ http, access }: Config): Partial<HttpServerLimits> {
  return {
    connectionsMax: http.connectionsMax,
    headerBytesMax: http.headerBytesMax,
    headersMs: http.headersTimeout,
    bodyIdleMs: http.bodyIdleTimeout,
    bodyBytesMax: http.bodyBytesMax,
    keepAliveMs: http.keepAliveTimeout,
    answerIdleMs: http.answerIdleTimeout,
    requestsPerSecondPerAddressMax: http.requestsPerSecondPerAddressMax,
    requestsPerSecondPerKeyMax: http.requestsPerSecondPerKeyMax,
    failuresPerMinuteMax: access.failuresPerMinuteMax,
    signedBodyBytesMax: access.signedBodyBytesMax,
    signedBytesMax: access.signedBytesMax,
  }
}

export function sourceLimits({ ingest, eventlog }: Config): SourceLimits {
  return {
    ...SOURCE_LIMITS,
    event: { ...SOURCE_LIMITS.event, lineBytesMax: ingest.lineBytesMax },
    bodyBytesMax: ingest.bodyBytesMax,
    decompressedBytesMax: ingest.decompressedBytesMax,
    compressionRatioMax: ingest.compressionRatioMax,
    requestsMax: ingest.requestsMax,
    futureSkewMaxNs: BigInt(ingest.futureSkewMax) * NS_PER_MS,
    eventlog: {
      timestamps: eventlog.timestamps,
      repeatWindowMs: eventlog.repeatWindow,
      idsMax: eventlog.idsMax,
      bodyBytesMax: eventlog.bodyBytesMax,
      bytesMax: eventlog.bytesMax,
    },
  }
}

export function streamLimits({ streams }: Config): Partial<StreamLimits> {
  return {
    bytesMax: streams.bytesMax,
    ageMs: streams.age,
    streamsMax: streams.countMax,
    diskFreeBytesMin: streams.diskFreeBytesMin,
    writersMax: streams.writersMax,
    readersMax: streams.readersMax,
    resumeWaitMs: streams.resumeWait,
  }
}

export function livestreamSettings({ streams }: Config): LivestreamSettings {
  return {
    isIndexed: streams.index,
    writerIdleMs: streams.writerIdleTimeout,
    readerIdleMs: streams.readerIdleTimeout,
    lagBytesMax: streams.slowReaders === 'drop' ? streams.readerLagBytesMax : Infinity,
    shareMsMax: streams.shareAgeMax,
  }
}

export function logdWindows({ logdV1Skew, logdV2Age, logdV3Skew }: Config): LogdSettings['windows'] {
  return {
    v1: { pastMs: logdV1Skew, futureMs: logdV1Skew },
    v2: { pastMs: logdV2Age, futureMs: 0 },
    v3: { pastMs: logdV3Skew, futureMs: logdV3Skew },
  }
}

export function logdLimits(config: Config): LogdLimits {
  return {
    ...LOGD_LIMITS,
    signaturesMax: config.logdSignaturesMax,
    unacknowledgedBytesMax: config.logdUnacknowledgedBytesMax,
    receiveBufferBytes: config.logdReceiveBufferBytes,
    tailsMax: config.logdTailsMax,
    tailBufferEventsMax: config.live.bufferEventsMax,
  }
}

export function syslogLimits(config: Pick<Config, Extract<keyof Config, `syslog${string}`>>): SyslogLimits {
  return {
    ...SYSLOG_LIMITS,
    messageBytesMax: config.syslogMessageBytesMax,
    connectionsMax: config.syslogConnectionsMax,
    receiveBufferBytes: config.syslogReceiveBufferBytes,
    unacknowledgedBytesMax: config.syslogUnacknowledgedBytesMax,
    unixMode: parseInt(config.syslogUnixMode, 8),
  }
}

export function forwardLimits(config: Config): ForwardLimits {
  return {
    ...FORWARD_LIMITS,
    connectionsMax: config.forwardConnectionsMax,
    messageBytesMax: config.forwardMessageBytesMax,
    bufferBytesMax: config.forwardBufferBytesMax,
    unacknowledgedBytesMax: config.forwardUnacknowledgedBytesMax,
    unixMode: parseInt(config.forwardUnixMode, 8),
  }
}

export function accessLimits({ access }: Config): AccessLimits {
  return {
    keysMax: access.keysMax,
    tokenMsMax: access.tokenAgeMax,
    sessionMs: access.sessionAge,
    signatureSkewMs: access.signatureSkew,
    signaturesMax: access.signaturesMax,
  }
}

export function apiLimits({ http, query, live }: Config): ApiLimits {
  return {
    ...DEFAULT_API_LIMITS,
    bodyBytesMax: http.bodyBytesMax,
    queriesMax: query.concurrentMax,
    queriesPerKeyMax: query.concurrentPerKeyMax,
    queryTimeoutMsMax: query.timeout,
    jsonEventsMax: query.rowsMax,
    tailsMax: live.subscribersMax,
    tailsPerKeyMax: live.subscribersPerKeyMax,
    tailBufferEvents: live.bufferEventsMax,
    slowQueryMs: query.slow,
    slowQueriesMax: query.slowMax,
  }
}
