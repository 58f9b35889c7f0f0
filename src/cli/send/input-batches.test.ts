import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inputBatches, LineGatherer, type LineBatch } from './input-batches.ts'

const JSON_TYPE = 'application/x-ndjson'
const TEXT_TYPE = 'text/plain'

const textOf = ({ pieces }: LineBatch) => Buffer.concat(pieces).toString('utf8')
const shown = (batch: LineBatch) => [batch.contentType, textOf(batch)]

const none = () => expect.unreachable()

function gather(chunks: readonly (string | Buffer)[], lineBytesMax = 1000) {
  const gatherer = new LineGatherer(lineBytesMax)
  for (const chunk of chunks) gatherer.add(Buffer.from(chunk))
  gatherer.end()
  return { batches: gatherer.take(), oversized: gatherer.oversized }
}

describe('lines of text and of JSON', () => {
  test.each<[name: string, chunks: string[], batches: [type: string, text: string][]]>([
    ['nothing', [], []],
    ['text', ['a\nb\n'], [[TEXT_TYPE, 'a\nb\n']]],
    ['the last line needs no newline', ['a\nb'], [[TEXT_TYPE, 'a\nb\n']]],
    ['JSON', ['{"a":1}\n {"b":2} \r\n'], [[JSON_TYPE, '{"a":1}\n {"b":2} \r\n']]],
    ['what only looks like JSON is text', ['{a}\n{"a":}\n[1]\n"x"\n'], [[TEXT_TYPE, '{a}\n{"a":}\n[1]\n"x"\n']]],
    ['a line in many chunks', ['{"a"', ':', '1}', '\nb'], [[JSON_TYPE, '{"a":1}\n{"message":"b"}\n']]],
    ['blank lines belong to their neighbours', ['{"a":1}\n\n{"a":2}\n'], [[JSON_TYPE, '{"a":1}\n\n{"a":2}\n']]],
    [
      'mixed: text is wrapped',
      ['a"\n{"b":2}\nc\\\n'],
      [[JSON_TYPE, '{"message":"a\\""}\n{"b":2}\n{"message":"c\\\\"}\n']],
    ],
  ])('%s', (_name, chunks, expected) => expect(gather(chunks).batches.map(shown)).toEqual(expected))

  test('a lot of text between JSON goes by itself, in its place', () => {
    const text = 'text\n'.repeat(200)
    const { batches } = gather(['{"a":1}\n', text, '{"a":2}\nx\n'])
    expect(batches.map(shown)).toEqual([
      [JSON_TYPE, '{"a":1}\n'],
      [TEXT_TYPE, text],
      [JSON_TYPE, '{"a":2}\n{"message":"x"}\n'],
    ])
    expect(batches.map(({ firstLine }) => firstLine)).toEqual([1, 2, 202])
    expect(batches.map(({ lines }) => lines)).toEqual([1, 200, 2])
  })

  test('a very long text line between JSON stays text: the server cuts it instead of rejecting it', () => {
    const text = `${'x'.repeat(100_000)}\n`
    const { batches } = gather(['{"a":1}\n', text, '{"a":2}\n'], 200_000)
    expect(batches.map(shown)).toEqual([
      [JSON_TYPE, '{"a":1}\n'],
      [TEXT_TYPE, text],
      [JSON_TYPE, '{"a":2}\n'],
    ])
  })

  test('lines and events are counted, numbers go on from batch to batch', () => {
    const gatherer = new LineGatherer(1000)
    gatherer.add(Buffer.from('a\n\n  \nb\nc'))
    expect(gatherer.take()).toMatchObject([{ firstLine: 1, lines: 4, events: 2, bytes: 8 }])
    gatherer.add(Buffer.from('d\n'))
    expect(gatherer.take()).toMatchObject([{ firstLine: 5, lines: 1, events: 1, bytes: 3 }])
  })

  test('a line that is too long is left out and named, the others keep their numbers', () => {
    const { batches, oversized } = gather([
      'a\n',
      'x'.repeat(600),
      'x'.repeat(600),
      'x'.repeat(9000),
      '\nb\n',
      'y'.repeat(1001),
    ])
    expect(batches.map(shown)).toEqual([[TEXT_TYPE, 'a\n\nb\n\n']])
    expect(oversized).toEqual([2, 4].map((line) => ({ line, reason: 'the line is longer than 1000 bytes' })))
  })

  test('bytes pass through untouched, wherever they are cut', () => {
    const line = fc.oneof(
      fc
        .uint8Array({ maxLength: 40 })
        .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a && byte !== 0x7b))),
      fc.string({ maxLength: 200 }).map((text) => Buffer.from(text.replaceAll(/[\n{]/g, ''))),
    )
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
        const whole = Buffer.concat(lines.flatMap((bytes) => [bytes, Buffer.from('\n')]))
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
        const { batches } = gather(places.slice(1).map((end, index) => whole.subarray(places[index], end)))
        expect(Buffer.concat(batches.flatMap(({ pieces }) => pieces))).toEqual(whole)
      }),
    )
  })

  test('order is kept whatever the mixture', () => {
    const kinds = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 150 })), { maxLength: 12 })
    fc.assert(
      fc.property(kinds, (runs) => {
        let next = 0
        const input = runs.map(([isJson, count]) =>
          Array.from({ length: count }, () => (isJson ? `{"message":"${next++}"}\n` : `${next++}\n`)).join(''),
        )
        const found = gather(input).batches.flatMap((batch) =>
          textOf(batch)
            .trim()
            .split('\n')
            .map((line) =>
              batch.contentType === JSON_TYPE ? (JSON.parse(line) as { message: string }).message : line,
            ),
        )
        expect(found).toEqual(Array.from({ length: next }, (_, index) => String(index)))
      }),
    )
  })
})

describe('batches', () => {
  const LIMITS = { bytesMax: 1000, waitMsMax: 20, lineBytesMax: 10_000 }

  test('go out when they are large enough', async () => {
    const input = Readable.from(Array.from({ length: 100 }, () => Buffer.from(`${'x'.repeat(99)}\n`)))
    const sizes: number[] = []
    for await (const { bytes } of inputBatches(input, { ...LIMITS, waitMsMax: 60_000 }, none)) sizes.push(bytes)
    expect(sizes).toEqual(Array.from({ length: 10 }, () => 1000))
  })

  test('go out after a while, though more keeps coming', async () => {
    const taken: string[] = []
    /** A line at once, then pieces of the next for as long as the first was not taken. */
    async function* input() {
      yield Buffer.from('first\n')
      while (taken.length === 0) {
        await new Promise((resolve) => setImmediate(resolve))
        yield Buffer.from('x')
      }
    }
    for await (const batch of inputBatches(input(), { ...LIMITS, lineBytesMax: Infinity }, none)) {
      taken.push(textOf(batch))
    }
    expect(taken).toEqual(['first\n', expect.stringMatching(/^x*\n$/)])
  })

  test('nothing is read while a batch is being sent', async () => {
    let chunks = 0
    async function* input() {
      for (; chunks < 1000; chunks++) yield Buffer.from(`${'x'.repeat(99)}\n`)
    }
    let taken = 0
    for await (const { lines } of inputBatches(input(), LIMITS, none)) {
      taken += lines
      await new Promise((resolve) => setImmediate(resolve))
      expect(chunks - taken).toBeLessThanOrEqual(1)
    }
    expect(taken).toBe(1000)
  })

  test('a stop is the end of the input', async () => {
    const stop = new AbortController()
    async function* input() {
      yield Buffer.from('a\nb')
      stop.abort()
      await new Promise(() => {})
    }
    const batches: string[] = []
    for await (const batch of inputBatches(input(), LIMITS, none, stop.signal)) batches.push(textOf(batch))
    expect(batches.join('')).toBe('a\nb\n')
  })
})
