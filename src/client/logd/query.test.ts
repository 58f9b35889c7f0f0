import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogdMessage } from '../../wire/logd/message.ts'
import { LogdSilence, query, type LogdQueryOptions } from './query.ts'
import { SECRET, startTinyLogd, type TinyLogd } from './testing/tiny-logd.ts'

let server: TinyLogd
beforeEach(async () => void (server = await startTinyLogd()))
afterEach(() => server.close().catch(() => undefined))

const ask = (options: Partial<LogdQueryOptions> = {}) => query({ port: server.port, secret: SECRET, ...options })

async function textsOf(answer: AsyncIterable<LogdMessage>, texts: string[] = []): Promise<string[]> {
  for await (const { text } of answer) texts.push(text)
  return texts
}

test('a question arrives whole, and its answer ends at the end', async () => {
  server.answer = ({ from }) => {
    server.say({ text: 'newest' }, from)
    server.say({ text: 'older' }, from)
    server.end(from)
    server.say({ text: 'after the end' }, from)
  }
  const question = { keyPrefix: '/a', level: 'info', limit: 7, offset: 1, startNs: 5n, endNs: 9n, text: 't' } as const
  expect(await textsOf(ask({ query: question }))).toEqual(['newest', 'older'])
  expect(server.received.map(({ command }) => command)).toEqual([{ name: 'query', query: question }])
})

test('what the server says about its answer is handed on', async () => {
  server.answer = ({ from }) => {
    server.say({ text: 'found' }, from)
    server.say({ key: '//logd', text: '3 messages were overwritten' }, from)
    server.end(from)
  }
  const notices: string[] = []
  expect(await textsOf(ask({ onNotice: (text) => notices.push(text) }))).toEqual(['found'])
  expect(notices).toEqual(['3 messages were overwritten'])
})

test('an answer may be empty', async () => {
  server.answer = ({ from }) => server.end(from)
  expect(await textsOf(ask())).toEqual([])
})

test('a question that is lost is asked again', async () => {
  server.answer = ({ from }) => {
    if (server.received.length < 2) return
    server.say({ text: 'found' }, from)
    server.end(from)
  }
  expect(await textsOf(ask({ silenceMs: 50 }))).toEqual(['found'])
  const ports = server.received.map(({ from }) => from.port)
  expect(new Set(ports).size).toBe(2)
})

describe('an answer that does not come to its end', () => {
  test('is an error that says how much there was, after what there was', async () => {
    server.answer = ({ from }) => server.say({ text: 'only' }, from)
    const texts: string[] = []
    const failed = textsOf(ask({ silenceMs: 50 }), texts)
    await expect(failed).rejects.toThrow(/broke off after 1 messages: its end is missing/)
    await expect(failed).rejects.toMatchObject({ received: 1 })
    expect(texts).toEqual(['only'])
    expect(server.received).toHaveLength(1)
  })

  test('nor begins: that says what it may be', async () => {
    await expect(textsOf(ask({ silenceMs: 20 }))).rejects.toThrow(/not a word within 20 ms/)
    expect(server.received).toHaveLength(2)
    await expect(textsOf(ask({ secret: 'wrong', silenceMs: 20 }))).rejects.toBeInstanceOf(LogdSilence)
    expect(server.refused).toHaveLength(2)
  })

  test('nobody listens: that is said at once', async () => {
    await server.close()
    await expect(textsOf(ask({ silenceMs: 60_000 }))).rejects.toThrow(/nothing listens there/)
  })

  test('garbage is not taken for an answer', async () => {
    server.answer = ({ from }) => server.say(Buffer.from('ffff', 'hex'), from)
    await expect(textsOf(ask({ silenceMs: 30 }))).rejects.toThrow(/not a word/)
  })

  test('the reader that is too slow learns that something is missing', async () => {
    server.answer = ({ from }) => {
      for (let i = 0; i < 10; i++) server.say({ text: `${i}` }, from)
      server.end(from)
    }
    const slow = ask({ messagesMax: 3 })
    expect((await slow.next()).value).toMatchObject({ text: '0' })
    // Another question and its answer take several turns, in which the rest of the first one arrives.
    expect(await textsOf(ask())).toHaveLength(10)
    const texts: string[] = []
    await expect(textsOf(slow, texts)).rejects.toThrow(/6 messages came while the reader was busy/)
    expect(texts).toEqual(['1', '2', '3'])
  })
})

test('a signal ends it with its reason', async () => {
  const stop = new AbortController()
  const answer = ask({ signal: stop.signal, silenceMs: 60_000 })
  const next = answer.next()
  await server.wait(1)
  stop.abort(new Error('enough'))
  await expect(next).rejects.toThrow('enough')
  await expect(ask({ signal: stop.signal }).next()).rejects.toThrow('enough')
})

test('a host that does not exist', async () => {
  await expect(ask({ host: 'no-such-host.invalid' }).next()).rejects.toMatchObject({ syscall: 'getaddrinfo' })
})
