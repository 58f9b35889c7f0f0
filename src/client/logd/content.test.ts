import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { contentOf, type LogdContent } from './content.ts'

const error = new TypeError('disk full')
const cycle: Record<string, unknown> = { name: 'ring' }
cycle['self'] = cycle
const request = Object.assign(new IncomingMessage(new Socket()), { method: 'PUT', url: '/api' })
const stack = expect.stringContaining('TypeError: disk full\n    at ') as unknown as string

describe('what the arguments of a call say', () => {
  test.each<[what: string, args: unknown[], content: LogdContent]>([
    ['nothing', [], { text: '' }],
    ['a text, as it is', ['100% of %s'], { text: '100% of %s' }],
    ['a format', ['%s is %d years old', 'ann', 7], { text: 'ann is 7 years old' }],
    ['values without a place in the format', ['a', 1, true, null], { text: 'a 1 true null' }],
    ['an object that has a place in the format', ['got %j', { a: 1 }], { text: 'got {"a":1}' }],
    ['a percent sign is no place', ['100%% %s', { a: 1 }], { text: '100% { a: 1 }' }],
    ['no text at all', [42], { text: '42' }],
    ['an object first', [{ user: 'ann' }, 'hello %s', 'you'], { text: 'hello you {"user":"ann"}' }],
    ['an object last', ['hello %s', 'you', { user: 'ann' }], { text: 'hello you {"user":"ann"}' }],
    ['an object alone', [{ user: 'ann' }], { text: '{"user":"ann"}' }],
    ['its own message', [{ msg: 'hello', user: 'ann' }], { text: 'hello {"user":"ann"}' }],
    ['an error', [error], { text: 'TypeError: disk full', stackTrace: stack }],
    ['an error first', [error, 'saving %s', 'x'], { text: 'saving x: TypeError: disk full', stackTrace: stack }],
    ['an error last', ['saving', error], { text: 'saving: TypeError: disk full', stackTrace: stack }],
    ['an error within', [{ err: error, id: 7 }, 'a'], { text: 'a {"id":7}: TypeError: disk full', stackTrace: stack }],
    [
      'a request',
      ['done', { method: 'get', url: '/a?b=c', status: 200, ms: 3 }],
      { text: 'done {"ms":3}', httpMethod: 'GET', url: '/a?b=c', responseStatus: 200 },
    ],
    [
      'what pino calls a request and its response',
      [{ req: { method: 'POST', url: '/x', headers: {} }, res: { statusCode: 503 } }, 'done'],
      { text: 'done', httpMethod: 'POST', url: '/x', responseStatus: 503 },
    ],
    ['a request of node:http', [{ req: request }, 'in'], { text: 'in', httpMethod: 'PUT', url: '/api' }],
    [
      'what only has the same names',
      [{ method: 'by hand', status: 'active', url: 5 }],
      { text: '{"method":"by hand","status":"active","url":5}' },
    ],
    ['a cycle', [cycle], { text: "{ name: 'ring', self: <ref *1> { name: 'ring', self: [Circular *1] } }" }],
    [
      'what JSON has no words for',
      [{ big: 7n, map: new Map([[1, 2]]) }],
      { text: '{"big":"7","map":"Map(1) { 1 => 2 }"}' },
    ],
    ['a list', ['ids', [1, 2]], { text: 'ids [1,2]' }],
    ['a date', ['at', new Date(0)], { text: 'at 1970-01-01T00:00:00.000Z' }],
  ])('%s', (_what, args, content) => expect(contentOf(args)).toEqual(content))

  test('causes are part of the stack trace', () => {
    const { stackTrace } = contentOf([new Error('cannot save', { cause: error })])
    expect(stackTrace).toContain('[cause]: TypeError: disk full')
  })

  test('arguments stay as they are', () => {
    const details = { method: 'GET', url: '/', user: 'ann', req: { url: '/' } }
    const before = structuredClone(details)
    contentOf(['a', details])
    expect(details).toEqual(before)
  })
})
