import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { parseTimestamp } from '../../core/time.ts'
import { openIngestServer, TEST_NOW_NS, type IngestServer } from '../testing/ingest-server.ts'
import { sourceContract } from '../testing/contract.ts'
import { SOURCE_LIMITS, type EventlogLimits } from '../source.ts'

const JSON_BODY = { 'content-type': 'application/json' }
const GOOD = { facility: 'shop', timestamp: '2026-11-21T11:59:00.5Z', level: 'error', event: 'payment declined' }

let server: IngestServer | undefined
afterEach(() => server?.http.close())

async function open(eventlog: Partial<EventlogLimits> = {}, known: () => Promise<string[]> = async () => []) {
  server = await openIngestServer({ eventlog: { ...SOURCE_LIMITS.eventlog, ...eventlog } }, {}, known)
  const { url, sink, counters } = server
  const submit = async (body: unknown, headers: Record<string, string> = {}, parameters = '') => {
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const response = await fetch(`${url}/api/v1/eventlog${parameters}`, {
      method: 'POST',
      headers: { ...JSON_BODY, ...headers },
      body: raw as RequestInit['body'] & {},
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
  }
  await expect.poll(async () => (await submit('[]')).status).toBe(400)
  counters.add('noise')
  return { submit, sink, counters }
}

interface Answer {
  ids: string[]
  repeated: number[]
  code?: string
  detail?: string
  problems?: { event: number; field?: string; message: string }[]
}

describe('a submission', () => {
  test('becomes an event with everything it says', async () => {
    const { submit, sink } = await open()
    const answer = await submit({
      ...GOOD,
      message: 'context here',
      service: 'context too',
      source: 'card-reader',
      'user-id': 12_345_678_901_234,
      exception: { type: 'CardError', causes: ['a', 1] },
      host: 'till-7',
    })
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({ ids: [expect.stringMatching(/^[\w-]{22}$/)], repeated: [] })
    expect(sink.events()).toEqual([
      expect.objectContaining({
        timestampNs: 1_795_262_340_500_000_000n,
        severity: 17,
        service: 'shop',
        host: 'till-7',
        source: 'eventlog',
        message: 'payment declined',
        attributes: new Map([
          ['user-id', '12345678901234'],
          ['exception.type', 'CardError'],
          ['exception.causes', '["a",1]'],
          ['message', 'context here'],
          ['service', 'context too'],
          ['source', 'card-reader'],
          ['eventlog.id', answer.body.ids[0]],
        ]),
      }),
    ])
  })

  test('of an array answers an id for each, in order, compressed or not', async () => {
    const { submit, sink } = await open()
    const events = ['a', 'b', 'c'].map((event) => ({ ...GOOD, event }))
    const { body, status } = await submit(gzipSync(JSON.stringify(events)), { 'content-encoding': 'gzip' })
    expect(status).toBe(201)
    expect(new Set(body.ids).size).toBe(3)
    expect(sink.events().map(({ message, attributes }) => [message, attributes.get('eventlog.id')])).toEqual([
      ['a', body.ids[0]],
      ['b', body.ids[1]],
      ['c', body.ids[2]],
    ])
  })

  test.each(['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'])('level %s', async (level) => {
    const { submit, sink } = await open()
    expect((await submit({ ...GOOD, level })).status).toBe(201)
    expect(sink.events()[0]?.severity).toBeGreaterThan(0)
  })

  test('without a host comes from the sender', async () => {
    const { submit, sink } = await open()
    await submit(GOOD)
    expect(sink.events()[0]?.host).toBe('testhost')
  })
})

test('the id is ours, whatever the sender calls so', async () => {
  const { submit, sink } = await open()
  const { body } = await submit([{ ...GOOD, 'eventlog.id': 'mine' }])
  expect(sink.events()[0]?.attributes.get('eventlog.id')).toBe(body.ids[0])
})

const text = (event: string): string => JSON.stringify({ ...GOOD, event }, null, 2)

test('what may be: an array, empty lines around it, a single event, white space between', async () => {
  const { submit, sink } = await open()
  expect((await submit(`\r\n [ ${text('a')} ,\n${text('b')}\t] \n`)).status).toBe(201)
  expect((await submit(`\n${text('c')}\n`)).status).toBe(201)
  expect(sink.rows).toBe(3)
})

describe('mistakes are told by field, and nothing is kept', () => {
  const far = new Date(Number(TEST_NOW_NS / 1_000_000n) + 601_000).toISOString()
  const cases: [name: string, body: unknown, problems: object[]][] = [
    ['no facility', { ...GOOD, facility: undefined }, [{ event: 0, field: 'facility' }]],
    ['empty facility', { ...GOOD, facility: '' }, [{ event: 0, field: 'facility' }]],
    ['no event', { ...GOOD, event: undefined }, [{ event: 0, field: 'event' }]],
    [
      'no level',
      { ...GOOD, level: undefined },
      [{ event: 0, field: 'level', message: expect.stringContaining('missing') }],
    ],
    [
      'foreign level',
      { ...GOOD, level: 'loud' },
      [{ event: 0, field: 'level', message: expect.stringContaining('"loud"') }],
    ],
    [
      'foreign time',
      { ...GOOD, timestamp: 'noon' },
      [{ event: 0, field: 'timestamp', message: expect.stringContaining('"noon"') }],
    ],
    ['time to come', { ...GOOD, timestamp: far }, [{ event: 0, field: 'timestamp' }]],
    ...['2999-01-01T00:00:00Z', '0001-01-01T00:00:00Z', 32_503_680_000].map((time): [string, unknown, object[]] => [
      `time that cannot be stored: ${time}`,
      { ...GOOD, timestamp: time },
      [{ event: 0, field: 'timestamp', message: `${time} cannot be: it is too far in the future, or before 1970` }],
    ]),
    ['time before 1970', { ...GOOD, timestamp: '1969-12-31T23:59:59Z' }, [{ event: 0, field: 'timestamp' }]],
    [
      'several',
      [GOOD, {}, { ...GOOD, event: '' }],
      [
        { event: 1, field: 'facility' },
        { event: 1, field: 'event' },
        { event: 1, field: 'level' },
        { event: 2, field: 'event' },
      ],
    ],
    [
      'several, some of them unreadable',
      `[7, ${JSON.stringify(GOOD)}, {"facility": }, {"event": ""}, ${JSON.stringify(GOOD)}, [], {"event": 5}, ${JSON.stringify({ ...GOOD, level: 'loud' })},]`,
      [
        { event: 0, message: 'a JSON event must be an object' },
        { event: 2, message: expect.stringContaining('JSON') },
        { event: 3, field: 'facility' },
        { event: 3, field: 'event' },
        { event: 3, field: 'level' },
        { event: 5, message: 'a JSON event must be an object' },
        { event: 6, field: 'event', message: 'has to be a text' },
        { event: 7, field: 'level' },
        { message: expect.stringContaining('array') },
      ],
    ],
    ['no JSON', '{"facility":', [{ event: 0 }]],
    ['an array that is not closed', `[${JSON.stringify(GOOD)}`, [{}]],
    ...[5, true, ['a'], {}].flatMap((value): [string, unknown, object[]][] =>
      ['facility', 'event', 'level'].map((field) => [
        `${field} is ${JSON.stringify(value)}`,
        [GOOD, { ...GOOD, [field]: value }],
        [{ event: 1, field, message: 'has to be a text' }],
      ]),
    ),
    ['long facility', { ...GOOD, facility: 'f'.repeat(1025) }, [{ event: 0, field: 'facility' }]],
    ['two texts', `${JSON.stringify(GOOD)}\n${JSON.stringify(GOOD)}`, [{ message: expect.stringContaining('array') }]],
    ['more after the array', `[${JSON.stringify(GOOD)}]]`, [{}]],
    ['a comma too many', `[${JSON.stringify(GOOD)},]`, [{}]],
    ['a comma at the begin', `[,${JSON.stringify(GOOD)}]`, [{}]],
    ['no object', '[1]', [{ event: 0, message: 'a JSON event must be an object' }]],
    ['nothing', '[]', []],
    ['nothing at all', '', []],
  ]
  test.each(cases)('%s', async (_name, body, problems) => {
    const { submit, sink } = await open()
    const answer = await submit(body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', problems } })
    expect(answer.body.problems).toHaveLength(problems.length)
    expect(sink.rows).toBe(0)
    expect((await submit(GOOD)).status).toBe(201)
  })

  test('another content type, a body that is too large, a damaged one', async () => {
    const { submit } = await open({ bodyBytesMax: 2000 })
    expect(await submit(GOOD, { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'CONTENT_TYPE_UNSUPPORTED' },
    })
    expect(await submit({ ...GOOD, event: 'x'.repeat(3000) })).toMatchObject({ status: 413 })
    expect(await submit('no gzip', { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 })
  })
})

describe('the same event', () => {
  test('is stored once, whichever request it comes in', async () => {
    const { submit, sink, counters } = await open()
    const first = await submit(GOOD)
    expect((await submit(GOOD)).body).toEqual({ ids: first.body.ids, repeated: [0] })
    const other = { ...GOOD, event: 'other' }
    const mixed = await submit([other, GOOD, other])
    expect(mixed.body).toEqual({ ids: [mixed.body.ids[0], first.body.ids[0], mixed.body.ids[0]], repeated: [1, 2] })
    expect(sink.events().map(({ message }) => message)).toEqual(['payment declined', 'other'])
    expect(counters.total('eventlog_repeated_total')).toBe(3)
    expect(counters.total('ingest_events_total', { source: 'eventlog' })).toBe(2)
  })

  test.each([
    { facility: 'shop2' },
    { timestamp: '2026-11-21T11:59:00.500000001Z' },
    { level: 'warn' },
    { event: 'payment declined.' },
    { 'user-id': 1 },
  ])('is another with %j', async (change) => {
    const { submit, sink } = await open()
    await submit(GOOD)
    expect((await submit({ ...GOOD, ...change })).body.repeated).toEqual([])
    expect(sink.rows).toBe(2)
  })

  test('without a time is each time another', async () => {
    const { submit, sink } = await open()
    const { timestamp: _, ...timeless } = GOOD
    await submit(timeless)
    expect((await submit([timeless, timeless])).body.repeated).toEqual([])
    expect(sink.rows).toBe(3)
  })

  test('on its way is waited for; when it fails, the repeat fails and can be sent again', async () => {
    const { submit, sink } = await open()
    let refuse: (() => void) | undefined
    let isWriting = false
    sink.onWrite = () => {
      isWriting = true
      return new Promise<void>((_resolve, reject) => {
        refuse = () => reject(new Error('refused by the test'))
      })
    }
    const first = submit(GOOD)
    await expect.poll(() => isWriting).toBe(true)
    const second = submit([GOOD])
    await expect.poll(() => server?.counters.total('eventlog_repeated_total')).toBe(1)
    refuse?.()
    expect([(await first).status, (await second).status]).toEqual([500, 500])
    sink.onWrite = () => undefined
    expect((await submit(GOOD)).body.repeated).toEqual([])
    expect(sink.rows).toBe(1)
  })

  test('is known after a restart; until then nothing is taken', async () => {
    const { submit, sink } = await open()
    const { ids } = (await submit(GOOD)).body
    await server?.http.close()
    let tell: ((ids: string[]) => void) | undefined
    const known = new Promise<string[]>((resolve) => (tell = resolve))
    server = await openIngestServer({}, {}, () => known)
    const again = () =>
      fetch(`${server?.url}/api/v1/eventlog`, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(GOOD) })
    const early = await again()
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1'])
    tell?.([...ids, 'damaged'])
    await expect.poll(async () => (await again()).status).toBe(201)
    expect(await (await again()).json()).toEqual({ ids, repeated: [0] })
    expect([sink.rows, server.sink.rows]).toEqual([1, 0])
  })
})

describe('a time that cannot be, with skew=replace,', () => {
  test.each(['2026-11-21T12:30:00Z', '2255-03-14T16:00:00.000000001Z', '1969-12-31T23:59:59Z'])(
    '%s is left to the pipeline, and known when it comes again',
    async (timestamp) => {
      const { submit, sink } = await open()
      const events = [GOOD, { ...GOOD, timestamp }]
      const { status, body } = await submit(events, {}, '?skew=replace')
      expect([status, body.repeated]).toEqual([201, []])
      expect((await submit(events, {}, '?skew=replace')).body).toEqual({ ids: body.ids, repeated: [0, 1] })
      expect(sink.events().map(({ timestampNs }) => timestampNs)).toEqual([
        parseTimestamp(GOOD.timestamp),
        parseTimestamp(timestamp),
      ])
      expect(sink.options).toEqual([{ futureSkewMaxNs: 0n }])
    },
  )

  test.each([
    ['client', 'clock.skewed', '2999-01-01T00:00:00Z'],
    ['client', 'clock.skewed', '0001-01-01T00:00:00Z'],
    ['server', 'timestamp.claimed', '2999-01-01T00:00:00Z'],
  ] as const)(
    'or even stored is kept beside the received time: %s, %s, %s',
    async (timestamps, attribute, timestamp) => {
      const { submit, sink, counters } = await open({ timestamps })
      const parameters = timestamps === 'client' ? '?skew=replace' : ''
      const { status, body } = await submit({ ...GOOD, timestamp }, {}, parameters)
      expect([status, body.repeated]).toEqual([201, []])
      expect((await submit({ ...GOOD, timestamp }, {}, parameters)).body).toEqual({ ids: body.ids, repeated: [0] })
      const { ids } = (await submit({ ...GOOD, timestamp: '2998-01-01T00:00:00Z' }, {}, parameters)).body
      expect(ids).not.toEqual(body.ids)
      const [event] = sink.events()
      expect(event?.timestampNs).toBe(-(2n ** 63n))
      expect([...(event?.attributes ?? [])]).toEqual([
        [attribute, timestamp],
        ['eventlog.id', body.ids[0]],
      ])
      expect(counters.total('pipeline_clock_skewed_total')).toBe(timestamps === 'client' ? 2 : 0)
    },
  )

  test('but text that is no time stays a mistake, and so does another word', async () => {
    const { submit, sink } = await open()
    expect((await submit({ ...GOOD, timestamp: 'noon' }, {}, '?skew=replace')).body.problems).toMatchObject([
      { field: 'timestamp' },
    ])
    for (const parameters of ['?skew=', '?skew=on', '?skew=replace&skew=replace']) {
      expect(await submit(GOOD, {}, parameters)).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining('skew') },
      })
    }
    expect(sink.rows).toBe(0)
  })
})

test('server time: the sender’s cannot be wrong', async () => {
  const { submit, sink } = await open({ timestamps: 'server' })
  expect((await submit({ ...GOOD, timestamp: '2028-01-01T00:00:00Z' })).status).toBe(201)
  expect(sink.events()[0]?.attributes.get('timestamp.claimed')).toBe('2028-01-01T00:00:00.000Z')
})

test('server time: the sender’s is kept beside it, and still tells events apart', async () => {
  const { submit, sink } = await open({ timestamps: 'server' })
  const { ids } = (await submit(GOOD)).body
  expect((await submit(GOOD)).body).toEqual({ ids, repeated: [0] })
  const [event] = sink.events()
  expect(event?.timestampNs).toBe(-(2n ** 63n))
  expect(event?.attributes.get('timestamp.claimed')).toBe('2026-11-21T11:59:00.500Z')
})

test('bodies together have a limit', async () => {
  const { submit } = await open({ bytesMax: 1024 * 1024 })
  const large = { ...GOOD, event: 'x'.repeat(900_000) }
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => submit({ ...large, n })))
  expect(answers.every(({ status }) => status === 201 || status === 429)).toBe(true)
  expect((await submit({ ...large, event: 'y'.repeat(900_000) })).status).toBe(201)
  expect(
    (
      await submit([
        { ...GOOD, event: 'x'.repeat(700_000) },
        { ...GOOD, event: 'y'.repeat(700_000) },
      ])
    ).status,
  ).toBe(429)
})

sourceContract(
  'eventlog',
  async () => {
    const { submit, sink, counters } = await open()
    return {
      sink,
      counters,
      deliver: async (bytes) => (await submit(bytes)).status < 300,
      close: async () => server?.http.close(),
    }
  },
  [
    {
      name: 'one event',
      bytes: Buffer.from(JSON.stringify(GOOD)),
      events: [{ service: 'shop', message: 'payment declined', severity: 17 }],
      rejected: {},
    },
    {
      name: 'a mistake among good events',
      bytes: Buffer.from(JSON.stringify([GOOD, { ...GOOD, level: 'loud' }])),
      events: [],
      rejected: { invalid_level: 1 },
    },
    { name: 'no JSON', bytes: Buffer.from('['), events: [], rejected: { not_closed: 1 } },
  ],
)
