import { encode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { Counters } from '../../core/counters.ts'
import { GOLDEN_HEX } from '../../wire/audit/testing/records.ts'
import { SOURCES } from '../registry.ts'
import { sourceContract } from '../testing/contract.ts'
import { MemorySink } from '../testing/memory-sink.ts'
import { openForwardServer, openRawClient } from './testing/forward-server.ts'

test('the registry knows this source', () => {
  expect(SOURCES.map((source) => source.name)).toContain('forward')
})

const bytes = (value: unknown): Buffer => Buffer.from(encode(value))

sourceContract(
  'forward',
  async () => {
    const sink = new MemorySink()
    const counters = new Counters()
    return {
      sink,
      counters,
      // What is sent without chunk id is not answered; when the listener is closed all of it is decided about.
      deliver: async (sent) => {
        const server = await openForwardServer({ sink, counters })
        const client = await openRawClient({ port: server.port })
        await client.send(sent)
        client.socket.end()
        await client.closed
        await server.close()
        return undefined
      },
      close: () => Promise.resolve(),
    }
  },
  [
    { name: 'nothing', bytes: Buffer.alloc(0), events: [], rejected: {} },
    {
      name: 'one event with all fields',
      bytes: bytes([
        'app.web',
        1_795_255_200,
        {
          message: 'm',
          level: 'warn',
          host: 'h',
          source: 'f',
          trace_id: 't',
          span_id: 's',
          user: { id: 7, name: 'ann' },
          ok: true,
          nothing: null,
          list: [1, 'a'],
        },
      ]),
      events: [
        {
          timestampNs: 1_795_255_200_000_000_000n,
          severity: 13,
          service: 'app.web',
          host: 'h',
          source: 'f',
          message: 'm',
          trace_id: 't',
          span_id: 's',
          attributes: new Map([
            ['user.id', '7'],
            ['user.name', 'ann'],
            ['ok', 'true'],
            ['list', '[1,"a"]'],
          ]),
        },
      ],
      rejected: {},
    },
    {
      name: 'a service of its own',
      bytes: bytes(['kube.x', [[1, { log: 'm', app: 'shop' }]]]),
      events: [{ service: 'shop', message: 'm', attributes: new Map([['forward.tag', 'kube.x']]) }],
      rejected: {},
    },
    {
      name: 'bad entries among good ones',
      bytes: bytes([
        'a',
        [
          [1, { message: 'x' }],
          ['soon', { message: 'y' }],
          [1, 'no record'],
          7,
          [1, { message: 'z', ['k'.repeat(1025)]: 1 }],
          [1, Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, i]))],
          [1, { message: 'x'.repeat(1_100_000) }],
          [1, { message: 'y', list: Array.from({ length: 1_100_000 }, () => null) }],
          [1, { message: 'z', bytes: Buffer.alloc(1_100_000, 0xff) }],
          [1, { ['k'.repeat(1_100_000)]: 1 }],
          [1, { message: 'last' }],
        ],
      ]),
      events: [{ message: 'x' }, { message: 'last' }],
      rejected: { bad_time: 1, not_record: 1, not_entry: 1, key_too_long: 1, too_many_keys: 1, line_too_long: 4 },
    },
    {
      name: 'times in all their forms',
      bytes: bytes([
        'a',
        [
          [7, { message: 'seconds' }],
          [7.25, { message: 'fraction' }],
          [new Date(7250), { message: 'timestamp' }],
          [[7, { meta: 1 }], { message: 'with metadata' }],
          [1e300, { message: 'senseless' }],
        ],
      ]),
      events: [
        { timestampNs: 7_000_000_000n },
        { timestampNs: 7_250_000_000n },
        { timestampNs: 7_250_000_000n },
        { timestampNs: 7_000_000_000n },
        { timestampNs: -(2n ** 63n), message: 'senseless' },
      ],
      rejected: {},
    },
    {
      name: 'an audit record',
      bytes: Buffer.from(GOLDEN_HEX, 'hex'),
      events: [{ service: 'audit/AsmAuditDP', severity: 9, host: 'testhost' }],
      rejected: {},
    },
    {
      name: 'what is no MessagePack array',
      bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      events: [],
      rejected: { not_forward: 1 },
    },
    {
      name: 'a message that is cut off',
      bytes: bytes(['a', 1, {}]).subarray(0, 3),
      events: [],
      rejected: { truncated: 1 },
    },
  ],
)
