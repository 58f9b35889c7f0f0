import { expect, test } from 'vitest'
import { BatchPool } from '../../core/batch-pool.ts'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { openLive } from '../../live/live.ts'
import { encodeCommand } from '../../wire/logd/message.ts'
import { SOURCES } from '../registry.ts'
import { SOURCE_LIMITS } from '../source.ts'
import { sourceContract } from '../testing/contract.ts'
import { MemorySink } from '../testing/memory-sink.ts'
import { logdSource } from './logd.ts'
import { LOGD_LIMITS, LOGD_WINDOWS } from './settings.ts'
import { nowNs, openLogdClient, packetOf, until } from './testing/logd-server.ts'

test('the registry knows this source', () => {
  expect(SOURCES.map((source) => source.name)).toContain('logd')
})

/** The suite delivers the same bytes more than once, which only an open door takes: there is nothing to replay. */
const OPEN = { readSecret: '', writeSecret: '', isInsecure: true, windows: LOGD_WINDOWS, limits: LOGD_LIMITS }

sourceContract(
  'logd',
  async () => {
    const sink = new MemorySink()
    const counters = new Counters()
    const live = openLive({ startNs: 1n })
    const context = {
      sinkFor: () => sink,
      counters,
      logger: SILENT_LOGGER,
      clock: nowNs,
      batches: new BatchPool({ bytesMax: 0 }),
      hostname: 'testhost',
      limits: SOURCE_LIMITS,
      reading: live,
    }
    const listener = await logdSource.listen(context, { host: '127.0.0.1', port: 0, keyOf: () => undefined, ...OPEN })
    const client = await openLogdClient(Number(listener.address.split(':')[1]))
    const decided = (): number =>
      counters.total('ingest_events_total') + counters.total('ingest_rejected_total', { source: 'logd' })
    return {
      sink,
      counters,
      deliver: async (bytes) => {
        const before = decided()
        await client.send(bytes)
        await until(() => decided() > before, 'the packet is decided about')
        if (client.received.length > 0) throw new Error('a packet was answered')
        return undefined
      },
      close: async () => {
        await client.close()
        await listener.close()
      },
    }
  },
  [
    { name: 'nothing', bytes: Buffer.alloc(0), events: [], rejected: { short: 1 } },
    {
      name: 'one event with all fields',
      bytes: packetOf({
        name: 'write',
        message: {
          timeNs: 1_795_255_200_000_000_000n,
          level: 'warn',
          text: 'm',
          key: '/a/b',
          stackTrace: 's',
          httpMethod: 'PUT',
          url: 'u',
          responseStatus: 200,
        },
      }),
      events: [
        {
          timestampNs: 1_795_255_200_000_000_000n,
          severity: 13,
          service: '/a/b',
          host: 'testhost',
          source: 'logd',
          message: 'm',
          attributes: new Map([
            ['exception.stacktrace', 's'],
            ['http.request.method', 'PUT'],
            ['url.full', 'u'],
            ['http.response.status_code', '200'],
          ]),
        },
      ],
      rejected: {},
    },
    {
      name: 'no protobuf',
      bytes: Buffer.concat([Buffer.alloc(40), Buffer.from([0xff, 0xff])]),
      events: [],
      rejected: { decode: 1 },
    },
    {
      name: 'no key',
      bytes: Buffer.concat([
        Buffer.alloc(40),
        encodeCommand({ name: 'write', message: { level: 'info', text: 'm', key: '' } }),
      ]),
      events: [],
      rejected: { key: 1 },
    },
  ],
)
