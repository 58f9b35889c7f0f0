import type { Socket } from 'node:net'
import { NS_PER_MS } from '../../core/time.ts'
import { openStream, type StreamListener } from '../../net/stream-listener.ts'
import { openUdp, type UdpListener } from '../../net/udp.ts'
import { ForwardRows } from '../../wire/forward/rows.ts'
import { ValueScanner } from '../../wire/msgpack/scanner.ts'
import type { ListenContext, ListeningSource, SourceListener } from '../source.ts'
import { Connection, type ConnectionContext } from './connection.ts'
import { Decompressor } from './decompressor.ts'
import { Doorkeeper } from './doorkeeper.ts'
import { Intake } from './intake.ts'
import type { ForwardLimits, ForwardSettings } from './settings.ts'
import { CHUNK_ATTRIBUTE, ChunkMemory } from './tickets.ts'

const NAME = 'forward'
const HEARTBEAT_BUFFER_BYTES = 64 * 1024
const HEARTBEAT = Buffer.alloc(1)
/** Answers may take this long to leave when the listener closes. */
const CLOSE_MS_MAX = 1000

/** The forward protocol of Fluentd and Fluent Bit, and audit messages: docs/sources/forward.md. */
export const forwardSource: ListeningSource<ForwardSettings> = {
  name: NAME,
  listen: (context, settings) => listen(context, settings),
}

async function listen(context: ListenContext, settings: ForwardSettings): Promise<SourceListener> {
  const { counters, hostname } = context
  const { limits, address, tls } = settings
  const connections = new Set<Connection>()
  const shared = connectionContext(context, settings, (connection) => connections.delete(connection))
  const opened = counters.counter('forward_connections_total')
  const stream = await openStream({
    address,
    tls: tls?.material,
    connectionsMax: limits.connectionsMax,
    onRefused: () => counters.add('forward_connections_refused_total'),
    handshakeMs: limits.handshakeMs,
    onHandshakeFailed: () => counters.add('tls_handshakes_failed_total', { reason: 'forward' }),
    unixMode: limits.unixMode,
    onConnection: (socket: Socket) => {
      opened.add()
      connections.add(new Connection(socket, shared))
    },
  })
  tls?.attach(stream)
  const endRecall = recall(context, limits, shared.chunks)
  const heartbeats = await openHeartbeats(context, settings, stream)
  const sweeper = setInterval(() => {
    for (const connection of connections) connection.sweep()
  }, limits.sweepMs)
  sweeper.unref()
  context.logger.debug({ address: stream.address, hostname }, 'The forward listener is open')
  return {
    address: stream.address,
    async close() {
      clearInterval(sweeper)
      endRecall()
      const closed = stream.close()
      await Promise.all([...connections].map((connection) => connection.quiesce()))
      await shared.intake.close()
      for (const connection of connections) connection.stop()
      const cutOff = setTimeout(() => stream.cut(), CLOSE_MS_MAX)
      await Promise.all([closed, heartbeats?.close()])
      clearTimeout(cutOff)
    },
  }
}

/**
 * Learns which chunks an earlier process has stored; where that cannot be learned, or takes longer than `recallMs`, as the
 * store may be away, it goes on without. Returns what ends it.
 */
function recall({ recentValues, logger }: ListenContext, limits: ForwardLimits, chunks: ChunkMemory): () => void {
  const { chunkMs, chunksMax, recallMs } = limits
  let isOver = false
  const learned = (marks: readonly string[]): void => {
    isOver = true
    clearTimeout(giveUp)
    chunks.complete(marks.toReversed())
  }
  const fail = (err?: unknown): void => {
    if (isOver) return
    logger.warn({ err }, 'Chunks that were stored before the start are not known; one that comes again is stored again')
    learned([])
  }
  const giveUp = setTimeout(fail, recallMs)
  recentValues({ attribute: CHUNK_ATTRIBUTE, windowMs: chunkMs, valuesMax: chunksMax }).then(learned, fail)
  return () => {
    isOver = true
    clearTimeout(giveUp)
  }
}

function connectionContext(
  context: ListenContext,
  settings: ForwardSettings,
  onClosed: (connection: Connection) => void,
): ConnectionContext {
  const { counters, hostname, clock } = context
  const { limits, agents } = settings
  const reject: ConnectionContext['reject'] = (reason, count, example) => {
    const labels = { source: NAME, reason }
    counters.add('ingest_rejected_total', labels, count)
    if (example !== undefined) counters.keepExample('ingest_rejected_total', labels, example)
  }
  return {
    name: NAME,
    hostname,
    limits,
    counters,
    agents,
    reject,
    onClosed,
    intake: new Intake({ name: NAME, context, limits, drop: (events) => reject('refused', events) }),
    rows: new ForwardRows(context.limits.event),
    chunks: new ChunkMemory({
      chunksMax: limits.chunksMax,
      keepMs: limits.chunkMs,
      nowMs: () => Number(clock() / NS_PER_MS),
    }),
    decompressor: new Decompressor({ bytesMax: limits.messageBytesMax, concurrentMax: limits.decompressionsMax }),
    packed: new ValueScanner({ depthMax: limits.depthMax, bytesMax: limits.messageBytesMax }),
    doorkeeper: new Doorkeeper(settings, hostname),
    received: counters.counter('ingest_bytes_total', { source: NAME }),
    buffered: { bytes: 0 },
    nowMs: () => performance.now(),
  }
}

/** Senders may ask over UDP, on the same port, whether the server is there. */
async function openHeartbeats(
  context: ListenContext,
  { address }: ForwardSettings,
  { port }: StreamListener,
): Promise<UdpListener | undefined> {
  if (address.protocol !== 'tcp' || port === undefined) return undefined
  try {
    const listener = await openUdp({
      host: address.host,
      port,
      receiveBufferBytes: HEARTBEAT_BUFFER_BYTES,
      sendQueueBytesMax: HEARTBEAT_BUFFER_BYTES,
      onPacket: (_bytes, host, from) => void listener.send(HEARTBEAT, host, from),
    })
    return listener
  } catch (err) {
    context.logger.warn({ err }, 'Heartbeats over UDP are not answered: the port cannot be had')
    return undefined
  }
}
