import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch, EventView, NO_TIMESTAMP, writeVarint, type EventInput } from './batch.ts'
import { TEXT_FIELDS } from './event.ts'

const text = fc.string({ unit: 'binary', maxLength: 300 })
const eventInput: fc.Arbitrary<EventInput> = fc.record({
  timestampNs: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  severity: fc.integer({ min: 0, max: 24 }),
  service: text,
  host: text,
  source: text,
  message: text,
  trace_id: text,
  span_id: text,
  attributes: fc.array(fc.tuple(text, text), { maxLength: 5 }).map((entries) => new Map(entries)),
})

describe('EventBatch and EventView', () => {
  test('what is appended is what is read, at any capacity', () => {
    fc.assert(
      fc.property(fc.array(eventInput, { maxLength: 8 }), fc.integer({ min: 1, max: 4096 }), (events, capacity) => {
        const batch = new EventBatch(capacity, 1)
        for (const event of events) batch.append(event)
        expect(batch.rows).toBe(events.length)
        const view = new EventView()
        let end = 0
        for (const [row, event] of events.entries()) {
          expect(batch.offsets[row]).toBe(end)
          view.at(batch.bytes, end)
          expect(view.toEvent()).toEqual({ receivedNs: 0n, ...event })
          end = view.end
          expect(batch.rowEnd(row)).toBe(end)
        }
        expect(batch.length).toBe(end)
      }),
    )
  })

  test('fields are found in any order of asking', () => {
    fc.assert(
      fc.property(eventInput, fc.shuffledSubarray([...TEXT_FIELDS, 'attributes' as const]), (event, order) => {
        const batch = new EventBatch()
        batch.append(event)
        const view = new EventView().at(batch.bytes, 0)
        for (const field of order) {
          if (field === 'attributes') expect(view.attributes).toEqual(event.attributes)
          else expect(view.text(field)).toBe(event[field])
        }
      }),
    )
  })

  test('an event without anything but a message', () => {
    const batch = new EventBatch()
    batch.append({ message: 'x' })
    const event = new EventView().at(batch.bytes, 0).toEvent()
    expect(event).toMatchObject({ timestampNs: NO_TIMESTAMP, severity: 0, service: '', message: 'x' })
  })

  test('the layout is what its description says', () => {
    const batch = new EventBatch()
    batch.append({ timestampNs: 1n, severity: 9, service: 's', message: 'é', attributes: new Map([['k', 'v']]) })
    const expected = [
      1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0x73, 0, 0, 2, 0xc3, 0xa9, 0, 0, 1, 1, 0x6b, 1, 0x76,
    ]
    expect([...batch.bytes.subarray(0, batch.length)]).toEqual(expected)
  })

  test('lone surrogates become U+FFFD', () => {
    const batch = new EventBatch()
    batch.append({ message: 'a\ud800b' })
    expect(new EventView().at(batch.bytes, 0).text('message')).toBe('a\ufffdb')
  })

  test('a damaged row throws instead of reading on', () => {
    const bytes = Buffer.alloc(40, 0xff)
    expect(() => new EventView().at(bytes, 0).attributes).toThrow(RangeError)
    const batch = new EventBatch()
    batch.append({ message: 'hello', attributes: new Map([['key', 'value']]) })
    for (let cut = 20; cut < batch.length; cut++) {
      const view = new EventView().at(batch.bytes.subarray(0, cut), 0)
      expect(() => view.attributes).toThrow(RangeError)
      expect(() => view.at(batch.bytes.subarray(0, cut), 0).attribute('key')).toThrow(RangeError)
      expect(() => view.at(batch.bytes.subarray(0, cut), 0).end).toThrow(RangeError)
    }
  })

  test('one attribute is what it is among all, and a row copied is the row', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'k', 'key', 'é', 'e\u0301', '日本', '\0'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), text, text, (entries, name, message) => {
        const batch = new EventBatch()
        batch.append({ message: 'before' })
        batch.append({ message, attributes: new Map(entries) })
        batch.append({ message: 'after' })
        const start = batch.offsets[1] ?? 0
        const whole = new EventView().at(batch.bytes, start).attributes
        for (const asked of [name, ...whole.keys()]) {
          const view = new EventView().at(batch.bytes, start)
          expect(view.attribute(asked)).toBe(whole.get(asked))
          expect(view.text('message')).toBe(new EventView().at(batch.bytes, start).text('message'))
        }
        const view = new EventView().at(batch.bytes, start)
        expect(view.end).toBe(batch.rowEnd(1))
        expect(new EventView().at(view.copy(), 0).toEvent()).toEqual(view.toEvent())
        expect(new EventView().at(batch.bytes, start, batch.rowEnd(1)).copy()).toEqual(view.copy())
      }),
    )
  })

  test('of a name that stands twice the last counts, also when only that is asked for', () => {
    const batch = new EventBatch()
    batch.append({
      message: '',
      attributes: new Map([
        ['aa', '1'],
        ['ab', '2'],
      ]),
    })
    const doubled = Buffer.from(batch.bytes.subarray(0, batch.length))
    doubled[doubled.lastIndexOf('b')] = 'a'.charCodeAt(0)
    expect(new EventView().at(doubled, 0).attributes.get('aa')).toBe('2')
    expect(new EventView().at(doubled, 0).attribute('aa')).toBe('2')
  })

  test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 32 - 1])('varint %d', (value) => {
    const bytes = Buffer.alloc(8)
    const end = writeVarint(bytes, 0, value)
    const decoded = bytes.subarray(0, end).reduceRight((sum, byte) => sum * 128 + (byte & 0x7f), 0)
    expect(decoded).toBe(value)
  })
})
