import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contextText, type Context } from './serialise.ts'

function read(context: Context): Record<string, unknown> {
  return JSON.parse(`{"a":0${contextText(context)}}`) as Record<string, unknown>
}

function refuse(): never {
  throw new Error('never')
}

class Money {
  amount = 12n
  toJSON() {
    return { amount: this.amount, currency: 'EUR' }
  }
}

const circular: Record<string, unknown> = { name: 'x' }
circular['self'] = { up: circular }
const shared = { n: 1 }
const deep = { a: { b: { c: { d: { e: { f: { g: { h: { i: 1 } } } } } } } } }
const throwing = Object.defineProperty({ fine: 1 }, 'bad', {
  enumerable: true,
  get() {
    throw new Error('no')
  },
})

describe('context', () => {
  const cases: [name: string, value: unknown, written: unknown][] = [
    ['text', 'é"\n\u0000\ud83d\ude00', 'é"\n\u0000\ud83d\ude00'],
    ['numbers', [1, -0.5, 1e21, Number.NaN, Infinity], [1, -0.5, 1e21, 'NaN', 'Infinity']],
    ['not a number alone', Number.NaN, 'NaN'],
    ['truth', [true, false, null], [true, false, null]],
    ['bigint', [2n ** 64n], ['18446744073709551616']],
    ['bigint alone', 2n ** 64n, '18446744073709551616'],
    ['date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['no date', new Date(Number.NaN), 'Invalid Date'],
    [
      'map',
      new Map<unknown, unknown>([
        ['k', 1n],
        [2, new Set([3])],
      ]),
      { k: '1', 2: [3] },
    ],
    ['map by object', new Map([[{ x: 1 }, 2]]), [[{ x: 1 }, 2]]],
    ['bytes', Buffer.from('hello'), Buffer.from('hello').toString('base64')],
    ['url and pattern', [new URL('http://x/'), /a/g], ['http://x/', '/a/g']],
    ['own JSON form', new Money(), { amount: '12', currency: 'EUR' }],
    ['circle', circular, { name: 'x', self: { up: '[circular]' } }],
    ['twice the same is no circle', [shared, shared], [{ n: 1 }, { n: 1 }]],
    ['too deep', deep, { a: { b: { c: { d: { e: { f: { g: { h: '[deeper]' } } } } } } } }],
    ['getter that throws', throwing, { fine: 1, bad: '[unreadable: no]' }],
    ['function and symbol', [read, Symbol('s')], ['[function read]', 'Symbol(s)']],
    ['array that is long', Array.from({ length: 1500 }, () => 0), Array.from({ length: 1000 }, () => 0)],
  ]
  test.each(cases)('%s', (_name, value, written) => expect(read({ value })).toEqual({ a: 0, value: written }))

  test('an error tells its type, stack, causes and own properties', () => {
    const cause = new TypeError('inner', { cause: { code: 7 } })
    const error = Object.assign(new RangeError('outer', { cause }), { status: 503, again: cause })
    expect(read({ error })['error']).toEqual({
      type: 'RangeError',
      message: 'outer',
      stacktrace: expect.stringContaining('serialise.test.ts'),
      causes: ['TypeError: inner', '{"code":7}'],
      status: 503,
      again: expect.objectContaining({ type: 'TypeError', message: 'inner' }),
    })
  })

  test('causes in a circle, and errors of errors', () => {
    const error = new AggregateError([new Error('one')], 'many')
    error.cause = error
    const written = read({ error })['error'] as { causes: string[]; errors: { message: string }[] }
    expect(written.causes).toHaveLength(10)
    expect(written.errors.map(({ message }) => message)).toEqual(['one'])
  })

  test('what is undefined is not there; names of the logger’s own stay its own', () => {
    expect(read({ none: undefined, event: 'e', timestamp: 1, __proto__: null })).toEqual({
      a: 0,
      'context.event': 'e',
      'context.timestamp': 1,
    })
  })

  test('a proxy that throws at everything', () => {
    const value: unknown = new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse })
    expect(read({ value })['value']).toContain('unreadable')
  })

  test('anything is one line of JSON, and JSON stays what it was', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (context) => {
        const text = contextText(context)
        expect(text).not.toContain('\n')
        const own = Object.keys(context).some((name) => ['a', 'event', 'level', 'host'].includes(name))
        if (!own) expect(read(context)).toEqual({ a: 0, ...(JSON.parse(JSON.stringify(context)) as object) })
      }),
    )
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true }), (value) => {
        expect(() => read({ value })).not.toThrow()
      }),
    )
  })
})
