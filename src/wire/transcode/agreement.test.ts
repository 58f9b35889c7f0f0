/** Properties: the fast and the careful way agree with each other and with JSON.parse, however the bytes are cut. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch } from '../../core/batch.ts'
import { parseTimestamp } from '../../core/time.ts'
import { EVENT_LIMITS } from './limits.ts'
import { knownNameIndex } from './names.ts'
import { eventDefaults } from './row-writer.ts'
import { eventsOf, transcode } from './testing/transcode.ts'
import { LineTranscoder } from './transcoder.ts'
import { TimestampReader, writeTimestamp } from './timestamp.ts'

const name = fc.oneof(
  fc.constantFrom(
    'message',
    'msg',
    'level',
    'severity',
    'timestamp',
    'ts',
    'service',
    'host',
    'trace_id',
    'a',
    'b',
    'c',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 80 }),
)
const scalar = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('info', 'WARN', 'error', '2026-11-21T10:00:00.123Z', '2026-11-21T10:00:00+02:00', ''),
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.dictionary(name, tie('any'), { maxKeys: 4 }),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
})).any
const flatObject = fc.dictionary(name, scalar, { maxKeys: 12 })
const object = fc.dictionary(name, value, { maxKeys: 8 })
const layout = fc.constantFrom<(text: unknown) => string>(
  (data) => JSON.stringify(data),
  (data) => JSON.stringify(data, null, 1),
  (data) => JSON.stringify(data, null, ' ').replaceAll(/\n */g, ' '),
)

const DEFAULTS = eventDefaults({ service: 'dflt', host: 'h' }, 1)
/** Shared, so that it goes on learning from one case to the next. */
const shared = new LineTranscoder(EVENT_LIMITS)

function both(line: string) {
  const bytes = Buffer.from(line)
  const quick = new EventBatch()
  const careful = new EventBatch()
  shared.forget()
  const isQuick = shared.json(bytes, 0, bytes.length, quick, DEFAULTS)
  const isCareful = shared.jsonCarefully(bytes, 0, bytes.length, careful, DEFAULTS)
  expect(isQuick).toBe(isCareful)
  expect(eventsOf(quick)).toEqual(eventsOf(careful))
  return eventsOf(quick)[0]
}

/** What the documentation promises, by plain JSON.parse: only for names and values that mean nothing special. */
function flatten(data: Record<string, unknown>, prefix: string, depth: number, into: Map<string, string>): void {
  for (const [key, member] of Object.entries(data)) {
    const path = prefix === '' && depth === 1 ? key : `${prefix}.${key}`
    if (member === null) continue
    const isObject = typeof member === 'object' && !Array.isArray(member) && Object.keys(member).length > 0
    if (isObject && depth <= EVENT_LIMITS.depthMax) flatten(member as Record<string, unknown>, path, depth + 1, into)
    else into.set(path, typeof member === 'string' ? Buffer.from(member).toString() : JSON.stringify(member))
  }
}

describe('the two ways through a JSON line', () => {
  test('agree on flat objects', () => {
    fc.assert(
      fc.property(flatObject, layout, (data, write) => void both(write(data).replaceAll('\n', ' '))),
      { numRuns: 2000 },
    )
  })

  test('agree on anything', () => {
    fc.assert(
      fc.property(object, layout, (data, write) => void both(write(data).replaceAll('\n', ' '))),
      { numRuns: 2000 },
    )
  })

  test('agree on objects in objects whose names meet', () => {
    const short = fc.constantFrom('a', 'b', 'a.b', 'b.a', 'service', 'name', 'service.name', 'level', '', '.')
    const nested = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 6, depthSize: 'medium' },
        fc.constantFrom<unknown>('x', 1, null, true, 'é"', {}, [], [1, { a: [] }]),
        fc.dictionary(short, tie('any'), { maxKeys: 3 }),
      ),
    })).any
    fc.assert(
      fc.property(fc.dictionary(short, nested, { minKeys: 1, maxKeys: 4 }), (data) => void both(JSON.stringify(data))),
      { numRuns: 3000 },
    )
  })

  test('agree on damaged lines, and never throw', () => {
    fc.assert(
      fc.property(fc.oneof(flatObject, object), fc.nat(), fc.string({ maxLength: 3 }), (data, place, insert) => {
        const line = JSON.stringify(data)
        const at = place % (line.length + 1)
        both(line.slice(0, at) + insert + line.slice(at + (place % 3)))
        both(line.slice(0, at) + '}{[],:"'.charAt(place % 7) + line.slice(at))
      }),
      { numRuns: 2000 },
    )
  })

  test('keep what JSON.parse sees', () => {
    const plainName = name.filter(
      (key) => knownNameIndex(key) === 0 && !key.includes('.') && Buffer.from(key).toString() === key,
    )
    const plainObject = fc.dictionary(
      plainName,
      fc.letrec((tie) => ({
        any: fc.oneof({ maxDepth: 4 }, scalar, fc.dictionary(plainName, tie('any'), { maxKeys: 4 })),
      })).any,
      { maxKeys: 8 },
    )
    fc.assert(
      fc.property(plainObject, (data) => {
        const line = JSON.stringify(data)
        const expected = new Map<string, string>()
        flatten(JSON.parse(line) as Record<string, unknown>, '', 1, expected)
        const known = [...expected.keys()].filter((key) => knownNameIndex(key) !== 0)
        fc.pre(known.length === 0)
        expect(both(line)?.attributes).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the bytes may be cut anywhere', () => {
  const line = fc.oneof(
    flatObject.map((data) => JSON.stringify(data)),
    object.map((data) => JSON.stringify(data)),
    fc.constantFrom('', '\r', 'oops', '12', '{"a":"é😀"}', '{"a":"\\u00e9"}'),
  )
  const bytes = fc.oneof(
    fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'))),
    fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(`[${lines.join(',')}]`)),
    fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data)),
  )
  test.each(['lines', 'json', 'text', 'detect'] as const)('%s', (format) => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 40 }), (input, chunkBytes) => {
        expect(transcode(input, format, { chunkBytes })).toEqual(transcode(input, format))
      }),
      { numRuns: 500 },
    )
  })
})

const digits = (min: number, max: number) => fc.stringMatching(new RegExp(`^[0-9]{${min},${max}}$`))

describe('times', () => {
  const text = fc.oneof(
    fc
      .date({ min: new Date('1900-01-01'), max: new Date('2300-01-01'), noInvalidDate: true })
      .map((d) => d.toISOString()),
    fc
      .tuple(digits(4, 4), digits(2, 2), digits(2, 2), digits(2, 2), digits(2, 2), digits(2, 2), digits(0, 12))
      .map(([y, mo, d, h, mi, s, f]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${f === '' ? '' : `.${f}`}`),
    fc
      .tuple(
        fc.date({ min: new Date('1960-01-01'), noInvalidDate: true, max: new Date('2200-01-01') }),
        digits(1, 12),
        digits(4, 4),
      )
      .map(([d, f, z]) => `${d.toISOString().slice(0, 19)}.${f}+${z.slice(0, 2)}:${z.slice(2)}`),
    digits(1, 20),
    fc.tuple(digits(1, 19), digits(1, 12)).map(([a, b]) => `${a}.${b}`),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }).map(String),
    fc.string({ maxLength: 40 }),
  )
  test('are read as core reads them', () => {
    const reader = new TimestampReader()
    const cell = Buffer.alloc(8)
    const cells = new DataView(cell.buffer, cell.byteOffset, 8)
    fc.assert(
      fc.property(text, (written) => {
        const bytes = Buffer.from(written, 'latin1')
        let found: bigint | undefined
        if (reader.read(bytes, 0, bytes.length)) {
          writeTimestamp(cells, 0, reader.seconds, reader.nanoseconds)
          found = cell.readBigInt64LE()
        }
        expect(found).toBe(parseTimestamp(bytes.toString('latin1')))
      }),
      { numRuns: 5000 },
    )
  })
})
