import { expect, test } from 'vitest'
import { SOURCES } from '../registry.ts'
import { sourceContract } from '../testing/contract.ts'
import { openIngestServer } from '../testing/ingest-server.ts'

test('the registry knows this source', () => {
  expect(SOURCES.map((source) => source.name)).toContain('http')
})

sourceContract(
  'http',
  async () => {
    const { sink, counters, post, http } = await openIngestServer()
    return {
      sink,
      counters,
      deliver: async (bytes) => (await post(new Uint8Array(bytes))).status === 200,
      close: () => http.close(),
    }
  },
  [
    { name: 'nothing', bytes: Buffer.from(''), events: [], rejected: {} },
    {
      name: 'one event with all fields',
      bytes: Buffer.from(
        '{"timestamp":"2026-11-21T10:00:00Z","level":"warn","service":"s","host":"h","source":"f","message":"m",' +
          '"trace_id":"t","span_id":"p","n":1}\n',
      ),
      events: [
        {
          timestampNs: 1_795_255_200_000_000_000n,
          severity: 13,
          service: 's',
          host: 'h',
          source: 'f',
          message: 'm',
          trace_id: 't',
          span_id: 'p',
          attributes: new Map([['n', '1']]),
        },
      ],
      rejected: {},
    },
    {
      name: 'good and bad lines',
      bytes: Buffer.from('{"message":"a"}\noops\n[]\n{"message":"b"}'),
      events: [{ message: 'a' }, { message: 'b' }],
      rejected: { not_json: 1, not_object: 1 },
    },
    { name: 'bad lines only', bytes: Buffer.from('oops\noops'), events: [], rejected: { not_json: 2 } },
    {
      name: 'ten thousand events',
      bytes: Buffer.from(Array.from({ length: 10_000 }, (_, i) => `{"message":"m${i}"}`).join('\n')),
      events: Array.from({ length: 10_000 }, (_, i) => ({ message: `m${i}` })),
      rejected: {},
    },
  ],
)
